import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../../test/fault/virtual-clock.ts";
import { good, sampleDevice, samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { decodePack } from "../codec/senml.ts";
import { silentLog } from "../model/log.ts";
import type { Mark, PackHead } from "../outbox/outbox.ts";
import { PackBuilder, type PackBuilderOptions } from "./pack-builder.ts";
import { Pipeline } from "./pipeline.ts";

const volt = samplePoint("u1", { unit: "V" });
const other = samplePoint("u2", { unit: "V" });
const meter = sampleDevice("m1");
const traffic = sampleDevice("t1", { audience: "traffic" });

interface Stored {
  readonly bytes: Uint8Array;
  readonly head: PackHead;
}

function setUp(options: Partial<PackBuilderOptions> = {}) {
  const clock = new VirtualClock();
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

const marksOf = (stored: readonly Stored[]): Mark[] =>
  stored.flatMap(({ head: { audience, marks = [] } }) => marks.map((mark) => ({ audience, mark })));
const valuesOf = (stored: readonly Stored[]) =>
  stored.flatMap(({ bytes }) => decodePack(bytes).records.map(({ value }) => value));

describe("readings with a mark", () => {
  it("are taken once, in this run and in the next one", async () => {
    const { clock, stored, builder } = setUp();
    const first = builder.add([good(meter, volt, 1, clock.stamp())], "live", "m1 7 a");
    const again = builder.add([good(meter, volt, 1, clock.stamp())], "live", "m1 7 a");
    const other = builder.add([good(meter, volt, 2, clock.stamp())], "live", "m1 8 b");
    expect(builder.pending).toBe(2);
    await builder.flush();
    await Promise.all([first, again, other]);
    expect(valuesOf(stored)).toEqual([1, 2]);
    expect(stored.map(({ head }) => head.marks)).toEqual([["m1 7 a", "m1 8 b"]]);
    await builder.add([good(meter, volt, 1, clock.stamp())], "live", "m1 7 a");
    expect(builder.pending).toBe(0);

    const next = setUp();
    next.builder.remember(marksOf(stored));
    await next.builder.add([good(meter, volt, 1, clock.stamp())], "live", "m1 7 a");
    expect(next.builder.pending).toBe(0);
  });

  it("go to the audience that has not got them yet", async () => {
    const { clock, stored, builder } = setUp();
    builder.remember([{ audience: "open", mark: "x 1 a" }]);
    const both = [good(meter, volt, 1, clock.stamp()), good(traffic, volt, 2, clock.stamp())];
    const done = builder.add(both, "live", "x 1 a");
    await builder.flush();
    await done;
    expect(stored.map(({ head }) => [head.audience, head.marks])).toEqual([["traffic", ["x 1 a"]]]);
    expect(valuesOf(stored)).toEqual([2]);
  });

  it("stay together in one pack, however full it is", async () => {
    const { clock, stored, builder } = setUp({ maxReadings: 3, maxBytes: 400 });
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => good(meter, volt, from + index, clock.stamp()));
    void builder.add(many(0, 2), "live", "m1 1 a");
    void builder.add(many(10, 2), "live", "m1 2 b");
    void builder.add(many(20, 9), "live", "m1 3 c");
    void builder.add(many(30, 1));
    await builder.flush();
    expect(stored.map(({ bytes, head }) => [decodePack(bytes).records.length, head.marks])).toEqual([
      [2, ["m1 1 a"]],
      [2, ["m1 2 b"]],
      [9, ["m1 3 c"]],
      [1, undefined],
    ]);
  });

  it("with times of two bases make two packs, the mark in the last", async () => {
    const { stored, builder } = setUp();
    const readings = [
      good(meter, volt, 1, { base: "unix", ms: 1_790_000_000_000 }),
      good(meter, other, 2, { base: "boot", ms: 5000 }),
    ];
    const done = builder.add(readings, "live", "m1 1 a");
    await builder.flush();
    await done;
    expect(stored.map(({ head }) => head.marks)).toEqual([undefined, ["m1 1 a"]]);
  });

  it("that were not stored may come again", async () => {
    const { clock, builder } = setUp({ append: () => Promise.reject(new Error("no disk")) });
    const done = builder.add([good(meter, volt, 1, clock.stamp())], "live", "m1 1 a");
    await builder[Symbol.asyncDispose]();
    await expect(done).rejects.toMatchObject({ code: "closed" });
  });

  it("of which none is worth sending leave no mark, and nobody waits", async () => {
    const { clock, stored, builder } = setUp();
    using pipeline = new Pipeline(clock, silentLog, builder);
    const quiet = samplePoint("q", { unit: "V", report: { change: 5 } });
    const first = pipeline.take([good(meter, quiet, 1, clock.stamp())], "m1 1 a");
    await settle();
    await builder.flush();
    await first;
    await pipeline.take([good(meter, quiet, 1, clock.stamp())], "m1 2 b");
    await builder.flush();
    expect(marksOf(stored).map(({ mark }) => mark)).toEqual(["m1 1 a"]);
  });

  it("come exactly once over any number of deaths, whatever was stored by then", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("uplink" as const), size: fc.integer({ min: 1, max: 5 }) }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: "flush" as const, size: 0 }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("death" as const), size: fc.nat(6) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const disk: Stored[] = [];
        /** What the broker still holds: not acknowledged. */
        const owed = new Map<string, number>();
        let left = Number.POSITIVE_INFINITY;
        const start = () => {
          left = Number.POSITIVE_INFINITY;
          const made = setUp({
            maxReadings: 6,
            append: (bytes, head) => {
              // A process that is dead stores nothing and tells nobody.
              if (left-- <= 0) return new Promise(() => {});
              disk.push({ bytes, head });
              return Promise.resolve("disk");
            },
          });
          made.builder.remember(marksOf(disk));
          for (const [mark, size] of owed) send(made, mark, size);
          return made;
        };
        const send = ({ builder, clock }: ReturnType<typeof setUp>, mark: string, size: number) => {
          const readings = Array.from({ length: size }, (_, index) =>
            good(index % 2 ? traffic : meter, volt, index, clock.stamp()),
          );
          const life = lives;
          void builder.add(readings, "live", mark).then(() => {
            if (life === lives) owed.delete(mark);
          });
        };
        let lives = 0;
        let gateway = start();
        const sizes = new Map<string, number>();
        for (const [index, { kind, size }] of steps.entries()) {
          if (kind === "uplink") {
            sizes.set(`m ${index} x`, size);
            owed.set(`m ${index} x`, size);
            send(gateway, `m ${index} x`, size);
          } else if (kind === "flush") await gateway.builder.flush();
          else {
            // Some packs more reach the disk, their promises nobody.
            left = size;
            lives++;
            void gateway.builder.flush();
            await settle();
            gateway = start();
          }
        }
        await gateway.builder.flush();
        const wanted = [...sizes.values()].reduce((sum, size) => sum + size, 0);
        expect(valuesOf(disk)).toHaveLength(wanted);
        const marks = marksOf(disk).map(({ audience, mark }) => `${audience} ${mark}`);
        expect(new Set(marks).size).toBe(marks.length);
      }),
      { numRuns: 200 },
    );
  });
});
