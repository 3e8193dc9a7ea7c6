import { StorageError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";

const maxDocumentBytes = 1024 * 1024;

/**
 * A small JSON document, or undefined when there is none. One that cannot be parsed counts as none:
 * what is kept this way can be learned again. Throws StorageError when the disk cannot be read.
 */
export async function readDocument(disk: Disk, name: string): Promise<unknown> {
  if (!(await disk.list()).includes(name)) return undefined;
  const file = await disk.open(name);
  try {
    const bytes = await file.read(0, Math.min(file.size, maxDocumentBytes));
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    if (error instanceof StorageError) throw error;
    return undefined;
  } finally {
    await file.close();
  }
}

/**
 * Replaces a document whole: after a power cut there is the old one or the new one, never half of
 * one (write aside, sync, rename, sync the names). One call per name at a time. Throws StorageError.
 */
export function replaceDocument(disk: Disk, name: string, value: unknown): Promise<void> {
  return replaceText(disk, name, JSON.stringify(value));
}

/** The same for a file of text. */
export async function replaceText(disk: Disk, name: string, text: string): Promise<void> {
  const aside = `${name}.new`;
  if ((await disk.list()).includes(aside)) await disk.remove(aside);
  const file = await disk.create(aside);
  try {
    await file.write(0, Buffer.from(text));
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncNames();
  await disk.rename(aside, name);
  await disk.syncNames();
}

/** A file of text, at most `maxBytes` of it; undefined where there is none. Throws StorageError. */
export async function readText(disk: Disk, name: string, maxBytes: number): Promise<string | undefined> {
  if (!(await disk.list()).includes(name)) return undefined;
  const file = await disk.open(name);
  try {
    return Buffer.from(await file.read(0, Math.min(file.size, maxBytes))).toString("utf8");
  } finally {
    await file.close();
  }
}
