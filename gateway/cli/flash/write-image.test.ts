import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DiskHandle, deviceOn } from "./block-device.ts";
import { checkImage, type Image } from "./image.ts";
import { firstPartition } from "./partition.ts";
import { type Progress, writeImage } from "./write-image.ts";

const mebibyte = 1024 * 1024;
const imageSize = 9 * mebibyte;
const diskSize = 12 * mebibyte;

let folder: string;
let bytes: Buffer;
let image: Image;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-write-"));
  bytes = Buffer.from(
    Array.from({ length: imageSize / 4096 }, (_, block) =>
      Array.from({ length: 4096 }, (_, at) => (block * 7 + at * 3) & 0xff),
    ).flat(),
  );
  const path = join(folder, "test.img");
  writeFileSync(path, bytes);
  const { hash } = await import("node:crypto");
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify({ files: { "test.img": { sha256: hash("sha256", bytes, "hex") } } }),
  );
  image = await checkImage(path, {}, new AbortController().signal, () => {});
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A disk in memory that was full of ones, with the faults of real ones. */
class FakeDisk {
  readonly bytes = Buffer.alloc(diskSize, 0xff);
  /** Largest piece that one call takes. */
  most = Number.POSITIVE_INFINITY;
  /** Called before each; throws what the kernel would say. */
  fault: (what: "read" | "write" | "sync", position: number) => void = () => {};
  readonly handle: DiskHandle = {
    read: (async (buffer: Buffer, offset: number, length: number, position: number) => {
      this.fault("read", position);
      const bytesRead = this.bytes.copy(buffer, offset, position, position + Math.min(length, this.most));
      return { bytesRead, buffer };
    }) as unknown as DiskHandle["read"],
    write: (async (buffer: Buffer, offset: number, length: number, position: number) => {
      this.fault("write", position);
      const bytesWritten = buffer.copy(this.bytes, position, offset, offset + Math.min(length, this.most));
      return { bytesWritten, buffer };
    }) as unknown as DiskHandle["write"],
    sync: async () => this.fault("sync", 0),
    close: async () => {},
  };
}

const errno = (code: string, syscall = "write") =>
  Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });

function write(
  disk: FakeDisk,
  progress: (one: Progress) => void = () => {},
  signal = new AbortController().signal,
) {
  return writeImage(deviceOn(disk.handle, "/dev/sdb"), image, { size: diskSize, signal, progress });
}
const isDead = (disk: FakeDisk) => disk.bytes.subarray(0, mebibyte).equals(Buffer.alloc(mebibyte));

describe("writing", () => {
  it("brings the image to the disk, its first block last, and empties the end where an old GPT may lie", async () => {
    const disk = new FakeDisk();
    const writes: number[] = [];
    disk.fault = (what, position) => {
      if (what === "write") writes.push(position);
    };
    await write(disk);
    expect(disk.bytes.subarray(0, imageSize).equals(bytes)).toBe(true);
    expect(disk.bytes.subarray(imageSize, diskSize - mebibyte).every((byte) => byte === 0xff)).toBe(true);
    expect(disk.bytes.subarray(diskSize - mebibyte).every((byte) => byte === 0)).toBe(true);
    expect(writes[0]).toBe(0);
    expect(writes.at(-1)).toBe(0);
    expect(writes.at(-2)).toBe(4096);
    expect(writes.slice(1, -2).every((position) => position >= mebibyte)).toBe(true);
  });

  it("goes on after short writes and reads, also with ends inside of a sector", async () => {
    for (const most of [512, 70_000]) {
      const disk = new FakeDisk();
      disk.most = most;
      await write(disk);
      expect(disk.bytes.subarray(0, imageSize).equals(bytes)).toBe(true);
    }
  });

  it.each<[string, "read" | "write" | "sync", string]>([
    ["EIO", "write", "disk-error"],
    ["EIO", "read", "disk-error"],
    ["EIO", "sync", "disk-error"],
    ["ENXIO", "write", "disk-gone"],
    ["ENODEV", "read", "disk-gone"],
    ["ENOMEDIUM", "sync", "disk-gone"],
    ["ENOSPC", "write", "disk-full"],
    ["EROFS", "write", "disk-locked"],
  ])("%s of a %s is said in our words, and the disk does not start", async (code, where, expected) => {
    const disk = new FakeDisk();
    let calls = 0;
    disk.fault = (what, position) => {
      if (
        what === where &&
        (where === "sync" ? ++calls === 2 : position > 5 * mebibyte && position < 10 * mebibyte)
      )
        throw errno(code, where);
    };
    await expect(write(disk)).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(code),
    });
    expect(isDead(disk)).toBe(true);
  });

  it("calls a disk full that takes nothing more, and gone when it gives nothing more", async () => {
    const full = new FakeDisk();
    full.fault = (what, position) => {
      full.most =
        what === "write" && position > 5 * mebibyte && position < 10 * mebibyte
          ? 0
          : Number.POSITIVE_INFINITY;
    };
    await expect(write(full)).rejects.toMatchObject({ code: "disk-full" });
    const gone = new FakeDisk();
    gone.fault = (what, position) => {
      gone.most = what === "read" && position > 5 * mebibyte ? 0 : Number.POSITIVE_INFINITY;
    };
    await expect(write(gone)).rejects.toMatchObject({ code: "disk-gone" });
    expect(isDead(full) && isDead(gone)).toBe(true);
  });

  it("empties the gaps of the map, and finds a disk that does not keep them empty", async () => {
    const sparse = Buffer.from(bytes).fill(0, 2 * mebibyte, 8 * mebibyte);
    const path = join(folder, "sparse.img");
    writeFileSync(path, sparse);
    const ranges = [
      { start: 0, end: 2 * mebibyte, sha256: undefined },
      { start: 8 * mebibyte, end: imageSize, sha256: undefined },
    ];
    const gapped = { ...image, path, bmap: { imageSize, ranges }, content: 3 * mebibyte };
    const options = { size: diskSize, signal: new AbortController().signal };
    const told: Progress[] = [];
    const disk = new FakeDisk();
    await writeImage(deviceOn(disk.handle, "/dev/sdb"), gapped, {
      ...options,
      progress: (one) => told.push(one),
    });
    expect(disk.bytes.subarray(0, imageSize).equals(sparse)).toBe(true);
    expect(told.findLast(({ phase }) => phase === "clear")).toMatchObject({
      done: 6 * mebibyte,
      total: 6 * mebibyte,
    });
    // An empty disk is only read there.
    const positions: number[] = [];
    disk.fault = (what, position) => {
      if (what === "write") positions.push(position);
    };
    await writeImage(deviceOn(disk.handle, "/dev/sdb"), gapped, { ...options, progress: () => {} });
    expect(positions.filter((position) => position > 2 * mebibyte && position < 8 * mebibyte)).toEqual([]);
    const bad = new FakeDisk();
    bad.fault = (what) => {
      if (what === "read") bad.bytes[5 * mebibyte] = 1;
    };
    const writing = writeImage(deviceOn(bad.handle, "/dev/sdb"), gapped, { ...options, progress: () => {} });
    await expect(writing).rejects.toMatchObject({ code: "verify-failed" });
    expect(isDead(bad)).toBe(true);
  });

  it("finds any single byte that the disk does not keep, wherever it is", async () => {
    for (const at of [mebibyte, 3 * mebibyte + 12_345, imageSize - 1]) {
      const disk = new FakeDisk();
      const damage = (one: Progress) => {
        if (one.phase === "write" && one.done === one.total)
          disk.fault = (what) => {
            if (what === "read") disk.bytes[at] = ~(bytes[at] ?? 0);
          };
      };
      await expect(write(disk, damage)).rejects.toMatchObject({ code: "verify-failed" });
      expect(isDead(disk)).toBe(true);
    }
  });

  it("takes the first block away again when the disk does not keep it", async () => {
    const disk = new FakeDisk();
    const damage = ({ phase }: Progress) => {
      if (phase !== "finish") return;
      disk.fault = (what, position) => {
        if (what === "read" && position === 0) disk.bytes[500] = ~(disk.bytes[500] ?? 0);
      };
    };
    await expect(write(disk, damage)).rejects.toMatchObject({ code: "verify-failed" });
    expect(isDead(disk)).toBe(true);
  });

  it("stops in the middle when it is told to", async () => {
    for (const phase of ["write", "verify"] as const) {
      const disk = new FakeDisk();
      const ending = new AbortController();
      const progress = (one: Progress) => {
        if (one.phase === phase && one.done > one.total / 2) ending.abort();
      };
      await expect(write(disk, progress, ending.signal)).rejects.toMatchObject({ code: "interrupted" });
      expect(isDead(disk)).toBe(true);
    }
  });

  it("finds an image that changed after it was checked, before the disk can start", async () => {
    const disk = new FakeDisk();
    const changed = {
      ...image,
      bmap: { ...image.bmap, ranges: [{ start: 0, end: imageSize, sha256: "0".repeat(64) }] },
    };
    const options = { size: diskSize, signal: new AbortController().signal, progress: () => {} };
    await expect(writeImage(deviceOn(disk.handle, "/dev/sdb"), changed, options)).rejects.toMatchObject({
      code: "image-damaged",
    });
    expect(isDead(disk)).toBe(true);
  });

  it("tells how far it is, to the last byte", async () => {
    const told: Progress[] = [];
    await write(new FakeDisk(), (one) => told.push(one));
    for (const phase of ["write", "verify", "finish"] as const) {
      const own = told.filter((one) => one.phase === phase).map(({ done }) => done);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
      expect(own.at(-1)).toBe(phase === "finish" ? 1 : imageSize);
    }
  });
});

describe("the first partition", () => {
  const disk = (change: (bytes: Buffer) => void) => {
    const one = new FakeDisk();
    one.bytes.fill(0);
    one.bytes.writeUInt16LE(0xaa55, 510);
    change(one.bytes);
    return firstPartition(deviceOn(one.handle, "/dev/sdb"));
  };
  const mbr = (type: number, start: number, size: number) => (bytes: Buffer) => {
    bytes.writeUInt8(type, 450);
    bytes.writeUInt32LE(start, 454);
    bytes.writeUInt32LE(size, 458);
  };
  const gpt = (bytes: Buffer) => {
    mbr(0xee, 1, 1000)(bytes);
    bytes.fill(1, 1024, 1040);
    bytes.writeBigUInt64LE(2048n, 1024 + 32);
    bytes.writeBigUInt64LE(4095n, 1024 + 40);
    bytes.write("EFI PART", 512, "latin1");
    bytes.writeUInt32LE(92, 512 + 12);
    bytes.writeBigUInt64LE(2n, 512 + 72);
    bytes.writeUInt32LE(4, 512 + 80);
    bytes.writeUInt32LE(128, 512 + 84);
    bytes.writeUInt32LE(crc32(bytes.subarray(1024, 1536)), 512 + 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(512, 604)), 512 + 16);
  };

  it("is found by MBR and by GPT", async () => {
    expect(await disk(mbr(0x0c, 2048, 4096))).toEqual({ start: mebibyte, size: 2 * mebibyte });
    expect(await disk(gpt)).toEqual({ start: mebibyte, size: mebibyte });
  });

  it("is not guessed where the table is damaged or empty", async () => {
    const damaged = (at: number) => (bytes: Buffer) => {
      gpt(bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    };
    for (const change of [
      mbr(0, 0, 0),
      mbr(0xee, 1, 1000),
      mbr(0x0c, 0, 5),
      damaged(520),
      damaged(600),
      damaged(1030),
      damaged(1060),
      (bytes: Buffer) => void bytes.fill(0),
    ])
      await expect(disk(change)).rejects.toMatchObject({ code: "no-partition" });
  });
});
