import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { StorageError } from "../model/errors.ts";
import { openFolderDisk } from "./folder-disk.ts";
import { openJournal } from "./journal.ts";

const options = { random: seeded(7), maxBytes: 1_000_000 };
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const textOf = (records: readonly Uint8Array[]) => records.map((one) => Buffer.from(one).toString());

describe("journal", () => {
  it("hands back what was appended, in order, over restarts", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 })),
        async (runs) => {
          const disk = new SimulatedDisk({ random: seeded(1) });
          const all: Uint8Array[] = [];
          for (const run of runs) {
            const { journal, records, lostBytes } = await openJournal(disk, "j", options);
            expect(records).toEqual(all);
            expect(lostBytes).toBe(0);
            await Promise.all(run.map((record, index) => journal.append(record, { sync: index % 2 === 0 })));
            await journal[Symbol.asyncDispose]();
            all.push(...run);
          }
          expect((await openJournal(disk, "j", options)).records).toEqual(all);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("commits what comes at one moment with one write and one sync", async () => {
    const operations: string[] = [];
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    disk.options = { random: seeded(1), before: (operation) => operations.push(operation) };
    await Promise.all(["a", "b", "c"].map((text) => journal.append(bytesOf(text))));
    expect(operations).toEqual(["write", "sync"]);
    await journal.append(bytesOf("d"), { sync: false });
    expect(operations).toEqual(["write", "sync", "write"]);
  });

  it("replaces everything by a snapshot, and goes on behind it", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    await journal.append(bytesOf("old"));
    const later = [journal.compact(() => [bytesOf("new")]), journal.append(bytesOf("behind"))];
    await Promise.all(later);
    await journal[Symbol.asyncDispose]();
    expect(textOf((await openJournal(disk, "j", options)).records)).toEqual(["new", "behind"]);
    expect(disk.names).toEqual(["j"]);
  });

  it("takes nothing after a failed sync until it is compacted", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    await journal.append(bytesOf("kept"));
    disk.options = { random: seeded(1), fail: (operation) => (operation === "sync" ? "disk-io" : undefined) };
    await expect(journal.append(bytesOf("lost"))).rejects.toThrow(StorageError);
    disk.options = { random: seeded(1) };
    await expect(journal.append(bytesOf("refused"), { sync: false })).rejects.toMatchObject({
      code: "disk-io",
    });
    expect(journal.problem?.code).toBe("disk-io");
    await journal.compact(() => [bytesOf("kept")]);
    expect(journal.problem).toBeUndefined();
    await journal.append(bytesOf("anew"));
    await journal[Symbol.asyncDispose]();
    const after = disk.cutPower({ random: seeded(3) });
    expect(textOf((await openJournal(after, "j", options)).records)).toEqual(["kept", "anew"]);
  });

  it("lives in a folder of the real file system", async () => {
    const folder = mkdtempSync(join(tmpdir(), "journal-"));
    try {
      const disk = await openFolderDisk(folder);
      const { journal } = await openJournal(disk, "j", options);
      await Promise.all(["a", "b"].map((text) => journal.append(bytesOf(text))));
      await journal.compact(() => [bytesOf("ab")]);
      await journal.append(bytesOf("c"));
      await journal[Symbol.asyncDispose]();
      appendFileSync(join(folder, "j"), "torn");
      const { journal: again, records, lostBytes } = await openJournal(disk, "j", options);
      expect([textOf(records), lostBytes]).toEqual([["ab", "c"], 4]);
      await again.append(bytesOf("d"));
      await again[Symbol.asyncDispose]();
      expect(textOf((await openJournal(disk, "j", options)).records)).toEqual(["ab", "c", "d"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses to grow beyond its bound, without harm", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", { ...options, maxBytes: 200 });
    await journal.append(new Uint8Array(100));
    await expect(journal.append(new Uint8Array(100))).rejects.toMatchObject({ code: "journal-full" });
    await journal.append(new Uint8Array(10));
    expect(() => journal.append(new Uint8Array(70_000))).toThrow(RangeError);
    expect(journal.bytes).toBeLessThanOrEqual(200);
  });

  it("keeps what stands behind rot, and says so", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    for (const text of ["first", "second", "third"]) await journal.append(bytesOf(text));
    await journal[Symbol.asyncDispose]();
    disk.damage("j", Buffer.from(disk.contents("j")).indexOf("second"), (byte) => byte ^ 4);
    const opened = await openJournal(disk, "j", options);
    expect(textOf(opened.records)).toEqual(["first", "third"]);
    expect(opened).toMatchObject({ rotten: true, lostBytes: 16 });
  });

  it("keeps a copy of a rotten file and of a torn end, as they were found", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    for (const text of ["first", "second", "third"]) await journal.append(bytesOf(text));
    await journal[Symbol.asyncDispose]();
    const whole = disk.contents("j");
    disk.put("j", whole.subarray(0, whole.length - 3));
    await openJournal(disk, "j", options);
    expect(Buffer.from(disk.contents("j.torn")).subarray(-2).toString()).toBe("th");
    for (let round = 1; round <= 6; round++) {
      disk.put("j", whole);
      disk.damage("j", Buffer.from(whole).indexOf("second"), () => round);
      const damaged = disk.contents("j");
      const opened = await openJournal(disk, "j", options);
      await opened.journal.compact(() => opened.records);
      if (round <= 4) expect(disk.contents(`j.damaged-${round}`)).toEqual(damaged);
    }
    expect(disk.names.filter((name) => name.includes("damaged"))).toHaveLength(4);
  });

  it("opens on a full disk, without the copy of a torn end", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    for (const text of ["first", "second"]) await journal.append(bytesOf(text));
    await journal[Symbol.asyncDispose]();
    const whole = disk.contents("j");
    disk.put("j", whole.subarray(0, whole.length - 3));
    disk.options = { ...disk.options, fail: (_, name) => (name === "j.torn" ? "disk-full" : undefined) };
    expect(textOf((await openJournal(disk, "j", options)).records)).toEqual(["first"]);
    expect(disk.names).not.toContain("j.torn");
  });

  it("finds the records of a file whose header is rotten", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    const { journal } = await openJournal(disk, "j", options);
    for (const text of ["first", "second", "third"]) await journal.append(bytesOf(text));
    await journal[Symbol.asyncDispose]();
    for (let at = 0; at < 20; at++) disk.damage("j", at, () => 0);
    const opened = await openJournal(disk, "j", options);
    expect(textOf(opened.records)).toEqual(["first", "second", "third"]);
    expect(opened.rotten).toBe(true);
    await opened.journal.compact(() => opened.records);
    await opened.journal[Symbol.asyncDispose]();
    expect((await openJournal(disk, "j", options)).rotten).toBe(false);
  });

  it("puts a file with a rotten header aside, and leaves a newer one alone", async () => {
    const disk = new SimulatedDisk({ random: seeded(1) });
    disk.put("j", bytesOf("something else altogether"));
    expect(await openJournal(disk, "j", options)).toMatchObject({ records: [], rotten: true });
    expect(disk.names).toEqual(["j", "j.damaged-1"]);
    disk.damage("j", 9, () => 2);
    await expect(openJournal(disk, "j", options)).rejects.toMatchObject({ code: "journal-newer-format" });
  });

  it("loses nothing promised at any power cut", async () => {
    for (let seed = 1; seed <= 300; seed++) await cutOnce(seed, false);
  });

  it("would be caught losing promises if the disk did not sync", async () => {
    let lost = 0;
    for (let seed = 1; seed <= 60; seed++) await cutOnce(seed, true).catch(() => lost++);
    expect(lost).toBeGreaterThan(0);
  });
});

/** A life of appends and compactions with a power cut before every disk operation; every one is recovered. */
async function cutOnce(seed: number, ignoreSync: boolean): Promise<void> {
  const random = seeded(seed);
  const cuts: { disk: SimulatedDisk; promised: string[]; given: string[] }[] = [];
  const given: string[] = [];
  const promised: string[] = [];
  const disk = new SimulatedDisk({ random });
  const cut = () => {
    if (random() < 0.5)
      cuts.push({ disk: disk.cutPower({ random }), promised: [...promised], given: [...given] });
  };
  const { journal } = await openJournal(disk, "j", options);
  disk.options = { random, before: cut, ignoreSync };
  for (let step = 0; step < 8; step++) {
    if (random() < 0.2) {
      const standing = [...given];
      await journal.compact(() => standing.map(bytesOf));
      promised.splice(0, promised.length, ...standing);
      continue;
    }
    const texts = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) => `${step}.${index}`);
    given.push(...texts);
    await Promise.all(texts.map((text) => journal.append(bytesOf(text.padEnd(20 + step, "x")))));
    promised.push(...texts);
  }
  for (const one of cuts) {
    const opened = await openJournal(one.disk, "j", options);
    const found = textOf(opened.records).map((text) => text.replace(/x+$/, ""));
    expect(one.promised.filter((text) => !found.includes(text))).toEqual([]);
    expect(found.filter((text) => !one.given.includes(text))).toEqual([]);
    await opened.journal.append(bytesOf("after"));
  }
}
