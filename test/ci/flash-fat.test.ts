import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockDevice } from "../../gateway/cli/flash/block-device.ts";
import { listRoot, readRootFile, writeRootFile } from "../../gateway/cli/flash/fat.ts";

// Our FAT writer against mkfs.vfat, mtools and fsck.vfat.

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-fat-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const modified = new Date(2026, 10, 22, 12, 34, 56);
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, {
    // Without a locale of UTF-8 mtools shows underscores for letters.
    env: { ...process.env, LC_ALL: "C.UTF-8", MTOOLS_SKIP_CHECK: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });

function fileDevice(path: string): BlockDevice & Disposable {
  const descriptor = openSync(path, "r+");
  return {
    async read(position, length) {
      const bytes = Buffer.alloc(length);
      expect(readSync(descriptor, bytes, 0, length, position)).toBe(length);
      return bytes;
    },
    async write(position, bytes) {
      expect(position % 512).toBe(0);
      expect(bytes.length % 512).toBe(0);
      writeSync(descriptor, bytes, 0, bytes.length, position);
    },
    flush: async () => {},
    close: async () => closeSync(descriptor),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

interface Volume {
  readonly bits: 16 | 32;
  readonly mebibytes: number;
  /** Sectors per cluster. */
  readonly cluster: number;
}

function format(
  { bits, mebibytes, cluster }: Volume,
  ...more: string[]
): { path: string; extent: { start: number; size: number } } {
  const path = join(folder, "volume.img");
  rmSync(path, { force: true });
  writeFileSync(path, "");
  truncateSync(path, mebibytes * 2 ** 20);
  run(
    "mkfs.vfat",
    "-F",
    String(bits),
    "-s",
    String(cluster),
    "-n",
    "GWBOOT",
    "-i",
    "12345678",
    ...more,
    path,
  );
  return { path, extent: { start: 0, size: mebibytes * 2 ** 20 } };
}

/** All files that mtools finds but ours, with their content. */
function others(path: string): Map<string, string> {
  const names = run("mdir", "-i", path, "-b", "-/", "::")
    .toString()
    .split("\n")
    .filter((name) => name !== "" && !name.endsWith("/") && !/provision\.json$/i.test(name));
  return new Map(names.map((name) => [name, run("mcopy", "-i", path, "-n", name, "-").toString("base64")]));
}

const volumes: Volume[] = [
  { bits: 16, mebibytes: 8, cluster: 1 },
  { bits: 16, mebibytes: 16, cluster: 4 },
  { bits: 16, mebibytes: 64, cluster: 16 },
  { bits: 16, mebibytes: 300, cluster: 64 },
  { bits: 32, mebibytes: 40, cluster: 1 },
  { bits: 32, mebibytes: 64, cluster: 1 },
  { bits: 32, mebibytes: 300, cluster: 8 },
];

describe.each(volumes)("FAT$bits, $mebibytes MiB, clusters of $cluster sectors", (volume) => {
  it("gives back through mtools what was written, hurts no other file, and leaves fsck nothing to say", async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 0, max: 200_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
      fc
        .constantFrom(0, 1, 511, 512, 513, volume.cluster * 512, volume.cluster * 1024)
        .map((size) => new Uint8Array(size).fill(7)),
    );
    const files = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(
          "config.txt",
          "START4.ELF",
          "A long name with blanks.bin",
          "overlays.dtb",
          "provis~1.jso",
          "provision.js",
          "åäö.txt",
          "cmdline.txt",
        ),
        size: fc.integer({ min: 0, max: 60_000 }),
        deleted: fc.boolean(),
      }),
      { selector: ({ name }) => name, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(files, fc.array(content, { minLength: 1, maxLength: 3 }), async (existing, writes) => {
        const { path, extent } = format(volume);
        for (const { name, size, deleted } of existing) {
          const source = join(folder, "source");
          writeFileSync(source, Buffer.alloc(size, name));
          run("mcopy", "-i", path, source, `::${name}`);
          if (deleted) run("mdel", "-i", path, `::${name}`);
        }
        // Mdir calls an empty folder an error.
        writeFileSync(join(folder, "source"), "kernel=u-boot.bin");
        run("mcopy", "-i", path, join(folder, "source"), "::always here.txt");
        const before = others(path);
        for (const bytes of writes) {
          using device = fileDevice(path);
          await writeRootFile(device, extent, "provision.json", bytes, modified);
          expect(await readRootFile(device, extent, "provision.json", 2 ** 20)).toEqual(Buffer.from(bytes));
          expect(run("mtype", "-i", path, "::provision.json").equals(bytes)).toBe(true);
          expect(others(path)).toEqual(before);
          run("fsck.vfat", "-n", path);
        }
        // No chain is left over from what was replaced: both sides count the same free bytes.
        run("fsck.vfat", "-n", "-v", path);
        expect(run("mdir", "-i", path, "::provision.json").toString()).toContain("2026-11-22");
      }),
      { numRuns: 12 },
    );
  });
});

it("lists what mtools lists", async () => {
  const { path, extent } = format({ bits: 32, mebibytes: 64, cluster: 1 });
  const source = join(folder, "source");
  writeFileSync(source, "x");
  const names = Array.from({ length: 60 }, (_, index) => `overlay number ${index}.dtbo`);
  for (const name of names) run("mcopy", "-i", path, source, `::${name}`);
  run("mmd", "-i", path, "::gw");
  using device = fileDevice(path);
  expect((await listRoot(device, extent)).map(({ name }) => name.toLowerCase())).toEqual([...names, "gw"]);
});

it("makes the root folder of FAT32 longer when it is full", async () => {
  const { path, extent } = format({ bits: 32, mebibytes: 64, cluster: 1 });
  const source = join(folder, "source");
  writeFileSync(source, "x");
  // 16 entries to a cluster, one of them the label.
  for (let index = 0; index < 14; index++) run("mcopy", "-i", path, source, `::F${index}`);
  const before = others(path);
  using device = fileDevice(path);
  await writeRootFile(device, extent, "provision.json", Buffer.from("{}"), modified);
  expect(run("mtype", "-i", path, "::provision.json").toString()).toBe("{}");
  expect(others(path)).toEqual(before);
  run("fsck.vfat", "-n", path);
});

it("says so when the root folder of FAT16 or the volume is full, and changes nothing", async () => {
  const { path, extent } = format({ bits: 16, mebibytes: 8, cluster: 1 }, "-r", "16");
  const source = join(folder, "source");
  writeFileSync(source, "");
  for (let index = 0; index < 14; index++) run("mcopy", "-i", path, source, `::F${index}`);
  const before = readFileSync(path);
  {
    using device = fileDevice(path);
    await expect(
      writeRootFile(device, extent, "provision.json", Buffer.from("{}"), modified),
    ).rejects.toMatchObject({ code: "fat-full" });
    await expect(
      writeRootFile(device, extent, "F1", Buffer.alloc(8 * 2 ** 20), modified),
    ).rejects.toMatchObject({ code: "fat-full" });
  }
  run("fsck.vfat", "-n", path);
  expect(others(path).size).toBe(14);
  expect(before.length).toBe(8 * 2 ** 20);
});

it("refuses copies of the table that differ, FAT12, and what is no FAT", async () => {
  const { path, extent } = format({ bits: 16, mebibytes: 8, cluster: 1 });
  using device = fileDevice(path);
  const table = await device.read(512, 512);
  table[200] = 0x55;
  await device.write(512, table);
  await expect(listRoot(device, extent)).rejects.toMatchObject({ code: "bad-fat" });
  const small = format({ bits: 16, mebibytes: 8, cluster: 1 });
  run("mkfs.vfat", "-F", "12", "-s", "16", small.path);
  using twelve = fileDevice(small.path);
  await expect(listRoot(twelve, small.extent)).rejects.toMatchObject({ code: "bad-fat" });
  await twelve.write(0, Buffer.alloc(512));
  await expect(listRoot(twelve, small.extent)).rejects.toMatchObject({ code: "bad-fat" });
});

it("never reads or writes outside its partition, nor throws anything but its own errors, whatever the sectors say", async () => {
  const { path, extent } = format({ bits: 32, mebibytes: 40, cluster: 1 });
  const clean = readFileSync(path);
  const end = clean.length;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          at: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 16384, max: 700_000 })),
          value: fc.nat(255),
        }),
        { minLength: 1, maxLength: 20 },
      ),
      async (flips) => {
        const bytes = Buffer.from(clean.subarray(0, 2 * 2 ** 20));
        for (const { at, value } of flips) bytes[at] = value;
        const rest = new Map<number, Buffer>();
        const inside = (position: number, length: number) => {
          expect(position).toBeGreaterThanOrEqual(0);
          expect(position + length).toBeLessThanOrEqual(end);
        };
        const device: BlockDevice = {
          async read(position, length) {
            inside(position, length);
            return (
              rest.get(position) ??
              Buffer.concat([bytes.subarray(position, position + length), Buffer.alloc(length)]).subarray(
                0,
                length,
              )
            );
          },
          async write(position, written) {
            inside(position, written.length);
            rest.set(position, Buffer.from(written));
          },
          flush: async () => {},
          close: async () => {},
        };
        await writeRootFile(device, extent, "provision.json", Buffer.from("{}"), modified).catch(
          (error: unknown) => {
            expect(error).toMatchObject({ code: expect.stringMatching(/^(bad-fat|fat-full)$/) });
          },
        );
      },
    ),
    { numRuns: 60 },
  );
});

it("refuses a FAT32 whose root folder begins with the end of a chain", async () => {
  const { path, extent } = format({ bits: 32, mebibytes: 40, cluster: 1 });
  using device = fileDevice(path);
  const boot = Buffer.from(await device.read(extent.start, 512));
  for (const cluster of [0x0fffffff, 0x0ffffff8, 0, 1]) {
    boot.writeUInt32LE(cluster, 44);
    await device.write(extent.start, boot);
    await expect(
      writeRootFile(device, extent, "provision.json", Buffer.from("{}"), modified),
    ).rejects.toMatchObject({ code: "bad-fat" });
  }
});
