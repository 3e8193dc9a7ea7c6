import { describe, expect, it } from "vitest";
import { StorageError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { type DumpEntry, dumpOutbox, formatDumpEntry } from "../../gateway/outbox/dump-outbox.ts";
import type { Gap, Outbox } from "../../gateway/outbox/outbox.ts";
import { type OutboxOptions, openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { bytesOf, everything, head, seqs } from "../contract/outbox.contract.ts";
import { seeded } from "./random.ts";
import { type Operation, SimulatedDisk } from "./simulated-disk.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

const random = seeded(7);

async function start(disk: SimulatedDisk, options: Partial<OutboxOptions> = {}) {
  const clock = new VirtualClock();
  const gaps: Gap[] = [];
  const outbox = await openOutbox(disk, {
    clock,
    random,
    log: silentLog,
    limits: { maxBytes: 1e7, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes: 4_096,
    ballastBytes: 256,
    cacheBytes: 0,
    onGap: (gap) => {
      gaps.push(gap);
    },
    ...options,
  });
  return { outbox, clock, gaps };
}

const append = (outbox: Outbox, seq: number, length = 200) => outbox.append(bytesOf(length, seq), head(seq));
const upTo = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);

async function dumped(disk: SimulatedDisk): Promise<DumpEntry[]> {
  const entries: DumpEntry[] = [];
  for await (const entry of dumpOutbox(disk)) entries.push(entry);
  return entries;
}

describe("group commit", () => {
  it("covers what is appended meanwhile with one write and one sync", async () => {
    const operations: Operation[] = [];
    const disk = new SimulatedDisk({ random, before: (operation) => operations.push(operation) });
    const { outbox } = await start(disk, { segmentBytes: 1 << 20 });
    await append(outbox, 1);
    operations.length = 0;
    await Promise.all(upTo(100, 2).map((seq) => append(outbox, seq)));
    expect(operations).toEqual(["write", "sync"]);
  });

  it("writes less than 1.12 bytes per payload byte, acks included, and reuses freed files", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk, { segmentBytes: 256 * 1024, ballastBytes: 0 });
    let payload = 0;
    for (let commit = 0; commit < 60; commit++) {
      await Promise.all(upTo(100, commit * 100 + 1).map((seq) => append(outbox, seq)));
      payload += 100 * 200;
      await outbox.ack(await outbox.peek("live", 100));
    }
    await outbox[Symbol.asyncDispose]();
    expect(disk.written / payload).toBeLessThan(1.12);
    expect(disk.names.length).toBeLessThanOrEqual(4);
  });

  it("waits for the commit interval of the clock, and not for it when closing", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox, clock } = await start(disk, { commitInterval: 1_000 });
    let settled = 0;
    const first = append(outbox, 1).then(() => settled++);
    await clock.advance(999);
    const second = append(outbox, 2).then(() => settled++);
    expect(settled).toBe(0);
    await clock.advance(1);
    await Promise.all([first, second]);
    const last = append(outbox, 3);
    await outbox[Symbol.asyncDispose]();
    expect(await last).toBe("disk");
  });
});

describe("recovery", () => {
  it("brings back what was not acked as backlog, and the last seq of earlier runs after all is gone", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk);
    for (const seq of upTo(40)) await append(outbox, seq);
    await outbox.append(bytesOf(5, 5), head(41, { lane: "urgent" }));
    await outbox.ack((await outbox.peek("live", 100)).slice(0, 30));
    await outbox[Symbol.asyncDispose]();

    const { outbox: second } = await start(disk);
    expect(seqs(await second.peek("backlog", 100))).toEqual(upTo(10, 31));
    expect(seqs(await second.peek("urgent", 100))).toEqual([41]);
    expect(second.previousRuns).toEqual([{ run: "run-a", audience: "open", lastSeq: 41 }]);
    await second.ack(await everything(second));
    await second.append(bytesOf(5, 5), head(1, { run: "run-b" }));
    await second[Symbol.asyncDispose]();

    const { outbox: third } = await start(disk);
    expect(third.previousRuns).toEqual([
      { run: "run-a", audience: "open", lastSeq: 41 },
      { run: "run-b", audience: "open", lastSeq: 1 },
    ]);
    expect((await everything(third)).map(({ run }) => run)).toEqual(["run-b"]);
  });

  it("salvages a damaged segment, reports what is missing, and puts the file into quarantine", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk);
    for (const seq of upTo(40)) await append(outbox, seq);
    await outbox[Symbol.asyncDispose]();
    const dump = await dumped(disk);
    const hit = dump.filter(
      ({ head, file }) => file === "segment-0000000001" && head && [5, 6].includes(head.seq),
    );
    for (const { file, offset, length } of hit) disk.damage(file, offset + length - 3, (byte) => byte ^ 1);

    const { outbox: second, gaps } = await start(disk);
    const expected = upTo(40).filter((seq) => seq !== 5 && seq !== 6);
    expect(seqs(await everything(second))).toEqual(expected);
    expect(gaps).toEqual([
      { audience: "open", run: "run-a", from: 5, to: 6, readings: 0, reason: "damaged" },
    ]);
    await second[Symbol.asyncDispose]();
    expect(second.status().quarantined).toBe(1);
    expect(disk.names).toContain("segment-0000000001.damaged-1");

    const { outbox: third, gaps: again } = await start(disk);
    expect(seqs(await everything(third))).toEqual(expected);
    expect(again).toEqual([]);
    const lines = (await dumped(disk)).map(formatDumpEntry);
    expect(lines.filter((line) => / BAD damage$/.test(line)).length).toBeGreaterThan(0);
  });

  it("keeps a damaged file where it is until its gap is safe", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk);
    for (const seq of upTo(40)) await append(outbox, seq);
    await outbox[Symbol.asyncDispose]();
    disk.damage("segment-0000000001", 700, (byte) => byte ^ 0x80);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { outbox: second } = await start(disk, { onGap: () => promise });
    await append(second, 41);
    await append(second, 42);
    expect(second.status().quarantined).toBe(0);
    resolve();
    await second[Symbol.asyncDispose]();
    expect(second.status().quarantined).toBe(1);
  });

  it("reads a segment whose header is damaged by the header's copy", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk);
    for (const seq of upTo(5)) await append(outbox, seq);
    await outbox[Symbol.asyncDispose]();
    disk.damage("segment-0000000001", 3, () => 0);
    const { outbox: second } = await start(disk);
    expect(seqs(await everything(second))).toEqual(upTo(5));
  });

  it("refuses a newer format and leaves every file as it was", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox } = await start(disk);
    for (const seq of upTo(40)) await append(outbox, seq);
    await outbox[Symbol.asyncDispose]();
    const newest = disk.names.filter((name) => name.startsWith("segment-")).at(-1)!;
    disk.damage(newest, 9, () => 3);
    const before = disk.names.map((name) => [name, Buffer.from(disk.contents(name)).toString("hex")]);
    await expect(start(disk)).rejects.toMatchObject({
      name: "StorageError",
      code: "outbox-newer-format",
      hint: expect.stringMatching(/newer version/),
    });
    expect(disk.names.map((name) => [name, Buffer.from(disk.contents(name)).toString("hex")])).toEqual(
      before,
    );
    expect((await dumped(disk)).map(({ type }) => type)).toContain("newer-format");
  });
});

describe("an ill disk", () => {
  it("holds packs in memory while the disk is full, and writes them when there is room again", async () => {
    let full = false;
    const disk = new SimulatedDisk({
      random,
      fail: (operation) =>
        full && (operation === "write" || operation === "create") ? "disk-full" : undefined,
    });
    const { outbox, clock } = await start(disk);
    expect(await append(outbox, 1)).toBe("disk");
    full = true;
    expect(await append(outbox, 2)).toBe("memory");
    expect(await append(outbox, 3)).toBe("memory");
    expect(outbox.status()).toMatchObject({ disk: "full", volatile: 2, packs: 3 });
    expect(seqs(await outbox.peek("live", 10))).toEqual([1, 2, 3]);
    await clock.advance(60_000);
    expect(outbox.status().disk).toBe("full");
    full = false;
    await clock.advance(60_000);
    expect(outbox.status()).toMatchObject({ disk: "ok", volatile: 0, packs: 3 });
    expect(await append(outbox, 4)).toBe("disk");
    const { outbox: after } = await start(disk.cutPower({ random }));
    expect(seqs(await everything(after))).toEqual([1, 2, 3, 4]);
  });

  it("bounds what it holds in memory, oldest first, as gaps", async () => {
    const disk = new SimulatedDisk({
      random,
      fail: (operation) => (operation === "write" ? "disk-read-only" : undefined),
    });
    const { outbox, gaps } = await start(disk, { memoryBytes: 1_000 });
    for (const seq of upTo(7)) expect(await append(outbox, seq)).toBe("memory");
    // Until their gap is told, those that are gone count as well.
    await settle();
    expect(outbox.status()).toMatchObject({ disk: "read-only", volatile: 5 });
    expect(seqs(await everything(outbox))).toEqual(upTo(5, 3));
    expect(gaps.map(({ from, reason }) => [from, reason])).toEqual([
      [1, "disk-failed"],
      [2, "disk-failed"],
    ]);
    expect(await outbox.append(bytesOf(1_001, 0), head(8))).toBe("dropped");
  });

  it("stores acks on a full disk by giving up its ballast", async () => {
    const disk = new SimulatedDisk({ random, capacity: 3 * 4_096 + 300 });
    const { outbox } = await start(disk, { ballastBytes: 4_096 });
    const results = await Promise.all(upTo(60).map((seq) => append(outbox, seq)));
    expect(results).toContain("disk");
    expect(results).toContain("memory");
    expect(disk.names).toContain("ballast");
    const onDisk = (await everything(outbox)).filter((_, index) => results[index] === "disk");
    await outbox.ack(onDisk.slice(1));
    await outbox[Symbol.asyncDispose]();
    const { outbox: after } = await start(disk);
    expect(seqs(await everything(after))).toContain(1);
    expect((await everything(after)).length).toBeLessThanOrEqual(60 - onDisk.length + 1);
  });

  it("believes nothing of a segment whose sync failed: its packs are rewritten before they are promised", async () => {
    let failures = 0;
    const disk = new SimulatedDisk({
      random,
      fail: (operation) => (operation === "sync" && failures-- > 0 ? "disk-io" : undefined),
    });
    const { outbox } = await start(disk);
    await append(outbox, 1);
    failures = 1;
    expect(await append(outbox, 2)).toBe("disk");
    expect(disk.names).toContain("segment-0000000002");
    expect(await append(outbox, 3)).toBe("disk");
    const { outbox: after } = await start(disk.cutPower({ random }));
    expect(seqs(await everything(after))).toEqual([1, 2, 3]);

    failures = 2;
    expect(await append(outbox, 4)).toBe("memory");
    expect(outbox.status().disk).toBe("failing");
  });

  it("blocks nobody on a slow disk, and bounds what waits for it", async () => {
    const held: (() => void)[] = [];
    let slow = false;
    const disk = new SimulatedDisk({
      random,
      delay: async (operation) => {
        if (slow && operation === "sync") await new Promise<void>((resolve) => held.push(resolve));
      },
    });
    const { outbox, clock, gaps } = await start(disk, { memoryBytes: 1_000 });
    await append(outbox, 1);
    slow = true;
    const results = upTo(8, 2).map((seq) => append(outbox, seq));
    expect(await results[0]).toBe("dropped");
    expect(seqs(await outbox.peek("live", 10))).toEqual([1]);
    await outbox.ack(await outbox.peek("live", 10));
    slow = false;
    await clock.advance(1);
    for (const release of held) release();
    expect(await Promise.all(results)).toEqual([
      "dropped",
      "dropped",
      "dropped",
      ...upTo(5).map(() => "disk"),
    ]);
    expect(gaps.map(({ from, reason }) => [from, reason])).toEqual(
      [2, 3, 4].map((seq) => [seq, "disk-failed"]),
    );
  });

  it("passes over a pack it cannot read, and says why when it can read none", async () => {
    let bad = false;
    const disk = new SimulatedDisk({
      random,
      fail: (operation) => (bad && operation === "read" ? "disk-io" : undefined),
    });
    const { outbox } = await start(disk);
    for (const seq of upTo(3)) await append(outbox, seq);
    bad = true;
    await expect(outbox.peek("live", 10)).rejects.toBeInstanceOf(StorageError);
    bad = false;
    await append(outbox, 4);
    expect(seqs(await outbox.peek("live", 10))).toEqual([4]);
    expect(outbox.status().packs).toBe(4);
  });

  it("gives a pack up that rotted on the disk, as a gap", async () => {
    const disk = new SimulatedDisk({ random });
    const { outbox, gaps } = await start(disk);
    for (const seq of upTo(3)) await append(outbox, seq);
    const second = (await dumped(disk)).find((entry) => entry.head?.seq === 2)!;
    disk.damage(second.file, second.offset + 40, (byte) => byte ^ 4);
    expect(seqs(await outbox.peek("live", 10))).toEqual([1, 3]);
    expect(gaps).toEqual([
      { audience: "open", run: "run-a", from: 2, to: 2, readings: 10, reason: "damaged" },
    ]);
  });

  it("closes without waiting for gaps, whose packs come back, and leaves the files alone afterwards", async () => {
    const disk = new SimulatedDisk({ random });
    const told = Promise.withResolvers<void>();
    const { outbox } = await start(disk, { onGap: () => told.promise });
    await append(outbox, 1);
    void outbox.drop(await outbox.peek("live", 1), "refused");
    await outbox[Symbol.asyncDispose]();
    const { written } = disk;
    told.resolve();
    await settle();
    expect(disk.written).toBe(written);
    const again = await start(disk);
    expect(seqs(await everything(again.outbox))).toEqual([1]);
  });

  it("tells of packs that are lost with the memory of an outbox that is closed", async () => {
    const disk = new SimulatedDisk({
      random,
      fail: (operation) => (operation === "write" ? "disk-io" : undefined),
    });
    const { outbox, gaps } = await start(disk);
    expect(await append(outbox, 1)).toBe("memory");
    expect(await append(outbox, 2)).toBe("memory");
    await outbox[Symbol.asyncDispose]();
    await settle();
    expect(gaps).toMatchObject([{ from: 1, to: 2, reason: "disk-failed" }]);
  });

  it.each([0, 1 << 20])(
    "tells again what a pack told that is given up after a restart (cache %d)",
    async (cacheBytes) => {
      const disk = new SimulatedDisk({ random });
      const carried: Gap = { audience: "open", run: "r0", from: 3, to: 4, readings: 9, reason: "refused" };
      const gapsIn = (bytes: Uint8Array, audience: string) =>
        Buffer.compare(bytes, bytesOf(200, 2)) === 0 ? [{ ...carried, audience }] : [];
      const first = await start(disk, { cacheBytes });
      for (const seq of upTo(3)) await append(first.outbox, seq);
      await first.outbox[Symbol.asyncDispose]();
      const { outbox, gaps } = await start(disk, { gapsIn, cacheBytes });
      const [one, two] = await outbox.peek("backlog", 2);
      await outbox.drop([one!, two!], "refused");
      expect(gaps).toMatchObject([
        { from: 3, to: 4, readings: 9 },
        { from: 1, to: 2 },
      ]);
    },
  );

  it("does not give a dropped pack up on disk before its gap is safe", async () => {
    const disk = new SimulatedDisk({ random });
    const { promise, resolve } = Promise.withResolvers<void>();
    const { outbox } = await start(disk, { onGap: () => promise });
    for (const seq of upTo(3)) await append(outbox, seq);
    const dropping = outbox.drop(await outbox.peek("live", 2), "refused");
    await append(outbox, 4);
    const { outbox: early } = await start(disk.cutPower({ random }));
    expect(seqs(await everything(early))).toEqual([1, 2, 3, 4]);
    resolve();
    await dropping;
    await append(outbox, 5);
    const { outbox: late } = await start(disk.cutPower({ random }));
    expect(seqs(await everything(late))).toEqual([3, 4, 5]);
  });
});
