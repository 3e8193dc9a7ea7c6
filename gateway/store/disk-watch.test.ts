import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { Disk } from "./disk.ts";
import { DiskWatch } from "./disk-watch.ts";

const never = new Promise<never>(() => {});
const hung = () => never;

/** Opens files, and that is the last that is heard of it. */
const hungDisk: Disk = {
  list: hung,
  create: async () => ({ size: 3, read: hung, write: hung, truncate: hung, sync: hung, close: hung }),
  open: hung,
  rename: hung,
  remove: hung,
  syncNames: hung,
  free: hung,
};

describe("DiskWatch", () => {
  it("waits for nothing while nothing is under way, and afterwards", async () => {
    const clock = new VirtualClock();
    const watch = new DiskWatch(clock);
    expect(watch.waitingMs).toBe(0);
    await watch.wait(Promise.resolve());
    await expect(watch.wait(Promise.reject(new Error("disk-io")))).rejects.toThrow("disk-io");
    await clock.advance(1000);
    expect(watch.waitingMs).toBe(0);
  });

  it("counts from the oldest operation that is under way", async () => {
    const clock = new VirtualClock();
    const watch = new DiskWatch(clock);
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const waits = [watch.wait(first.promise)];
    await clock.advance(1000);
    waits.push(watch.wait(second.promise));
    await clock.advance(500);
    expect(watch.waitingMs).toBe(1500);
    first.resolve();
    await waits[0];
    expect(watch.waitingMs).toBe(500);
    second.resolve();
    await waits[1];
    expect(watch.waitingMs).toBe(0);
  });

  it.each<[string, (disk: Disk) => Promise<unknown>]>([
    ["list", (disk) => disk.list()],
    ["open", (disk) => disk.open("a")],
    ["rename", (disk) => disk.rename("a", "b")],
    ["remove", (disk) => disk.remove("a")],
    ["syncNames", (disk) => disk.syncNames()],
    ["free", (disk) => disk.free()],
    ["read", async (disk) => (await disk.create("a")).read(0, 1)],
    ["write", async (disk) => (await disk.create("a")).write(0, new Uint8Array(1))],
    ["truncate", async (disk) => (await disk.create("a")).truncate(0)],
    ["sync", async (disk) => (await disk.create("a")).sync()],
    ["close", async (disk) => (await disk.create("a")).close()],
  ])("sees a disk that hangs in %s", async (_name, begin) => {
    const clock = new VirtualClock();
    const watch = new DiskWatch(clock);
    void begin(watch.watch(hungDisk));
    await clock.advance(0);
    await clock.advance(1000);
    expect(watch.waitingMs).toBe(1000);
  });

  it("gives a file as it is", async () => {
    expect((await new DiskWatch(new VirtualClock()).watch(hungDisk).create("a")).size).toBe(3);
  });
});
