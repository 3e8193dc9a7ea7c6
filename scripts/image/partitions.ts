import type { PartitionSizes } from "./boards/board.ts";

/** The type that systemd-repart knows the data partition by (root/usr/lib/repart.d). */
const dataType = "9d0b8a3e-6c57-4f0e-8d5b-2f6d7a0e51c4";
const basicData = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const linux = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const diskId = "5d3c1a52-9a7e-4c5b-8f0d-73746164736e";

/** What sfdisk is told: MiB from the first on, ids of their own so that two builds make the same bytes. */
export function partitionTable({ gwboot, boot, root, data }: PartitionSizes): string {
  const entries: [name: string, mib: number, type: string, more?: string][] = [
    ["gwboot", gwboot, basicData, ", attrs=LegacyBIOSBootable"],
    ["bootstate", 1, linux],
    ["boot_a", boot, linux],
    ["root_a", root, linux],
    ["boot_b", boot, linux],
    ["root_b", root, linux],
    ["data", data, dataType],
  ];
  const lines = ["label: gpt", `label-id: ${diskId}`, "first-lba: 2048"];
  let start = 1;
  for (const [index, [name, mib, type, more = ""]] of entries.entries()) {
    const id = `${diskId.slice(0, -2)}${String(index + 1).padStart(2, "0")}`;
    lines.push(`start=${start * 2048}, size=${mib * 2048}, type=${type}, name=${name}, uuid=${id}${more}`);
    start += mib;
  }
  return `${lines.join("\n")}\n`;
}

/** MiB of the whole disk: the partitions, a MiB before them and one for the second table. */
export function diskSize({ gwboot, boot, root, data }: PartitionSizes): number {
  return 2 + gwboot + 1 + 2 * (boot + root) + data;
}

/**
 * Bytes 440 to 511 of a disk whose first partition is in an MBR as well (hybrid): first that partition as FAT32,
 * which is all that a Raspberry Pi's boot ROM looks for, then the entry that tells everybody else that the GPT counts
 * (UEFI 2.10, section 5.2.3: type EE from block 1).
 */
export function hybridMbr({ gwboot }: PartitionSizes): Uint8Array {
  const bytes = Buffer.alloc(72);
  bytes.writeUInt32BE(0x53544144, 0);
  const entry = (at: number, type: number, start: number, blocks: number) => {
    // The addresses of cylinders, heads and sectors are those of a disk that is too large for them.
    bytes.set([0x00, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], at);
    bytes.writeUInt32LE(start, at + 8);
    bytes.writeUInt32LE(blocks, at + 12);
  };
  entry(6, 0x0c, 2048, gwboot * 2048);
  entry(22, 0xee, 1, 2047);
  bytes.writeUInt16BE(0x55aa, 70);
  return bytes;
}
