import { createHash } from "node:crypto";
import { StorageError } from "../model/errors.ts";
import type { Disk, DiskFile } from "../store/disk.ts";
import { hashOf, maxLineBytes, noHash, parseAuditLine } from "./audit-line.ts";
import type { AuditHead } from "./audit-verify.ts";

// The files of an audit log: `audit-<number of the first line>.jsonl`, and beside one
// `<its name>.cut-<k>`, what was cut from its end.

const segmentName = /^audit-(\d{12})\.jsonl$/;
const chunkBytes = 65_536;
/** Most bytes that one group writes: no more than this can have been under way when a process died. */
export const groupBytes = 262_144;

export function segmentNamed(firstLine: number): string {
  return `audit-${String(firstLine).padStart(12, "0")}.jsonl`;
}

/** Number of the first line of a segment, or undefined for the name of another file. */
export function firstLineOf(name: string): number | undefined {
  const [, digits] = segmentName.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Names of segments, the oldest first. */
export function segmentsOf(names: readonly string[]): string[] {
  return names.filter((name) => firstLineOf(name) !== undefined).toSorted();
}

export interface FileLine {
  readonly text: string;
  /** Byte behind its line break. */
  readonly end: number;
  /** False for what stands at the end without a line break, or is longer than a line may be. */
  readonly whole: boolean;
}

/** Lines of the first `size` bytes of a file; what is too long comes in pieces that are not whole. */
export async function* linesOf(
  read: (position: number, length: number) => Promise<Uint8Array>,
  size: number,
): AsyncGenerator<FileLine> {
  let rest = Buffer.alloc(0);
  let position = 0;
  while (position < size) {
    const chunk = await read(position, Math.min(chunkBytes, size - position));
    if (chunk.length === 0) break;
    let start = position - rest.length;
    position += chunk.length;
    rest = Buffer.concat([rest, chunk]);
    for (let stop = rest.indexOf(10); stop >= 0; stop = rest.indexOf(10)) {
      start += stop + 1;
      yield { text: rest.toString("utf8", 0, stop), end: start, whole: stop <= maxLineBytes };
      rest = rest.subarray(stop + 1);
    }
    if (rest.length > maxLineBytes) {
      yield { text: rest.toString("utf8"), end: position, whole: false };
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0) yield { text: rest.toString("utf8"), end: position, whole: false };
}

/** Where the log goes on. */
export interface OpenSegment {
  readonly name: string;
  readonly file: DiskFile;
  /** Bytes of good lines. */
  readonly size: number;
  readonly head: AuditHead;
  /** What stood behind the good lines and was put aside. */
  readonly cut?: Cut | undefined;
}

export interface Cut {
  readonly segment: string;
  readonly at: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The file that holds it now. */
  readonly file: string;
}

/**
 * Opens the newest segment where its chain ends. What stands behind was never promised, or the disk has
 * lost part of it: it is copied aside, not yet cut, so that its place can be taken by the line that
 * tells of it. Undefined for a new log. Rejects with StorageError.
 */
export async function openNewest(disk: Disk): Promise<OpenSegment | undefined> {
  const names = segmentsOf(await disk.list());
  const newest = names.at(-1);
  if (newest === undefined) return undefined;
  const file = await disk.open(newest);
  try {
    const found = await endOfChain(file, firstLineOf(newest) ?? 1);
    // Nothing in it is good: it was begun and torn.
    const { head, size } = found ?? { head: await headBefore(disk, names), size: 0 };
    // A process that died may have seen a sync fail: what it wrote looks good and is not on the disk.
    const from = Math.max(0, size - groupBytes);
    if (size > from) await file.write(from, await file.read(from, size - from));
    const cut = file.size > size ? await putAside(disk, newest, file, size) : undefined;
    await file.sync();
    await disk.syncNames();
    return { name: newest, file, size, head, cut };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function endOfChain(
  file: DiskFile,
  firstLine: number,
): Promise<{ head: AuditHead; size: number } | undefined> {
  let found: { head: AuditHead; size: number } | undefined;
  for await (const { text, end, whole } of linesOf((at, length) => file.read(at, length), file.size)) {
    const line = whole ? parseAuditLine(text) : undefined;
    if (line?.n !== (found ? found.head.n + 1 : firstLine)) break;
    if (found && line.prev !== found.head.hash) break;
    found = { head: { n: line.n, hash: hashOf(text) }, size: end };
  }
  return found;
}

/** The last line of the segments before the newest: what its first line has to continue. */
async function headBefore(disk: Disk, names: readonly string[]): Promise<AuditHead> {
  for (const name of names.slice(0, -1).toReversed()) {
    const file = await disk.open(name);
    try {
      const found = await endOfChain(file, firstLineOf(name) ?? 1);
      if (found) return found.head;
    } finally {
      await file.close();
    }
  }
  if (firstLineOf(names.at(-1) ?? "") === 1) return { n: 0, hash: noHash };
  throw new StorageError("the audit log has no line to go on from", {
    code: "audit-damaged",
    hint: "move the files audit-*.jsonl to another folder; a new log is begun",
  });
}

async function putAside(disk: Disk, segment: string, file: DiskFile, at: number): Promise<Cut> {
  const taken = new Set(await disk.list());
  let number = 1;
  while (taken.has(`${segment}.cut-${number}`)) number++;
  const name = `${segment}.cut-${number}`;
  const aside = await disk.create(name);
  const hash = createHash("sha256");
  try {
    for (let position = at; position < file.size; ) {
      const chunk = await file.read(position, chunkBytes);
      if (chunk.length === 0) break;
      await aside.write(position - at, chunk);
      hash.update(chunk);
      position += chunk.length;
    }
    await aside.sync();
  } finally {
    await aside.close();
  }
  await disk.syncNames();
  return { segment, at, bytes: file.size - at, sha256: hash.digest("hex"), file: name };
}

/** The hash that the first line of a segment continues: that of the last line before it. */
export async function hashBefore(disk: Disk, segment: string): Promise<string | undefined> {
  const file = await disk.open(segment);
  try {
    for await (const { text, whole } of linesOf((at, length) => file.read(at, length), file.size)) {
      return whole ? parseAuditLine(text)?.prev : undefined;
    }
    return undefined;
  } finally {
    await file.close();
  }
}
