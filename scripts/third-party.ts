import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A library that stands in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Its licence and notices, as it ships them. */
  readonly texts: readonly string[];
}

/** The packages behind the inputs of an esbuild metafile, by name. Throws for one that ships neither text nor licence. */
export function bundledPackages(inputs: Iterable<string>, cwd: string): BundledPackage[] {
  const folders = new Set<string>();
  for (const input of inputs) {
    const [, folder] = /^(?:[\w-]+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
    if (folder !== undefined) folders.add(resolve(cwd, folder));
  }
  const found = new Map<string, BundledPackage>();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    if (files.length === 0 && typeof license !== "string")
      throw new Error(`${name} says nothing of its licence`);
    const texts = files
      .filter((file) => existsSync(join(folder, file)))
      .map((file) => readFileSync(join(folder, file), "utf8").trim());
    found.set(`${name} ${version}`, { name, version, license: String(license ?? "see below"), texts });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One text with all of them, to go along with the bundle. */
export function thirdPartyText(packages: readonly BundledPackage[]): string {
  const parts = packages.map(({ name, version, license, texts }) => {
    const head = `${name} ${version} (${license})`;
    const own = texts.length > 0 ? texts.join("\n\n") : "Its package has no text of the licence.";
    return `${head}\n${"-".repeat(head.length)}\n\n${own}\n`;
  });
  return `Libraries that are part of the files in this folder, with their licences.\n\n${parts.join("\n\n")}`;
}

/** Where a file of this name stands beside the bundles of a folder. */
export const thirdPartyFile = "THIRD-PARTY.txt";
