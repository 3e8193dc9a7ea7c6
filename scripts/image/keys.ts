import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.ts";

/** Who signs the bundles, and whom the image believes. */
export interface SigningKeys {
  readonly cert: string;
  readonly key: string;
  /** The CA that gateways with this image take updates from. */
  readonly ca: string;
  /** Made on this machine, for trying out: no gateway of a city should believe it. */
  readonly development: boolean;
}

/** Keys of this build machine: made once in the cache, never part of a commit or an image. */
export async function developmentKeys(cache: string): Promise<SigningKeys> {
  const folder = join(cache, "development-ca");
  const at = (name: string) => join(folder, name);
  const keys = {
    cert: at("sign.cert.pem"),
    key: at("sign.key.pem"),
    ca: at("ca.cert.pem"),
    development: true,
  };
  if (existsSync(keys.cert)) return keys;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fresh = (name: string) => [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    at(name),
  ];
  const says = (usage: string[]) => usage.flatMap((line) => ["-addext", line]);
  await run("openssl", [
    ...[
      "req",
      "-x509",
      "-days",
      "3650",
      "-subj",
      "/O=Stadsnod/CN=Development CA, not for a city",
      "-out",
      keys.ca,
    ],
    ...fresh("ca.key.pem"),
    ...says(["keyUsage=critical,keyCertSign,cRLSign"]),
  ]);
  await run("openssl", [
    ...[
      "req",
      "-x509",
      "-days",
      "1825",
      "-subj",
      "/O=Stadsnod/CN=Development release signer",
      "-out",
      keys.cert,
    ],
    ...["-CA", keys.ca, "-CAkey", at("ca.key.pem")],
    ...fresh("sign.key.pem"),
    // RAUC asks for nothing else, but a certificate should say what it is for.
    ...says([
      "basicConstraints=critical,CA:FALSE",
      "keyUsage=critical,digitalSignature",
      "extendedKeyUsage=emailProtection,codeSigning",
    ]),
  ]);
  return keys;
}
