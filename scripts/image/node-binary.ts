import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LockedPackage } from "./npm-lock.ts";
import { ImageError, run } from "./process.ts";

/** Node as package-lock.json pins it: the folder of its npm package, checked against the lock's SHA-512. */
export async function nodeBinary(cache: string, name: string, locked: LockedPackage): Promise<string> {
  const { version, integrity } = locked;
  const folder = join(cache, `${name}-${version}`);
  const tarball = `${folder}.tgz`;
  if (!existsSync(tarball)) {
    mkdirSync(cache, { recursive: true });
    await run("npm", ["pack", "--silent", `${name}@${version}`, "--pack-destination", cache], { cwd: cache });
  }
  const sum = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
  if (sum !== integrity) {
    rmSync(tarball);
    throw new ImageError(
      `${name} ${version} is not what package-lock.json pins: ${sum}`,
      "try again; if it stays so, somebody changed a published package",
    );
  }
  if (!existsSync(folder)) {
    mkdirSync(`${folder}.new`, { recursive: true });
    await run("tar", ["-xzf", tarball, "-C", `${folder}.new`, "--strip-components=1"]);
    renameSync(`${folder}.new`, folder);
  }
  return folder;
}
