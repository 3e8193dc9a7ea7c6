import {
  aliasOf,
  entrySize,
  longNameAttribute,
  longNameEntries,
  longNameOf,
  shortName,
  shownShortName,
} from "./fat-name.ts";

/** One file or folder. */
export interface FatEntry {
  /** The long name where it has one. */
  readonly name: string;
  readonly short: string;
  readonly isFolder: boolean;
  /** First of its chain, 0 for an empty file. */
  readonly cluster: number;
  readonly size: number;
  /** Of its short entry in the folder. */
  readonly offset: number;
}

const volumeLabel = 0x08;
const folder = 0x10;
const archive = 0x20;

/** What a folder lists, without the volume's label and what is deleted. */
export function entriesOf({ bytes }: { readonly bytes: Buffer }): FatEntry[] {
  const found: FatEntry[] = [];
  let long: Buffer[] = [];
  for (let offset = 0; offset + entrySize <= bytes.length && bytes[offset] !== 0; offset += entrySize) {
    const entry = bytes.subarray(offset, offset + entrySize);
    const attribute = entry.readUInt8(11);
    const isDeleted = entry[0] === 0xe5;
    if (!isDeleted && (attribute & 0x3f) === longNameAttribute) {
      long.push(entry);
      continue;
    }
    if (!isDeleted && (attribute & volumeLabel) === 0) {
      const short = Buffer.from(entry.subarray(0, 11));
      const name = longNameOf(long, short);
      // 0xE5 itself, a letter in Japanese, is kept as 5.
      if (short[0] === 5) short[0] = 0xe5;
      found.push({
        name: name ?? shownShortName(short),
        short: shownShortName(short),
        isFolder: (attribute & folder) !== 0,
        cluster: entry.readUInt16LE(20) * 65536 + entry.readUInt16LE(26),
        size: entry.readUInt32LE(28),
        offset,
      });
    }
    long = [];
  }
  return found;
}

/** Where a file's content is, and when it was written. */
export interface Target {
  readonly cluster: number;
  readonly size: number;
  readonly modified: Date;
}

/** The entries of a new file: its long name as far as needed, then the short one. */
export function newEntries(existing: readonly FatEntry[], name: string, target: Target): Buffer {
  const taken = new Set(existing.map(({ short }) => short));
  const plain = shortName(name);
  const short = plain ?? aliasOf(name, (alias) => taken.has(shownShortName(alias)));
  const entry = Buffer.alloc(entrySize);
  entry.set(short);
  entry.writeUInt8(archive, 11);
  const { date, time } = stamp(target.modified);
  entry.writeUInt16LE(time, 14);
  entry.writeUInt16LE(date, 16);
  setTarget(entry, target);
  return plain ? entry : Buffer.concat([longNameEntries(name, short), entry]);
}

/** Changes a short entry to other content. */
export function setTarget(entry: Buffer, { cluster, size, modified }: Target): void {
  const { date, time } = stamp(modified);
  entry.writeUInt16LE(date, 18);
  entry.writeUInt16LE(cluster >>> 16, 20);
  entry.writeUInt16LE(time, 22);
  entry.writeUInt16LE(date, 24);
  entry.writeUInt16LE(cluster & 0xffff, 26);
  entry.writeUInt32LE(size, 28);
}

/** Two seconds fine, from 1980 to 2107, without a time zone. */
function stamp(at: Date): { date: number; time: number } {
  const year = Math.min(Math.max(at.getFullYear(), 1980), 2107) - 1980;
  return {
    date: (year << 9) | ((at.getMonth() + 1) << 5) | at.getDate(),
    time: (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1),
  };
}
