const mebibyte = 1024 * 1024;

export const sectorBytes = 512;
/** Of the whole disk; the file system ends before the mark. */
export const diskBytes = 16 * mebibyte;
export const fileSystemBytes = 14 * mebibyte;
export const blockBytes = 4096;
/** Small groups, so that there is a second one: it begins with a backup of the superblock, as on every larger disk. */
export const blocksPerGroup = 1024;
/** Of the sector that says how much was promised when it was written. */
export const markPosition = 15 * mebibyte;

const magic = 0x57ad50d1;

/** The sector that says: everything up to promise `count` was promised. */
export function encodeMark(count: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector.writeUInt32LE(magic, 0);
  sector.writeUInt32LE(count, 4);
  return sector;
}

/** What a write of `bytes` at `position` says was promised; undefined for any other. */
export function markOf({
  position,
  bytes,
}: {
  readonly position: number;
  readonly bytes: Buffer;
}): number | undefined {
  if (position !== markPosition || bytes.length < sectorBytes || bytes.readUInt32LE(0) !== magic)
    return undefined;
  return bytes.readUInt32LE(4);
}
