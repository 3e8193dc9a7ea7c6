import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readList } from "./packages.ts";
import { ImageError, run } from "./process.ts";

/** Debian's release that images are made of, and its archives. */
export interface Archive {
  readonly suite: string;
  readonly mirror: string;
  readonly security: string;
}

/** What images are made of unless somebody says otherwise. */
export const debian: Archive = {
  suite: "trixie",
  mirror: "http://deb.debian.org/debian",
  security: "http://deb.debian.org/debian-security",
};

/** The lines of sources.list for it. */
export function sourcesOf({ suite, mirror, security }: Archive, components: string): string[] {
  return [
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} ${components}`,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite}-updates ${components}`,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${security} ${suite}-security ${components}`,
  ];
}

/** A folder with the release's own build tools for this machine's processor; made once, then only read. */
export async function toolRoot(
  cache: string,
  archive: Archive,
  say: (text: string) => void,
): Promise<string> {
  if (process.getuid?.() !== 0)
    throw new ImageError("images are built as root", "run it with sudo, or in a container");
  const packages = readList("tool-root");
  const sources = sourcesOf(archive, "main");
  const key = createHash("sha256")
    .update(JSON.stringify([packages, sources]))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cache, `tool-root-${archive.suite}-${key}`);
  if (existsSync(folder)) return folder;
  say(`tool root of Debian ${archive.suite} (once) ...`);
  mkdirSync(cache, { recursive: true });
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  const less = ["doc", "man", "locale"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  await run("mmdebstrap", [
    "--mode=root",
    "--variant=minbase",
    `--include=${packages.join(",")}`,
    ...less,
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    "--format=directory",
    archive.suite,
    draft,
    ...sources,
  ]);
  renameSync(draft, folder);
  return folder;
}

/** Runs a command in a throw-away copy of the tool root; `work` is its /work. */
export function inToolRoot(
  folder: string,
  work: string,
  command: readonly string[],
  epoch: number,
  onLine: (line: string) => string | undefined,
): Promise<string> {
  return run("bash", [join(import.meta.dirname, "inside", "enter.sh"), folder, work, ...command], {
    env: { SOURCE_DATE_EPOCH: String(epoch) },
    onLine,
  });
}
