import { crc32 } from "node:zlib";
import type { BlockDevice } from "./block-device.ts";
import { problem } from "./problems.ts";

/** Bytes on the disk. */
export interface Extent {
  readonly start: number;
  readonly size: number;
}

const sector = 512;

/**
 * The first partition, by GPT (UEFI 2.10, section 5.3) or else by MBR. A hybrid table is read as GPT. Rejects with
 * StorageError where there is none or its table is damaged.
 */
export async function firstPartition(device: BlockDevice): Promise<Extent> {
  const head = await device.read(0, 2 * sector);
  if (head.readUInt16LE(510) !== 0xaa55) throw problem("no-partition", "no partition table");
  if (head.toString("latin1", sector, sector + 8) === "EFI PART")
    return fromGpt(device, head.subarray(sector));
  const entry = head.subarray(446, 462);
  const extent = { start: entry.readUInt32LE(8) * sector, size: entry.readUInt32LE(12) * sector };
  // 0xEE would be the cover of a GPT that is not there.
  const type = entry.readUInt8(4);
  if (type === 0 || type === 0xee || extent.start === 0 || extent.size === 0)
    throw problem("no-partition", `the first entry of the MBR has type 0x${type.toString(16)}`);
  return extent;
}

async function fromGpt(device: BlockDevice, header: Buffer): Promise<Extent> {
  const headerSize = header.readUInt32LE(12);
  if (headerSize < 92 || headerSize > sector) throw problem("no-partition", "the GPT header is damaged");
  const summed = Buffer.from(header.subarray(0, headerSize));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) throw problem("no-partition", "the GPT header is damaged");
  const [at, count, size] = [header.readBigUInt64LE(72), header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count === 0 || count > 1024 || size < 128 || size > 4096 || at > 1_000_000n)
    throw problem("no-partition", "the GPT header is damaged");
  const length = count * size;
  const table = await device.read(Number(at) * sector, Math.ceil(length / sector) * sector);
  if (crc32(table.subarray(0, length)) !== header.readUInt32LE(88))
    throw problem("no-partition", "the table of the GPT is damaged");
  const [first, last] = [table.readBigUInt64LE(32), table.readBigUInt64LE(40)];
  if (table.subarray(0, 16).every((byte) => byte === 0) || first < 2n || last < first || last > 2n ** 40n)
    throw problem("no-partition", "the GPT has no first partition");
  return { start: Number(first) * sector, size: Number(last - first + 1n) * sector };
}
