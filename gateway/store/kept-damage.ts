import { StorageError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";

/** Copies that are kept of damaged files; with more, the disk needs a person, not another file. */
const mostKept = 4;

/** Keeps what a damaged file held as `<name>.damaged-<n>`, beside those before it. Rejects with StorageError. */
export async function keepDamaged(disk: Disk, name: string, bytes: Uint8Array): Promise<void> {
  const names = await disk.list();
  const copies = Array.from({ length: mostKept }, (_, place) => `${name}.damaged-${place + 1}`);
  const free = copies.find((copy) => !names.includes(copy));
  if (free !== undefined) await write(disk, free, bytes);
}

/**
 * Keeps an end that was cut as `<name>.torn`, in the place of the last one: every power cut may leave one. Nothing that
 * was promised is in it, so a disk that is full keeps nobody from opening.
 */
export async function keepTorn(disk: Disk, name: string, bytes: Uint8Array): Promise<void> {
  const torn = `${name}.torn`;
  try {
    if ((await disk.list()).includes(torn)) await disk.remove(torn);
    await write(disk, torn, bytes);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}

async function write(disk: Disk, name: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.create(name);
  try {
    await file.write(0, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncNames();
}
