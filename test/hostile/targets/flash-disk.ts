import type { BlockDevice } from "../../../gateway/cli/flash/block-device.ts";
import { listRoot, readRootFile, writeRootFile } from "../../../gateway/cli/flash/fat.ts";
import { firstPartition } from "../../../gateway/cli/flash/partition.ts";
import { StorageError } from "../../../gateway/model/errors.ts";
import { gatewayErrors, hex, latin, ready, type TargetSource, Violation } from "../target.ts";

// A card's first partition, of which an input is what matters: sectors in a row, each where its number says.
// What is not given is empty; what is written is looked at and forgotten.

const sector = 512;
const sectors = 200_000;
const start = 2048;

function head(bytes: number, change: (view: Buffer) => void): Buffer {
  const made = Buffer.alloc(bytes);
  change(made);
  return made;
}

const at = (number: number, ...parts: readonly Uint8Array[]): Buffer => {
  const piece = Buffer.alloc(4 + sector);
  piece.writeUInt32LE(number);
  piece.set(Buffer.concat(parts).subarray(0, sector), 4);
  return piece;
};

const mbr = head(sector, (bytes) => {
  bytes[450] = 0x0c;
  bytes.writeUInt32LE(start, 454);
  bytes.writeUInt32LE(sectors - start, 458);
  bytes.writeUInt16LE(0xaa55, 510);
});

/** One sector per cluster, so that the smallest FAT16 and FAT32 are small. */
const boot = (bits: 16 | 32) =>
  head(sector, (bytes) => {
    bytes.set(hex("eb 58 90"));
    bytes.write("MSDOS5.0", 3, "latin1");
    bytes.writeUInt16LE(sector, 11);
    bytes[13] = 1;
    bytes.writeUInt16LE(bits === 16 ? 1 : 32, 14);
    bytes[16] = 2;
    bytes.writeUInt16LE(bits === 16 ? 512 : 0, 17);
    bytes[21] = 0xf8;
    const total = bits === 16 ? 10_000 : 70_000;
    bytes.writeUInt32LE(total, 32);
    if (bits === 16) bytes.writeUInt16LE(40, 22);
    else {
      bytes.writeUInt32LE(550, 36);
      bytes.writeUInt32LE(2, 44);
      bytes.writeUInt16LE(1, 48);
    }
    bytes.writeUInt16LE(0xaa55, 510);
  });
const entry = (name: string, cluster: number, size: number, attribute = 0x20) =>
  head(32, (bytes) => {
    bytes.write(name.padEnd(11), 0, "latin1");
    bytes[11] = attribute;
    bytes.writeUInt16LE(cluster, 26);
    bytes.writeUInt32LE(size, 28);
  });
const root = [entry("BOOTFS", 0, 0, 8), entry("PROVISIOJSN", 3, 700), entry("OVERLAYS", 5, 0, 0x10)];
const content = latin('{"format": 1}'.padEnd(sector));

const fat16 = Buffer.concat([
  at(0, mbr),
  at(start, boot(16)),
  at(start + 1, hex("f8ff ffff 0000 0400 ffff ffff")),
  at(start + 41, hex("f8ff ffff 0000 0400 ffff ffff")),
  at(start + 81, ...root),
  at(start + 81 + 32 + 1, content),
]);
const fat32 = Buffer.concat([
  at(0, mbr),
  at(start, boot(32)),
  at(start + 32, hex("f8ffff0f ffffff0f ffffff0f 04000000 ffffff0f ffffff0f")),
  at(start + 582, hex("f8ffff0f ffffff0f ffffff0f 04000000 ffffff0f ffffff0f")),
  at(start + 1132, ...root),
  at(start + 1133, content),
]);

function diskOf(input: Uint8Array): BlockDevice {
  const pieces: { readonly from: number; readonly bytes: Uint8Array }[] = [];
  const view = Buffer.from(input);
  for (let piece = 0; piece + 4 < input.length && pieces.length < 64; piece += 4 + sector)
    pieces.push({
      from: view.readUInt32LE(piece) * sector,
      bytes: view.subarray(piece + 4, piece + 4 + sector),
    });
  const check = (position: number, length: number) => {
    if (position % sector !== 0 || length % sector !== 0 || position < 0 || length < 0)
      throw new Violation(`${length} bytes at ${position} are not whole sectors`);
    if (position + length > sectors * sector) throw new StorageError("beyond the end", { code: "disk-io" });
  };
  return {
    async read(position, length) {
      check(position, length);
      const read = Buffer.alloc(length);
      for (const { from, bytes } of pieces) {
        const begin = Math.max(position, from);
        const end = Math.min(position + length, from + bytes.length);
        if (begin < end) read.set(bytes.subarray(begin - from, end - from), begin - position);
      }
      return read;
    },
    async write(position, bytes) {
      check(position, bytes.length);
      // Nothing of a card is worth its partition table.
      if (position === 0) throw new Violation("the partition table is written to");
    },
    async flush() {},
    async close() {},
  };
}

const name = "provision.json";

export const flashDiskTargets: readonly TargetSource[] = [
  ready({
    name: "flash-fat",
    share: 0.3,
    seeds: [fat16, fat32],
    words: [hex("ff ff"), hex("00 00"), hex("f8 ff ff 0f"), hex("e5"), hex("41 70 00"), hex("aa 55")],
    async take(input) {
      const disk = diskOf(input);
      const partition = await firstPartition(disk);
      await listRoot(disk, partition);
      await readRootFile(disk, partition, "PROVISIO.JSN", 65_536);
      await writeRootFile(disk, partition, name, content, new Date(Date.UTC(2026, 0, 2, 3, 4, 6)));
    },
    errors: gatewayErrors,
  }),
];
