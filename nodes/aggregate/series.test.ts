import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { localWindows } from "./local-windows.ts";
import { openSeries, type WindowSettings } from "./series.ts";
import type { Aggregation, Outcome, Sample } from "./tally.ts";

const minute = 60_000;
const hour = 60 * minute;
const usual = { kind: "tumbling", lengthMs: 10 * minute, at: undefined, bridgeMs: hour, everyMs: 0 } as const;

function outcomes(
  of: Aggregation,
  samples: readonly (readonly [number, number | undefined])[],
  settings: Partial<WindowSettings> = {},
  until?: number,
) {
  const series = openSeries({ ...usual, of, ...settings });
  const told = samples.flatMap(([minutes, value]) => series.take({ time: minutes * minute, value }));
  return until === undefined ? told : [...told, ...series.pass(until * minute)];
}
const values = (all: readonly Outcome[]) => all.map(({ value }) => value);

describe("tumbling windows", () => {
  it("weigh a mean by how long each reading held", () => {
    const told = outcomes({ kind: "mean" }, [
      [0, 10],
      [9, 100],
      [12, 0],
    ]);
    expect(told).toEqual([{ from: 0, to: 10 * minute, value: (9 * 10 + 100) / 10, share: 1, count: 2 }]);
  });

  it.each<[Aggregation, number | undefined]>([
    [{ kind: "min" }, 10],
    [{ kind: "max" }, 30],
    [{ kind: "sum" }, 60],
    [{ kind: "count" }, 3],
    [{ kind: "percentile", percent: 50 }, 10],
    [{ kind: "percentile", percent: 51 }, 20],
    [{ kind: "percentile", percent: 95 }, 30],
    [{ kind: "increase" }, 20],
    [{ kind: "rate", perMs: hour }, 120],
    [{ kind: "energy" }, 20 / 6],
  ])("%o", (of, wanted) => {
    const told = outcomes(of, [
      [0, 10],
      [5, 20],
      [9, 30],
      [10, 30],
    ]);
    const { value, share } = told[0]!;
    expect(share).toBe(1);
    if (of.kind === "energy") expect(value).toBeCloseTo((15 * 5 + 25 * 4 + 30 * 1) / 60, 9);
    else expect(value).toBe(wanted);
  });

  it("hold the value of the window before", () => {
    const told = outcomes({ kind: "max" }, [
      [0, 50],
      [12, 20],
      [20, 0],
    ]);
    expect(values(told)).toEqual([50, 50]);
  });

  it("do not bridge gaps: neither for a mean nor for energy", () => {
    const samples = [
      [0, 60],
      [2, 60],
      [9, 60],
      [10, 60],
    ] as const;
    const mean = outcomes({ kind: "mean" }, samples, { bridgeMs: 2 * minute });
    expect(mean[0]).toMatchObject({ value: 60, share: 0.5 });
    const energy = outcomes({ kind: "energy" }, samples, { bridgeMs: 2 * minute });
    expect(energy[0]).toMatchObject({ value: 3, share: 0.3 });
  });

  it("count a bad reading as time without value", () => {
    const told = outcomes({ kind: "mean" }, [
      [0, 10],
      [5, undefined],
      [10, 10],
    ]);
    expect(told[0]).toMatchObject({ value: 10, share: 0.5, count: 1 });
  });

  it("pass the end of a counter when it is known, and never guess at a reset", () => {
    const step = (after: number, rollover: number | undefined) => {
      const series = openSeries({ ...usual, of: { kind: "increase" } });
      series.take({ time: 0, value: 65_530, rollover });
      return series.take({ time: 10 * minute, value: after, rollover })[0];
    };
    expect(step(4, 65_536)).toMatchObject({ value: 10, share: 1 });
    expect(step(4, undefined)).toMatchObject({ value: undefined, share: 0 });
    // Half the range in one step is a reset.
    expect(step(40_000, 65_536)).toMatchObject({ value: undefined, share: 0 });
  });

  it("close by time alone when nothing comes, and tell that nothing is known", () => {
    const told = outcomes({ kind: "mean" }, [[0, 10]], { bridgeMs: 5 * minute }, 31);
    expect(told.map(({ value, share }) => [value, share])).toEqual([
      [10, 0.5],
      [undefined, 0],
      [undefined, 0],
    ]);
  });

  it("pass over a night without readings instead of telling every window of it", () => {
    expect(
      outcomes({ kind: "mean" }, [
        [0, 10],
        [600, 10],
      ]).length,
    ).toBe(1);
  });

  it("pass over readings that are older than the last one", () => {
    expect(
      outcomes({ kind: "count" }, [
        [0, 1],
        [5, 1],
        [4, 1],
        [10, 1],
      ])[0],
    ).toMatchObject({ value: 2 });
  });

  const flow = fc.array(
    fc.tuple(
      fc.integer({ min: 1, max: 5000 }),
      fc.option(fc.integer({ min: -1000, max: 1000 }), { nil: undefined, freq: 8 }),
    ),
    { minLength: 2, maxLength: 80 },
  );
  const inTime = (steps: readonly (readonly [number, number | undefined])[]): Sample[] => {
    let time = 0;
    return steps.map(([wait, value]) => {
      time += wait;
      return { time, value };
    });
  };

  it("lose and invent no energy: the windows' sum is the whole, however they are cut", () => {
    fc.assert(
      fc.property(
        flow,
        fc.integer({ min: 1000, max: 20_000 }),
        fc.integer({ min: 500, max: 6000 }),
        (steps, lengthMs, bridgeMs) => {
          const samples = inTime(steps);
          const series = openSeries({ ...usual, of: { kind: "energy" }, lengthMs, bridgeMs });
          const told = samples.flatMap((sample) => series.take(sample));
          told.push(...series.pass(samples.at(-1)!.time + 10 * (lengthMs + bridgeMs)).slice(0, 1));
          const whole = samples.slice(1).reduce((sum, b, index) => {
            const a = samples[index]!;
            const ms = b.time - a.time;
            if (a.value === undefined || b.value === undefined || ms > bridgeMs) return sum;
            return sum + ((a.value + b.value) / 2) * ms;
          }, 0);
          const sum = told.reduce((all, { value = 0 }) => all + value * hour, 0);
          expect(Math.abs(sum - whole)).toBeLessThan(1e-3);
        },
      ),
    );
  });

  it("keep every mean between least and most, and every share between 0 and 1", () => {
    fc.assert(
      fc.property(
        flow,
        fc.integer({ min: 1000, max: 20_000 }),
        fc.constantFrom<"tumbling" | "sliding">("tumbling", "sliding"),
        (steps, lengthMs, kind) => {
          const samples = inTime(steps);
          const run = (of: Aggregation) => {
            const series = openSeries({ ...usual, of, kind, lengthMs, bridgeMs: 4000 });
            return samples.flatMap((sample) => series.take(sample));
          };
          const [mean, least, most, median, count] = [
            run({ kind: "mean" }),
            run({ kind: "min" }),
            run({ kind: "max" }),
            run({ kind: "percentile", percent: 50 }),
            run({ kind: "count" }),
          ];
          mean.forEach((one, index) => {
            expect(one.share).toBeGreaterThanOrEqual(0);
            expect(one.share).toBeLessThanOrEqual(1);
            if (one.value === undefined) return;
            for (const value of [one.value, median[index]!.value!]) {
              expect(value).toBeGreaterThanOrEqual(least[index]!.value! - 1e-9);
              expect(value).toBeLessThanOrEqual(most[index]!.value! + 1e-9);
            }
          });
          if (kind === "tumbling") {
            const last = mean.at(-1)?.to ?? 0;
            const good = samples.filter(({ time, value }) => value !== undefined && time < last).length;
            const skipped = steps.some(([wait]) => wait > 10 * lengthMs);
            if (!skipped) expect(count.reduce((sum, { value = 0 }) => sum + value, 0)).toBe(good);
          }
        },
      ),
    );
  });
});

describe("sliding windows", () => {
  it("tell at each reading of what lies behind it", () => {
    const told = outcomes(
      { kind: "sum" },
      [
        [0, 1],
        [5, 2],
        [10, 4],
        [16, 8],
      ],
      { kind: "sliding" },
    );
    expect(values(told)).toEqual([1, 3, 6, 12]);
  });

  it("tell at most so often, and once when the last reading has left", () => {
    const settings = { kind: "sliding", everyMs: 10 * minute } as const;
    const told = outcomes(
      { kind: "count" },
      [
        [0, 1],
        [5, 1],
        [10, 1],
      ],
      settings,
      21,
    );
    expect(values(told)).toEqual([1, 2, 0]);
  });
});

describe("localWindows", () => {
  const spans = (length: number, text: string) => {
    const { from, to } = localWindows(length, "Europe/Stockholm")(Date.parse(text));
    return [new Date(from).toISOString(), new Date(to).toISOString()];
  };

  it("begin at local midnight, quarters at the quarter", () => {
    expect(spans(24 * hour, "2026-07-01T12:00:00Z")).toEqual([
      "2026-06-30T22:00:00.000Z",
      "2026-07-01T22:00:00.000Z",
    ]);
    expect(spans(15 * minute, "2026-07-01T12:16:00Z")).toEqual([
      "2026-07-01T12:15:00.000Z",
      "2026-07-01T12:30:00.000Z",
    ]);
  });

  it("make a day of 23 and one of 25 hours when the clocks change", () => {
    expect(spans(24 * hour, "2026-03-29T12:00:00Z")).toEqual([
      "2026-03-28T23:00:00.000Z",
      "2026-03-29T22:00:00.000Z",
    ]);
    expect(spans(24 * hour, "2026-10-25T22:30:00Z")).toEqual([
      "2026-10-24T22:00:00.000Z",
      "2026-10-25T23:00:00.000Z",
    ]);
    expect(spans(6 * hour, "2026-10-25T02:00:00Z")).toEqual([
      "2026-10-24T22:00:00.000Z",
      "2026-10-25T05:00:00.000Z",
    ]);
  });

  it("follow each other without gap or overlap, around any moment", () => {
    const moment = fc.integer({ min: Date.parse("2025-01-01T00:00Z"), max: Date.parse("2030-01-01T00:00Z") });
    const changes = fc.constantFrom("2026-03-29T00:30Z", "2026-10-25T00:30Z").map((text) => Date.parse(text));
    const near = fc.tuple(changes, fc.integer({ min: -2 * hour, max: 26 * hour })).map(([a, b]) => a + b);
    fc.assert(
      fc.property(
        fc.oneof(moment, near),
        fc.constantFrom(1, 5, 15, 60, 120, 180, 360, 1440),
        (at, minutes) => {
          const windows = localWindows(minutes * minute, "Europe/Stockholm");
          const { from, to } = windows(at);
          expect(from <= at && at < to).toBe(true);
          expect(windows(to).from).toBe(to);
          expect(windows(from - 1).to).toBe(from);
        },
      ),
    );
  });

  it("refuses what does not fit into a day", () => {
    expect(() => localWindows(7 * minute, "Europe/Stockholm")).toThrow(/divide a day/);
  });
});
