import { describe, expect, it } from "vitest";
import { boards } from "./boards/index.ts";
import { diskSize, hybridMbr, partitionTable } from "./partitions.ts";

describe("the table of a disk", () => {
  it.each([...boards.values()])(
    "has room for every partition of $name, one behind the other",
    ({ sizes }) => {
      const rows = [
        ...partitionTable(sizes).matchAll(/start=(\d+), size=(\d+), .*name=(\w+), uuid=(\S+?)(?:,|$)/gm),
      ];
      expect(rows.map((row) => row[3])).toEqual([
        "gwboot",
        "bootstate",
        "boot_a",
        "root_a",
        "boot_b",
        "root_b",
        "data",
      ]);
      expect(new Set(rows.map((row) => row[4])).size).toBe(7);
      let end = 2048;
      for (const [, start, size] of rows) {
        expect(Number(start)).toBe(end);
        end += Number(size);
      }
      // The second table takes 33 blocks at the end.
      expect(diskSize(sizes) * 2048 - end).toBeGreaterThanOrEqual(33);
    },
  );

  it("shows the first partition to a boot ROM that reads only the MBR, and the GPT to all others", () => {
    const mbr = Buffer.from(hybridMbr({ gwboot: 64, boot: 64, root: 384, data: 128 }));
    const entry = (at: number) => [mbr[at + 4], mbr.readUInt32LE(at + 8), mbr.readUInt32LE(at + 12)];
    expect(entry(6)).toEqual([0x0c, 2048, 131072]);
    expect(entry(22)).toEqual([0xee, 1, 2047]);
    expect(mbr.subarray(-2).toString("hex")).toBe("55aa");
    expect(mbr).toHaveLength(72);
  });
});
