import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../../test/fault/virtual-clock.ts";
import { bad, good, sampleDevice, samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { decodePack, setBaseTime } from "../codec/senml.ts";
import { ConfigError, StorageError } from "../model/errors.ts";
import type { Gap, PackHead } from "../outbox/outbox.ts";
import { PackBuilder, type PackBuilderOptions } from "./pack-builder.ts";

const volt = samplePoint("u1", { unit: "V" });
const meter = sampleDevice("m1");
const traffic = sampleDevice("t1", { audience: "traffic" });

interface Stored {
  readonly bytes: Uint8Array;
  readonly head: PackHead;
}

function setUp(options: Partial<PackBuilderOptions> = {}, clock = new VirtualClock()) {
  const stored: Stored[] = [];
  const builder = new PackBuilder({
    gateway: "gw1",
    run: "r1",
    clock,
    unitOf: sampleUnitOf,
    append: async (bytes, head) => {
      stored.push({ bytes, head });
      return "disk";
    },
    ...options,
  });
  return { clock, stored, builder };
}

/** Whether a promise has settled, once everything that is ready has run. */
async function outcome(promise: Promise<unknown>): Promise<"waiting" | "resolved" | "rejected"> {
  let state: "waiting" | "resolved" | "rejected" = "waiting";
  promise.then(
    () => {
      state = "resolved";
    },
    () => {
      state = "rejected";
    },
  );
  await settle();
  return state;
}

const values = ({ bytes }: Stored) => decodePack(bytes).records.map(({ value }) => value);
const gap = (change: Partial<Gap> = {}): Gap => ({
  audience: "open",
  run: "r0",
  from: 4,
  to: 6,
  readings: 300,
  reason: "disk-full",
  ...change,
});

describe("PackBuilder", () => {
  it("closes a pack by age, and promises settle only when it is stored", async () => {
    const { clock, stored, builder } = setUp();
    const done = builder.add([good(meter, volt, 230.1, clock.stamp())]);
    await clock.advance(4_999);
    expect(await outcome(done)).toBe("waiting");
    expect(builder.pending).toBe(1);
    await clock.advance(1);
    expect(await outcome(done)).toBe("resolved");
    expect(builder.pending).toBe(0);
    expect(stored).toHaveLength(1);
    const { head, bytes } = stored[0]!;
    expect(head).toEqual({
      lane: "live",
      audience: "open",
      run: "r1",
      seq: 1,
      time: { base: "unix", ms: 1_790_000_000_000 },
      bootId: "boot-1",
      readings: 1,
    });
    expect(decodePack(bytes)).toMatchObject({
      header: { gateway: "gw1", audience: "open", run: "r1", seq: 1, seqTo: 1 },
      time: head.time.ms,
      records: [{ name: `${meter.urn}u1`, unit: "V", value: 230.1, time: 1_790_000_000_000 }],
    });
  });

  it("closes a pack by count and by size, and never mixes audiences", async () => {
    const { clock, stored, builder } = setUp({ maxReadings: 3 });
    const text = samplePoint("text", { kind: "text" });
    void builder.add([1, 2, 3, 4].map((value) => good(meter, volt, value, clock.stamp())));
    void builder.add([good(traffic, text, "x".repeat(6000), clock.stamp())]);
    expect(stored.map(({ head }) => [head.audience, head.seq, head.readings])).toEqual([["open", 1, 3]]);
    void builder.add([good(traffic, text, "y", clock.stamp())]);
    await builder.flush();
    expect(stored.map(({ head }) => [head.audience, head.seq, head.readings])).toEqual([
      ["open", 1, 3],
      ["traffic", 1, 1],
      ["open", 2, 1],
      ["traffic", 2, 1],
    ]);
  });

  it("stays within the size, whatever the readings", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.nat(5),
            fc.nat(20),
            fc.oneof(
              fc.double({ noNaN: true, noDefaultInfinity: true }),
              fc.string({ maxLength: 200, unit: "grapheme" }),
              fc.boolean(),
            ),
            fc.nat(1e7),
          ),
          { maxLength: 300 },
        ),
        async (list) => {
          const { stored, builder, clock } = setUp({ maxBytes: 2_000, maxReadings: 1_000 });
          const devices = Array.from({ length: 6 }, (_, index) => sampleDevice(`m${index}`));
          const points = Array.from({ length: 21 }, (_, index) => samplePoint(`a-point-${index}`));
          void builder.add(
            list.map(([d, p, value, late]) =>
              good(devices[d]!, points[p]!, value, { base: "unix", ms: clock.now() + late }),
            ),
          );
          await builder.flush();
          for (const { bytes } of stored) expect(bytes.length).toBeLessThanOrEqual(2_000);
          expect(stored.flatMap(values)).toHaveLength(list.length);
          expect(stored.map(({ head }) => head.seq)).toEqual(stored.map((_, index) => index + 1));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("sends what is not good as a quality record without a value", async () => {
    const { clock, stored, builder } = setUp();
    void builder.add([good(meter, volt, 230, clock.stamp()), bad(meter, volt, "sentinel", clock.stamp())]);
    await builder.flush();
    expect(
      decodePack(stored[0]!.bytes).records.map(({ name, value }) => [name.slice(meter.urn.length), value]),
    ).toEqual([
      ["u1/quality", "sentinel"],
      ["u1", 230],
    ]);
  });

  it("calls a number that leaves the doubles out of range, and never sends an infinity", async () => {
    const { clock, stored, builder } = setUp();
    void builder.add([good(meter, samplePoint("u9", { unit: "EVs" }), 1e300, clock.stamp())]);
    await builder.flush();
    expect(decodePack(stored[0]!.bytes).records).toMatchObject([
      { name: `${meter.urn}u9/quality`, value: "out-of-range" },
    ]);
  });

  it("closes at once for the urgent lane, in order with what waited", async () => {
    const { clock, stored, builder } = setUp();
    void builder.add([good(meter, volt, 1, clock.stamp())]);
    await builder.add([good(meter, volt, 2, clock.stamp())], "urgent");
    expect(stored.map(({ head }) => head.lane)).toEqual(["urgent"]);
    expect(values(stored[0]!)).toEqual([1, 2]);
  });

  it("packs by the time since boot while the clock is not trusted, and by Unix time as soon as it is", async () => {
    const { clock, stored, builder } = setUp({}, new VirtualClock({ trusted: false, monotonic: 61_234.5 }));
    void builder.add([good(meter, volt, 1, clock.stamp())]);
    await builder.flush();
    expect(stored[0]!.head).toMatchObject({ time: { base: "boot", ms: 61_235 }, bootId: "boot-1" });
    expect(() => decodePack(stored[0]!.bytes)).toThrow(/boot/);
    expect(decodePack(setBaseTime(stored[0]!.bytes, 1_800_000_000_000)).records).toMatchObject([
      { time: 1_800_000_000_000 },
    ]);

    const early = clock.stamp();
    void builder.add([good(meter, volt, 2, early)]);
    clock.trust(1_800_000_001_000);
    void builder.add([good(meter, volt, 3, clock.stamp())]);
    await builder.flush();
    expect(stored.slice(1).map(({ head }) => head.time.base)).toEqual(["unix", "unix"]);
    expect(decodePack(stored[1]!.bytes).records).toMatchObject([
      { value: 2, time: Math.round(clock.toUnix(early)!) },
    ]);
    expect(decodePack(stored[1]!.bytes).header).not.toHaveProperty("boot");
  });

  it("keeps packs that the outbox rejects and tries again, with the same seq", async () => {
    let healthy = false;
    const stored: Stored[] = [];
    const { clock, builder } = setUp({
      append: async (bytes, head) => {
        if (!healthy) throw new StorageError("no", { code: "disk-io" });
        stored.push({ bytes, head });
        return "disk";
      },
    });
    const done = builder.add([good(meter, volt, 1, clock.stamp())]);
    await clock.advance(20_000);
    expect(await outcome(done)).toBe("waiting");
    expect(builder.accounting()).toMatchObject([{ lastSeq: 1, readings: 1, stored: 0, pending: 1 }]);
    healthy = true;
    await clock.advance(1_000);
    expect(await outcome(done)).toBe("resolved");
    expect(stored.map(({ head }) => head.seq)).toEqual([1]);
    expect(builder.accounting()).toMatchObject([{ readings: 1, stored: 1, dropped: 0, pending: 0 }]);
  });

  it("gives up the oldest packs when too much waits, and names them in a gap record", async () => {
    let healthy = false;
    const stored: Stored[] = [];
    const { clock, builder } = setUp({
      maxReadings: 10,
      maxPending: 30,
      append: async (bytes, head) => {
        if (!healthy) throw new StorageError("no", { code: "disk-io" });
        stored.push({ bytes, head });
        return "memory";
      },
    });
    const promises: Promise<void>[] = [];
    for (let index = 0; index < 100; index++) {
      promises.push(builder.add([good(meter, volt, index, clock.stamp())]));
      await clock.advance(1);
    }
    expect(builder.pending).toBeLessThanOrEqual(30);
    expect(await outcome(promises[0]!)).toBe("resolved");
    expect(await outcome(promises[99]!)).toBe("waiting");
    healthy = true;
    await clock.advance(10_000);
    const gaps = stored.flatMap(({ bytes }) => decodePack(bytes).gaps);
    const told = gaps.reduce((sum, { readings }) => sum + readings, 0);
    expect(told + stored.flatMap(values).length).toBe(100);
    const seqs = new Set(stored.map(({ head }) => head.seq));
    for (const { from, to } of gaps) for (let seq = from; seq <= to; seq++) seqs.add(seq);
    const [account] = builder.accounting();
    expect([...seqs].sort((a, b) => a - b)).toEqual(
      Array.from({ length: account!.lastSeq }, (_, index) => index + 1),
    );
    expect(account).toMatchObject({ readings: 100, stored: 0, pending: 0, dropped: told });
  });

  it("holds little while the outbox hangs, and goes on when it answers", async () => {
    const waiting: (() => void)[] = [];
    const heads: PackHead[] = [];
    const { clock, builder } = setUp({
      maxReadings: 1,
      maxPending: 200,
      append: (_, head) => {
        heads.push(head);
        return new Promise((resolve) => waiting.push(() => resolve("disk")));
      },
    });
    for (let index = 0; index < 1_000; index++) void builder.add([good(meter, volt, index, clock.stamp())]);
    await settle();
    expect(builder.pending).toBe(200);
    expect(waiting.length).toBeLessThanOrEqual(200);
    while (waiting.length > 0) {
      for (const answer of waiting.splice(0)) answer();
      await settle();
    }
    expect(builder.pending).toBe(0);
    expect(builder.accounting()).toMatchObject([{ readings: 1_000, stored: 200, dropped: 800 }]);
  });

  it("sends gaps with the next pack or by itself, joined", async () => {
    const { clock, stored, builder } = setUp();
    void builder.gap(gap());
    void builder.gap(gap({ from: 7, to: 7, readings: 100 }));
    void builder.gap(gap({ from: 9, to: 9, readings: 1, reason: "expired" }));
    await clock.advance(5_000);
    expect(decodePack(stored[0]!.bytes).gaps).toMatchObject([
      { run: "r0", from: 4, to: 7, readings: 400, reason: "disk-full" },
      { run: "r0", from: 9, to: 9, readings: 1, reason: "expired" },
    ]);
    expect(stored[0]!.head).toMatchObject({ seq: 1, readings: 0 });
    await clock.advance(60_000);
    expect(stored).toHaveLength(1);
    void builder.add([good(meter, volt, 1, clock.stamp())]);
    void builder.gap(gap({ from: 20, to: 20 }));
    await clock.advance(5_000);
    expect(stored).toHaveLength(2);
    expect(decodePack(stored[1]!.bytes)).toMatchObject({ gaps: [{ from: 20 }], records: [{ value: 1 }] });
  });

  it("says when a gap is safe: with the pack that tells it, not before", async () => {
    const { clock, stored, builder } = setUp();
    let safe = false;
    const told = builder.gap(gap()).then(() => {
      safe = true;
    });
    await clock.advance(4_000);
    expect(safe).toBe(false);
    await clock.advance(1_000);
    await told;
    expect(stored).toHaveLength(1);
  });

  it("says that a gap will not be told once it is closed, so that nothing is given up for it", async () => {
    const { builder } = setUp();
    await builder[Symbol.asyncDispose]();
    await expect(builder.gap(gap())).rejects.toMatchObject({ code: "closed" });
  });

  it("tells a gap once, however often it hears of it before", async () => {
    const { clock, stored, builder } = setUp();
    void builder.gap(gap());
    void builder.gap(gap({ from: 5, to: 5, readings: 100 }));
    await clock.advance(5000);
    expect(decodePack(stored[0]!.bytes).gaps).toMatchObject([{ from: 4, to: 6, readings: 300 }]);
  });

  it("tells a gap again when the pack that told it was dropped", async () => {
    const { clock, stored, builder } = setUp();
    void builder.gap(gap());
    await clock.advance(5_000);
    void builder.gap(gap({ run: "r1", from: 1, to: 1, readings: 0, reason: "expired" }));
    await clock.advance(5_000);
    expect(decodePack(stored[1]!.bytes).gaps).toMatchObject([
      { run: "r0", from: 4, to: 6, readings: 300 },
      { run: "r1", from: 1, to: 1, readings: 0 },
    ]);
  });

  it("flushes at close; what the outbox then refuses rejects", async () => {
    const { clock, stored, builder } = setUp();
    const done = builder.add([good(meter, volt, 1, clock.stamp())]);
    await builder[Symbol.asyncDispose]();
    await done;
    expect(stored).toHaveLength(1);
    await expect(builder.add([good(meter, volt, 1, clock.stamp())])).rejects.toThrow(StorageError);

    const broken = setUp({ append: () => Promise.reject(new Error("gone")) }).builder;
    const lost = broken.add([good(meter, volt, 1, clock.stamp())]);
    await broken[Symbol.asyncDispose]();
    await expect(lost).rejects.toThrow(StorageError);
    expect(broken.accounting()).toMatchObject([{ readings: 1, dropped: 1, pending: 0 }]);
  });

  it("refuses names and units that SenML cannot carry", async () => {
    const { clock, builder } = setUp();
    await expect(builder.add([good(meter, samplePoint("å"), 1, clock.stamp())])).rejects.toThrow(ConfigError);
    await expect(
      builder.add([good(meter, samplePoint("p", { unit: "furlong" }), 1, clock.stamp())]),
    ).rejects.toThrow(ConfigError);
    expect(builder.pending).toBe(0);
  });
});
