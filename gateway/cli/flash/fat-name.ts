// Names in FAT folders: 8.3 and the long ones of VFAT (Microsoft, "FAT: General Overview of On-Disk Format", 1.03,
// and its chapter on long names).

export const entrySize = 32;
export const longNameAttribute = 0x0f;
const unitsPerEntry = 13;
const unitOffsets = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/** The 11 bytes of a short name, where the name is one: capitals, at most 8 and 3 characters. */
export function shortName(name: string): Buffer | undefined {
  const [, base, extension = ""] =
    /^([A-Z0-9!#$%&'()@^_`{}~-]{1,8})(?:\.([A-Z0-9!#$%&'()@^_`{}~-]{1,3}))?$/.exec(name) ?? [];
  return base === undefined ? undefined : Buffer.from(base.padEnd(8) + extension.padEnd(3), "latin1");
}

/** A short name beside a long one: `PROVIS~1.JSO`, the first that `taken` does not have. */
export function aliasOf(name: string, taken: (alias: Buffer) => boolean): Buffer {
  const clean = (text: string) => text.toUpperCase().replaceAll(/[^A-Z0-9!#$%&'()@^_`{}~-]/g, "");
  const dot = name.lastIndexOf(".");
  const base = clean(dot > 0 ? name.slice(0, dot) : name) || "FILE";
  const extension = clean(dot > 0 ? name.slice(dot + 1) : "").slice(0, 3);
  for (let count = 1; ; count++) {
    const tail = `~${count}`;
    const alias = Buffer.from(
      base
        .slice(0, 8 - tail.length)
        .concat(tail)
        .padEnd(8) + extension.padEnd(3),
      "latin1",
    );
    if (!taken(alias)) return alias;
  }
}

/** `provis~1.jso` as people type it. */
export function shownShortName(short: Uint8Array): string {
  const text = Buffer.from(short).toString("latin1");
  const [base, extension] = [text.slice(0, 8).trimEnd(), text.slice(8, 11).trimEnd()];
  return extension === "" ? base : `${base}.${extension}`;
}

/** The sum that ties long entries to their short one. */
export function aliasSum(short: Uint8Array): number {
  let sum = 0;
  for (const byte of short.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

/** The entries of a long name, as they stand before the short one: the last part first. At most 255 UTF-16 units. */
export function longNameEntries(name: string, short: Uint8Array): Buffer {
  const units = Array.from({ length: name.length }, (_, index) => name.charCodeAt(index));
  if (units.length === 0 || units.length > 255) throw new RangeError(`${name} is no long name`);
  // Ended by a zero where the last entry is not full, and filled with 0xFFFF.
  if (units.length % unitsPerEntry !== 0) units.push(0);
  const count = Math.ceil(units.length / unitsPerEntry);
  const bytes = Buffer.alloc(count * entrySize);
  for (let part = count; part >= 1; part--) {
    const entry = bytes.subarray((count - part) * entrySize, (count - part + 1) * entrySize);
    entry[0] = part | (part === count ? 0x40 : 0);
    entry[11] = longNameAttribute;
    entry[13] = aliasSum(short);
    unitOffsets.forEach((offset, index) => {
      entry.writeUInt16LE(units[(part - 1) * unitsPerEntry + index] ?? 0xffff, offset);
    });
  }
  return bytes;
}

/** Puts a long name together from its entries as they come; undefined when they do not belong to that short one. */
export function longNameOf(entries: readonly Buffer[], short: Uint8Array): string | undefined {
  const sum = aliasSum(short);
  const fits = entries.every(
    (entry, index) => entry[13] === sum && entry[0] === ((entries.length - index) | (index === 0 ? 0x40 : 0)),
  );
  if (entries.length === 0 || !fits) return undefined;
  const units = entries
    .toReversed()
    .flatMap((entry) => unitOffsets.map((offset) => entry.readUInt16LE(offset)));
  const end = units.indexOf(0);
  return String.fromCharCode(...(end === -1 ? units : units.slice(0, end)));
}
