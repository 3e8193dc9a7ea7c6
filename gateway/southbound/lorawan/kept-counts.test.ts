import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { silentLog } from "../../model/log.ts";
import { KeptCounts } from "./kept-counts.ts";
import { countOfMark, eventMark, uplinkMark } from "./marks.ts";

const uplink = (fCnt: number, dedupId = `id-${fCnt}`) =>
  ({ fCnt, dedupId, time: undefined }) as Parameters<typeof uplinkMark>[1];
const marksOf = (device: string, ...counts: number[]) =>
  counts.map((fCnt) => uplinkMark(device, uplink(fCnt)));

function memory(document?: unknown) {
  const saved: unknown[] = [];
  return {
    saved,
    load: async () => document,
    save: async (value: unknown) => {
      saved.push(structuredClone(value));
    },
  };
}

describe("a mark", () => {
  it("is short, the same each time, and another one in another session", () => {
    const long = "d".repeat(63);
    const mark = uplinkMark(long, uplink(4_294_967_295, "3f5c1e2a-0b1d-4c3e-9f7a-1234567890ab"));
    expect(mark.length).toBeLessThanOrEqual(96);
    expect(countOfMark(mark)).toEqual({ device: long, fCnt: 4_294_967_295 });
    expect(uplinkMark("a", uplink(1, "x"))).toBe(uplinkMark("a", uplink(1, "x")));
    expect(uplinkMark("a", uplink(1, "x"))).not.toBe(uplinkMark("a", uplink(1, "y")));
    expect(countOfMark(eventMark("a", "status", 5))).toBeUndefined();
  });
});

describe("kept frame counters", () => {
  it("go on over a restart: what is missing is told, what changed places is not", async () => {
    const kept = await KeptCounts.open(undefined, marksOf("a", 5, 6, 9), new VirtualClock(), silentLog);
    const counts = kept.of("a");
    expect(counts.count(8)).toEqual({ lost: 0, kind: "late" });
    expect(counts.count(12)).toEqual({ lost: 1, kind: "next" });
    expect(counts.count(13)).toEqual({ lost: 2, kind: "next" });
  });

  it("take the newer of document and marks, in whatever order they overlap", async () => {
    const open = async (last: number, ...marks: number[]) => {
      const told = memory({ devices: { a: { last, missing: [] } } });
      return (await KeptCounts.open(told, marksOf("a", ...marks), new VirtualClock(), silentLog)).of("a")
        .last;
    };
    expect(await open(105, 100, 101, 102, 103, 104, 105)).toBe(105);
    expect(await open(105, 100, 103)).toBe(105);
    expect(await open(105, 104, 105, 106, 107)).toBe(107);
    // Joined anew in between, before and after the document was written.
    expect(await open(105, 104, 105, 0, 1, 2)).toBe(2);
    expect(await open(2, 104, 105, 0, 1, 2, 3)).toBe(3);
  });

  it("are written once a minute and at the end, and only when something came", async () => {
    const clock = new VirtualClock();
    const store = memory();
    const kept = await KeptCounts.open(store, [], clock, silentLog);
    for (let fCnt = 1; fCnt <= 50; fCnt++) kept.stored("a", fCnt);
    kept.stored("b", 7);
    await clock.advance(60_000);
    await settle();
    expect(store.saved).toEqual([{ devices: { a: { last: 50, missing: [] }, b: { last: 7, missing: [] } } }]);
    await clock.advance(600_000);
    expect(store.saved).toHaveLength(1);
    kept.keep(new Set(["a"]));
    kept.stored("a", 52);
    await kept.flush();
    expect(store.saved[1]).toEqual({ devices: { a: { last: 52, missing: [51] } } });
    const next = await KeptCounts.open(memory(store.saved[1]), [], clock, silentLog);
    expect(next.of("a").count(53)).toEqual({ lost: 1, kind: "next" });
  });

  it("believe no document that makes no sense", async () => {
    const documents: unknown[] = [
      null,
      1,
      {},
      { devices: [] },
      { devices: { a: { last: "x", missing: [] } } },
    ];
    for (const document of documents) {
      const kept = await KeptCounts.open(memory(document), [], new VirtualClock(), silentLog);
      expect(kept.of("a").last).toBeUndefined();
    }
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (devices) => {
        await KeptCounts.open(memory({ devices }), [], new VirtualClock(), silentLog);
      }),
    );
  });
});
