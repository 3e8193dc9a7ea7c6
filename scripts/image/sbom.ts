import { createHash } from "node:crypto";
import type { DebianPackage } from "./debian.ts";
import type { LockedPackage } from "./npm-lock.ts";

/** What an image holds, for its bill of materials. */
export interface Contents {
  readonly board: string;
  readonly version: string;
  readonly suite: string;
  readonly epoch: number;
  readonly debian: readonly DebianPackage[];
  /** Licences that Debian's copyright files name, by package. */
  readonly licences: ReadonlyMap<string, readonly string[]>;
  /** By path in package-lock.json. */
  readonly npm: ReadonlyMap<string, LockedPackage>;
  readonly node: { readonly version: string; readonly integrity: string };
}

interface Component {
  readonly type: "application" | "library" | "operating-system" | "firmware" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly alg: "SHA-256" | "SHA-512"; readonly content: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** A CycloneDX 1.6 document (ECMA-424): the same contents give the same bytes. */
export function billOfMaterials(contents: Contents): string {
  const { board, version, suite, epoch } = contents;
  const components: Component[] = [
    ...contents.debian.map((one) => debianComponent(one, suite, contents.licences.get(one.name) ?? [])),
    nodeComponent(contents.node),
    ...[...contents.npm].map(([path, one]) => npmComponent(path, one)),
  ];
  const ref = `stadsnod-${board}@${version}`;
  const body = {
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: { type: "firmware", "bom-ref": ref, name: `stadsnod-${board}`, version },
    },
    components,
    dependencies: [{ ref, dependsOn: components.map((one) => one["bom-ref"]) }],
  };
  return `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
      version: 1,
      ...body,
    },
    null,
    1,
  )}\n`;
}

/** What Debian calls it decides what it is: kernel, boot loader and firmware are not libraries. */
function kindOf(name: string): Component["type"] {
  if (/^linux-image/.test(name)) return "operating-system";
  return /^(u-boot|raspi-firmware|firmware-)/.test(name) ? "firmware" : "library";
}

function debianComponent(one: DebianPackage, suite: string, licences: readonly string[]): Component {
  const { name, version, arch, source, sha256 } = one;
  const upstream =
    source.name === name && source.version === version
      ? ""
      : `&upstream=${encodeURIComponent(`${source.name}@${source.version}`)}`;
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}&distro=debian-${suite}${upstream}`;
  return {
    type: kindOf(name),
    "bom-ref": purl,
    name,
    version,
    ...(licences.length > 0 ? { licenses: licences.map((licence) => ({ license: { name: licence } })) } : {}),
    purl,
    hashes: [{ alg: "SHA-256", content: sha256 }],
    properties: [
      { name: "stadsnod:source", value: `${source.name} ${source.version}` },
      // Its whole text is in the image, also where it names no licence that a machine could read.
      { name: "stadsnod:copyright", value: `/usr/share/doc/${name}/copyright` },
    ],
  };
}

function nodeComponent({ version, integrity }: Contents["node"]): Component {
  return {
    type: "platform",
    "bom-ref": `pkg:generic/nodejs@${version}`,
    name: "nodejs",
    version,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:generic/nodejs@${version}`,
    hashes: [hashOf(integrity)],
    // Where the program comes from: not Node's own download, but its copy in the npm registry, stripped.
    properties: [{ name: "stadsnod:package", value: "npm, see package-lock.json" }],
  };
}

function npmComponent(path: string, { version, integrity, license }: LockedPackage): Component {
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const purl = `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
  return {
    type: "library",
    // The same version may lie in two places.
    "bom-ref": `${purl}#${path}`,
    name,
    version,
    ...(license ? { licenses: [{ expression: license }] } : {}),
    purl,
    ...(integrity ? { hashes: [hashOf(integrity)] } : {}),
  };
}

/** npm writes base64, CycloneDX hexadecimal. */
function hashOf(integrity: string): { readonly alg: "SHA-512"; readonly content: string } {
  return {
    alg: "SHA-512",
    content: Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex"),
  };
}

/** A UUID (version 8, RFC 9562) made of the contents. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
