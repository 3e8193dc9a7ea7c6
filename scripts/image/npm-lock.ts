import { readFileSync } from "node:fs";

/** An entry of package-lock.json, format 3. */
export interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly link?: boolean;
}

export interface PackageLock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export function readPackageLock(path: string): PackageLock {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** For what machine packages are wanted; without processor: for every one. */
export interface Target {
  readonly cpu?: string;
}

/** Whether a package is for the target: linux with glibc and its processor. */
function fits(entry: LockedPackage, { cpu }: Target): boolean {
  if (cpu === undefined) return true;
  const allows = (list: readonly string[] | undefined, name: string) =>
    list === undefined ||
    list.includes(name) ||
    (list.some((one) => one.startsWith("!")) && !list.includes(`!${name}`));
  return allows(entry.os, "linux") && allows(entry.cpu, cpu) && allows(entry.libc, "glibc");
}

/**
 * The entries that the named packages need at run time, by their path in package-lock.json: found as Node finds
 * a module, from the innermost node_modules outwards.
 */
export function closure(
  lock: PackageLock,
  names: readonly string[],
  target: Target,
): Map<string, LockedPackage> {
  const found = new Map<string, LockedPackage>();
  const visit = (from: string, name: string, optional: boolean): void => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
      const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
      const entry = lock.packages[path];
      if (entry === undefined) {
        // The outermost folder has no node_modules before it.
        if (folder === "") break;
        continue;
      }
      if (found.has(path) || !fits(entry, target)) return;
      found.set(path, entry);
      for (const needed of Object.keys(entry.dependencies ?? {})) visit(path, needed, false);
      for (const wished of Object.keys(entry.optionalDependencies ?? {})) visit(path, wished, true);
      for (const peer of Object.keys(entry.peerDependencies ?? {}))
        visit(path, peer, entry.peerDependenciesMeta?.[peer]?.optional ?? false);
      return;
    }
    if (!optional) throw new Error(`package-lock.json lacks ${name}, which ${from || "the root"} needs`);
  };
  for (const name of names) visit("", name, false);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
