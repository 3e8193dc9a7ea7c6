import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm, rmdir, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../../model/errors.ts";

// Erasing as far as a file system lets a program. What the controller of a card or SSD keeps of overwritten blocks is out of
// reach: only a discard of the whole partition asks the controller itself, and whether it obeys is its own business.

/** Of the file systems that are met: blocks are never larger. */
const blockBytes = 4096;
/** Written again and again: random, so that nothing compresses or shares it. */
const noise = randomBytes(1024 * 1024);
/** Lengths of names that are written over what a folder remembers of names, the longest first. */
const nameLengths = [255, 127, 63, 31, 15, 8, 4];
const namesEach = 96;
/** Names that are made and removed, each synced: the journal of the file system is written round and round. */
const journalRounds = 4096;

export interface Erased {
  readonly files: number;
  readonly bytes: number;
}

/** Overwrites and removes everything in a folder, and leaves the folder. Follows no link, leaves no file system. Rejects with StorageError. */
export async function eraseFolder(folder: string): Promise<Erased> {
  const sum = { files: 0, bytes: 0 };
  const device = (await lstat(folder)).dev;
  const erase = async (path: string): Promise<void> => {
    const found = await lstat(path);
    if (found.dev !== device) return;
    if (found.isDirectory()) {
      for (const name of await readdir(path)) await erase(join(path, name));
      await rmdir(path);
      return;
    }
    if (found.isFile()) {
      sum.files++;
      sum.bytes += found.size;
      await overwrite(path);
    }
    // The name too is written over where the folder keeps it.
    const nameless = join(path, "..", randomBytes(6).toString("hex"));
    await rename(path, nameless);
    await unlink(nameless);
  };
  try {
    for (const name of await readdir(folder)) await erase(join(folder, name));
    await scrubNames(folder);
  } catch (cause) {
    throw trouble(folder, cause);
  }
  return sum;
}

/** One file, its name included. A file that is not there is none to erase. */
export async function eraseFile(path: string): Promise<boolean> {
  try {
    await overwrite(path);
    await unlink(path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false;
    throw trouble(path, cause);
  }
}

/** To the end of its last block: what is behind the end of a file may be of an earlier one. */
async function overwrite(path: string): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const length = Math.ceil(size / blockBytes) * blockBytes;
    for (let done = 0; done < length; done += noise.length)
      await file.write(noise, 0, Math.min(noise.length, length - done), done);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A folder keeps the bytes of names that are gone until others take their place. */
async function scrubNames(folder: string): Promise<void> {
  const inside = join(folder, ".erasing");
  await mkdir(inside, { recursive: true });
  await rmdir(inside);
  const made: string[] = [];
  for (const length of nameLengths) {
    for (let count = 0; count < namesEach; count++) {
      const name = join(folder, randomBytes(128).toString("hex").slice(0, length));
      const file = await open(name, "w");
      await file.close();
      made.push(name);
    }
  }
  await syncFolder(folder);
  for (const name of made) await rm(name, { force: true });
  await syncFolder(folder);
}

/**
 * Writes over what the file system holds of files that were removed earlier: its free blocks and its journal. Takes as
 * long as writing the whole partition once. Root's reserve of an ext file system is reached by root only.
 */
export async function fillFreeSpace(
  folder: string,
  progress: (share: number) => void = () => {},
): Promise<void> {
  const inside = join(folder, ".erasing");
  try {
    await mkdir(inside, { recursive: true });
    await turnJournal(inside);
    const { bfree, bsize } = await statfs(folder);
    const free = Math.max(1, bfree * bsize);
    let written = 0;
    // Large files first, then ever smaller ones for what is left between.
    for (let size = noise.length, number = 0; size >= blockBytes; ) {
      const file = await open(join(inside, `fill-${number++}`), "w");
      try {
        // One file of an old file system ends at 2 GB.
        for (let bytes = 0; bytes < 2 ** 31 - noise.length; bytes += size) {
          const { bytesWritten } = await file.write(noise, 0, size);
          written += bytesWritten;
          if (written % (64 * noise.length) === 0) progress(Math.min(1, written / free));
        }
        await file.sync();
      } catch (error) {
        if (codeOf(error) !== "ENOSPC") throw error;
        await file.sync();
        size /= 2;
      } finally {
        await file.close();
      }
    }
    await rm(inside, { recursive: true });
    await turnJournal(folder);
    await syncFolder(folder);
  } catch (cause) {
    await rm(inside, { recursive: true, force: true }).catch(() => {});
    throw trouble(folder, cause);
  }
}

async function turnJournal(folder: string): Promise<void> {
  for (let round = 0; round < journalRounds; round++) {
    const name = join(folder, `.turn-${round % 8}`);
    const file = await open(name, "w");
    await file.write(noise, 0, 64);
    await file.sync();
    await file.close();
    await unlink(name);
  }
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function trouble(path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = codeOf(cause);
  if (code === "") throw cause;
  return new StorageError(`${path} cannot be erased (${code})`, {
    code: code === "EROFS" || code === "EACCES" || code === "EPERM" ? "disk-read-only" : "disk-io",
    hint: "run it as root, with the gateway stopped",
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
