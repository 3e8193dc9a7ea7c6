import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DebianPackage } from "./debian.ts";
import { ImageError } from "./process.ts";

/** What an image was made of, in the repository: scripts/image/lock/<board>.json. */
export interface ImageLock {
  readonly suite: string;
  /** Node's npm package, with the SHA-512 of package-lock.json. */
  readonly node: { readonly name: string; readonly version: string; readonly integrity: string };
  readonly kernel: string;
  /** By name: version and SHA-256 of the .deb. */
  readonly packages: Readonly<Record<string, { readonly version: string; readonly sha256: string }>>;
}

export function lockOf(
  parts: Pick<ImageLock, "suite" | "node" | "kernel">,
  packages: readonly DebianPackage[],
): ImageLock {
  const entries = packages.map(({ name, version, sha256 }) => [name, { version, sha256 }]);
  return {
    suite: parts.suite,
    node: parts.node,
    kernel: parts.kernel,
    packages: Object.fromEntries(entries),
  };
}

/** Every way in which the image differs from the lock, one line each. */
export function drift(locked: ImageLock, now: ImageLock): string[] {
  const lines: string[] = [];
  for (const part of ["suite", "kernel"] as const)
    if (locked[part] !== now[part]) lines.push(`${part}: ${locked[part]} -> ${now[part]}`);
  if (locked.node.version !== now.node.version || locked.node.integrity !== now.node.integrity)
    lines.push(`node: ${locked.node.version} -> ${now.node.version}`);
  for (const name of [...new Set([...Object.keys(locked.packages), ...Object.keys(now.packages)])].sort()) {
    const [before, after] = [locked.packages[name], now.packages[name]];
    if (before === undefined) lines.push(`${name}: new, ${after?.version}`);
    else if (after === undefined) lines.push(`${name}: gone, was ${before.version}`);
    else if (before.version !== after.version) lines.push(`${name}: ${before.version} -> ${after.version}`);
    else if (before.sha256 !== after.sha256) lines.push(`${name}: ${before.version} has another content`);
  }
  return lines;
}

/** What becomes of a difference: a release stops, a test of today's program goes on, a developer takes it over. */
export type DriftRule = "fail" | "report" | "refresh";

/** Compares an image with its board's lock. Throws ImageError on drift under the rule `fail`. */
export function checkLock(board: string, now: ImageLock, rule: DriftRule, say: (text: string) => void): void {
  const path = join(import.meta.dirname, "lock", `${board}.json`);
  if (rule === "refresh") {
    writeFileSync(path, `${JSON.stringify(now, null, 2)}\n`);
    say(`lock written: ${path}`);
    return;
  }
  const locked: ImageLock | undefined = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  const lines = locked ? drift(locked, now) : ["there is none"];
  const text = `the lock of ${board}: ${lines.join("\n  ")}`;
  if (lines.length === 0)
    say(`the lock of ${board}: as it says, ${Object.keys(now.packages).length} packages`);
  else if (rule === "report") say(text);
  else
    throw new ImageError(text, "look at what changed, then take it over with --refresh-lock and commit it");
}
