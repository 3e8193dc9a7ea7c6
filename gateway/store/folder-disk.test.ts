import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolderDisk } from "./folder-disk.ts";

describe("folder disk", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "stadsnod-disk-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("creates, writes, reads, renames and removes files, and lists only files", async () => {
    const disk = await openFolderDisk(join(folder, "new", "folder"));
    const file = await disk.create("a", 100_000);
    expect(file.size).toBe(100_000);
    await file.write(99_999, Uint8Array.of(1, 2, 3));
    expect(file.size).toBe(100_002);
    await file.sync();
    await disk.syncNames();
    expect([...(await file.read(99_998, 10))]).toEqual([0, 1, 2, 3]);
    expect(await file.read(200_000, 10)).toHaveLength(0);
    await file.truncate(3);
    await file.close();
    await openFolderDisk(join(folder, "new", "folder", "inner"));
    await disk.rename("a", "b");
    expect(await disk.list()).toEqual(["b"]);
    const again = await disk.open("b");
    expect(again.size).toBe(3);
    await again.close();
    expect(await disk.free()).toBeGreaterThan(0);
    await disk.remove("b");
    expect(await disk.list()).toEqual([]);
  });

  it("names what went wrong", async () => {
    const disk = await openFolderDisk(folder);
    await expect(disk.open("none")).rejects.toMatchObject({ name: "StorageError", code: "disk-missing" });
    await (await disk.create("there")).close();
    await expect(disk.create("there")).rejects.toMatchObject({ code: "disk-io" });
    writeFileSync(join(folder, "plain"), "");
    await expect(openFolderDisk(join(folder, "plain", "below"))).rejects.toMatchObject({
      code: "disk-missing",
    });
  });
});
