import { readFileSync } from "node:fs";

/** A Debian package in the image. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** Name and version of the source, under which Debian's security team knows it. */
  readonly source: { readonly name: string; readonly version: string };
  /** SHA-256 of its .deb, from the archive's signed lists. */
  readonly sha256: string;
}

/** What the build left in its folder: dpkg's status, the fields of what was only unpacked, and the sums. */
export function readDebianPackages(files: {
  status: string;
  extracted: string;
  sums: string;
}): DebianPackage[] {
  const sums = new Map(
    readFileSync(files.sums, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [name = "", version = "", sha256 = ""] = line.split(" ");
        return [`${name} ${version}`, sha256];
      }),
  );
  const text = `${readFileSync(files.status, "utf8")}\n\n${readFileSync(files.extracted, "utf8")}`;
  return text
    .split(/\n{2,}/)
    .filter((paragraph) => /^Package: /m.test(paragraph))
    .map((paragraph) => debianPackage(paragraph, sums))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function debianPackage(paragraph: string, sums: ReadonlyMap<string, string>): DebianPackage {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? "";
  const name = field("Package");
  const version = field("Version");
  const sha256 = sums.get(`${name} ${version}`);
  if (sha256 === undefined) throw new Error(`the archive's lists do not name ${name} ${version}`);
  // "Source: glibc (2.41-12)"; without a version the package's own holds.
  const [, source = name, sourceVersion = version] = /^(\S+)(?: \((.*)\))?$/.exec(field("Source")) ?? [];
  return {
    name,
    version,
    arch: field("Architecture"),
    source: { name: source, version: sourceVersion },
    sha256,
  };
}
