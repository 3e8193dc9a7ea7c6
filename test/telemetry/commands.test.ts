import { spawnSync } from "node:child_process";
import { createPrivateKey, createPublicKey, type JsonWebKey, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import { describe, expect, it } from "vitest";
import { makeCommandCodec } from "../../gateway/commands/command-codec.ts";
import {
  type Command,
  type CommandResult,
  commandFailures,
  commandRefusals,
  commandStages,
  commandStates,
  isLast,
  priorities,
} from "../../gateway/model/command.ts";
import type { IncomingCommand } from "../../gateway/northbound/northbound.ts";
import { signCommand as signAsTheCity } from "../../simulators/city-control.ts";
import { signCommand } from "./sign-command.ts";

interface Vectors {
  readonly gateway: string;
  readonly keys: Readonly<Record<string, { issuers: readonly string[]; jwk: JsonWebKey }>>;
  readonly commands: readonly {
    name: string;
    device: string;
    body: Record<string, unknown>;
    command: Command;
    hex: string;
  }[];
  readonly signed: readonly {
    name: string;
    of: string;
    kid: string;
    externalAad: string;
    toBeSigned: string;
    hex: string;
  }[];
  readonly results: readonly {
    name: string;
    result: CommandResult;
    body: Record<string, unknown>;
    hex: string;
  }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../golden/command-vectors.json", import.meta.url), "utf8"),
  // Bytes are written {"hex": "01ff"} where a value may stand.
  (_, value) => (isBytes(value) ? bytesOf(value.hex) : value),
);

function isBytes(value: unknown): value is { hex: string } {
  return typeof value === "object" && value !== null && "hex" in value && Object.keys(value).length === 1;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const strict = { rejectDuplicateMapKeys: true, strict: true };
const now = { unixMs: 1_790_000_000_000, trusted: true };
const { gateway, keys } = vectors;
const jwkOf = (kid: string) => keys[kid]!.jwk;
const privateKey = (kid: string) => createPrivateKey({ format: "jwk", key: jwkOf(kid) });
const trust = new Map(
  Object.entries(keys).map(([kid, { issuers, jwk }]) => [
    kid,
    { key: createPublicKey({ format: "jwk", key: jwk }), issuers },
  ]),
);
const open = makeCommandCodec({ gateway, trust: new Map() });
const trusting = makeCommandCodec({ gateway, trust });
const incoming = (device: string, body: Uint8Array): IncomingCommand => ({
  device,
  body,
  retained: false,
  properties: new Map(),
});
const commandOf = (name: string) => vectors.commands.find((one) => one.name === name)!;

describe("golden commands", () => {
  it.each(vectors.commands)("$name", ({ device, body, command, hex: text }) => {
    expect(cborgDecode(bytesOf(text), strict)).toEqual(body);
    expect(hex(cborgEncode(body))).toBe(text);
    expect(open.decode(incoming(device, bytesOf(text)), now)).toEqual({ command });
  });
});

describe("golden signed commands", () => {
  it.each(vectors.signed)("$name", ({ of, kid, externalAad, toBeSigned, hex: text }) => {
    const { device, command, hex: payload } = commandOf(of);
    expect(trusting.decode(incoming(device, bytesOf(text)), now)).toEqual({
      command,
      signedBy: kid,
      issuersOfKey: keys[kid]?.issuers,
    });
    // Without the tag it is the same message.
    expect(trusting.decode(incoming(device, bytesOf(text).subarray(1)), now)).toHaveProperty("command");
    const [protectedBytes, , inside, signature] = cborgDecode(bytesOf(text).subarray(1), {
      ...strict,
      useMaps: true,
    });
    expect(hex(inside)).toBe(payload);
    expect(hex(cborgEncode(["stadsnod-command-v1", gateway, device]))).toBe(externalAad);
    expect(hex(cborgEncode(["Signature1", protectedBytes, bytesOf(externalAad), inside]))).toBe(toBeSigned);
    const key = createPublicKey({ format: "jwk", key: jwkOf(kid) });
    const ecdsa = key.asymmetricKeyType === "ec";
    const good = ecdsa
      ? verify("sha256", bytesOf(toBeSigned), { key, dsaEncoding: "ieee-p1363" }, signature)
      : verify(null, bytesOf(toBeSigned), key, signature);
    expect(good).toBe(true);
    // Ed25519 gives the same bytes every time, ECDSA does not.
    const again = signAsTheCity(bytesOf(payload), {
      key: { kid, privateKey: privateKey(kid) },
      gateway,
      device,
    });
    if (ecdsa) expect(trusting.decode(incoming(device, again), now)).toHaveProperty("command");
    else {
      expect(hex(again)).toBe(text);
      expect(hex(sign(null, bytesOf(toBeSigned), privateKey(kid)))).toBe(hex(signature));
    }
  });
});

describe("golden results", () => {
  it.each(vectors.results)("$name", ({ result, body, hex: text }) => {
    expect(hex(open.encodeResult(result))).toBe(text);
    expect(hex(cborgEncode(body))).toBe(text);
    expect(cborgDecode(bytesOf(text), strict)).toEqual(body);
    expect(result.last).toBe(isLast(result.state));
  });

  it("has one of every state and stage", () => {
    expect(new Set(vectors.results.map(({ result }) => result.state))).toEqual(new Set(commandStates));
    expect(new Set(vectors.results.flatMap(({ result }) => result.stage ?? []))).toEqual(
      new Set(commandStages),
    );
  });
});

describe("docs/telemetry.md on commands", () => {
  const page = readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8");
  const schema = readFileSync(new URL("../../docs/telemetry.cddl", import.meta.url), "utf8");
  const chapter = page.slice(page.indexOf("## Commands and results"));
  const section = (heading: string) =>
    chapter.split(/^### /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";

  /** Codes in the first column of the tables of a part. */
  const codesIn = (text: string) =>
    Array.from(text.matchAll(/^\| (`[^|]*) \|/gm), ([, cell]) => cell!).flatMap((cell) =>
      Array.from(cell.matchAll(/`([a-z-]+)`/g), ([, code]) => code!).filter((code) => code !== "code"),
    );

  it("lists every code, and none that is not", () => {
    const [refused = "", failed = ""] = section("Codes").split("Failed after it was begun");
    expect(codesIn(refused).sort()).toEqual([...commandRefusals].sort());
    expect(codesIn(failed).sort()).toEqual([...commandFailures].sort());
  });

  it("names every key, state, stage and priority", () => {
    const keysOf = (bodies: readonly { body: object }[]) => bodies.flatMap(({ body }) => Object.keys(body));
    const words = [...commandStates, ...commandStages, ...priorities, "release", "confirm"];
    for (const word of new Set([...keysOf(vectors.commands), ...keysOf(vectors.results), ...words])) {
      expect(chapter, word).toContain(`\`${word}\``);
      expect(schema, word).toContain(`"${word}"`);
    }
  });

  it("prints the TypeScript that signs, and it does", () => {
    const source = readFileSync(new URL("sign-command.ts", import.meta.url), "utf8");
    expect(chapter).toContain(source.slice(source.indexOf("import")).trimEnd());
    const { device, body } = commandOf("write");
    const message = signCommand(body, privateKey("city-2026"), "city-2026", gateway, device);
    expect(hex(message)).toBe(vectors.signed.find(({ of }) => of === "write")?.hex);
  });

  // The libraries that the page names are Python's own business: where they are, what it prints is run.
  // The system's own has what its packages bring, whatever else stands before it in the path.
  const python = ["python3", "/usr/bin/python3"].find(
    (one) => spawnSync(one, ["-c", "import cbor2, cryptography"]).status === 0,
  );
  it.skipIf(!python)(
    "prints the Python that signs, and it does (needs python3 with cbor2 and cryptography)",
    () => {
      const printed = /```python\n([\s\S]*?)```/.exec(section("Signed commands"))?.[1] ?? "";
      const { device, body } = commandOf("write");
      const seed = Buffer.from(jwkOf("city-2026").d ?? "", "base64url").toString("hex");
      const program = `${printed}
import json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("${seed}"))
command = json.loads(sys.stdin.read())
print(sign_command(command, key, "city-2026", "${gateway}", "${device}").hex())
`;
      const { stdout, stderr } = spawnSync(python ?? "python3", ["-c", program], {
        input: JSON.stringify(body),
        encoding: "utf8",
      });
      expect(stderr).toBe("");
      expect(stdout.trim()).toBe(vectors.signed.find(({ of }) => of === "write")?.hex);
    },
  );
});
