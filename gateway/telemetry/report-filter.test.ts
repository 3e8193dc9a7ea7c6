import { describe, expect, it } from "vitest";
import { bad, good, sampleDevice, samplePoint } from "../../test/telemetry/sample.ts";
import type { Instant } from "../model/clock.ts";
import { type Point, staleAfter } from "../model/device.ts";
import type { Quality } from "../model/quality.ts";
import type { Value } from "../model/value.ts";
import { ReportFilter } from "./report-filter.ts";

const device = sampleDevice("m1");
const instant = (ms: number): Instant => ({ base: "unix", ms });

/** Which of (at, value or quality) pass. */
function run(point: Point, steps: readonly (readonly [at: number, what: Value | Quality])[]): number[] {
  const filter = new ReportFilter();
  const words: readonly unknown[] = ["stale", "sentinel", "out-of-range", "comm-error", "config-error"];
  const isQuality = (what: Value | Quality): what is Quality => words.includes(what);
  return steps
    .filter(([at, what]) =>
      filter.passes(
        isQuality(what) ? bad(device, point, what, instant(at)) : good(device, point, what, instant(at)),
        at,
      ),
    )
    .map(([at]) => at);
}

describe("ReportFilter", () => {
  it("lets every reading through without a rule", () => {
    expect(
      run(samplePoint("p"), [
        [0, 1],
        [1, 1],
        [2, 1],
      ]),
    ).toEqual([0, 1, 2]);
  });

  it("holds back what moved less than `change` since the last one sent, not since the last one seen", () => {
    const point = samplePoint("p", { report: { change: 0.1 } });
    expect(
      run(point, [
        [0, 230],
        [1, 230.05],
        [2, 230.1],
        [3, 230.15],
        [4, 230],
        [5, 229.95],
      ]),
    ).toEqual([0, 2, 4]);
  });

  it("sends after `withinMs` whatever the value, and on any change when no `change` is given", () => {
    const point = samplePoint("p", { report: { withinMs: 100 } });
    expect(
      run(point, [
        [0, true],
        [50, true],
        [60, false],
        [159, false],
        [160, false],
      ]),
    ).toEqual([0, 60, 160]);
  });

  it("never takes equal values for a change, not even with `change: 0`", () => {
    expect(
      run(samplePoint("p", { report: { change: 0 } }), [
        [0, 5],
        [1, 5],
        [2, 5.1],
      ]),
    ).toEqual([0, 2]);
  });

  it("compares big integers exactly, and bytes by content", () => {
    const point = samplePoint("p", { report: { change: 2 } });
    expect(
      run(point, [
        [0, 2n ** 60n],
        [1, 2n ** 60n + 1n],
        [2, 2n ** 60n + 2n],
      ]),
    ).toEqual([0, 2]);
    expect(
      run(point, [
        [0, Uint8Array.of(1)],
        [1, Uint8Array.of(1)],
        [2, Uint8Array.of(2)],
      ]),
    ).toEqual([0, 2]);
  });

  it("tells a quality once, and the first good value after it always", () => {
    const point = samplePoint("p", { report: { change: 10 } });
    expect(
      run(point, [
        [0, 5],
        [1, "comm-error"],
        [2, "comm-error"],
        [3, "sentinel"],
        [4, 5],
        [5, 5],
        [6, "sentinel"],
        [7, 5],
      ]),
    ).toEqual([0, 1, 3, 4, 6, 7]);
  });

  it("tells a quality that is there from the first reading on", () => {
    expect(
      run(samplePoint("p"), [
        [0, "config-error"],
        [1, "config-error"],
        [2, 1],
      ]),
    ).toEqual([0, 2]);
  });

  it("sends every bit again after a bit field was not good", () => {
    const filter = new ReportFilter();
    const point = samplePoint("flags", {
      report: { withinMs: 1e9 },
      bits: new Map([
        [0, "door"],
        [1, "lamp"],
      ]),
    });
    const bits = (at: number) =>
      ["door", "lamp"].map((bit) =>
        filter.passes(good(device, point, true, instant(at), `flags/${bit}`), at),
      );
    expect(bits(0)).toEqual([true, true]);
    expect(bits(1)).toEqual([false, false]);
    expect(filter.passes(bad(device, point, "comm-error", instant(2)), 2)).toBe(true);
    expect(bits(3)).toEqual([true, true]);
  });

  it("makes a silent point stale once, after three periods, with the time of the finding", () => {
    const filter = new ReportFilter();
    const point = samplePoint("p");
    expect(filter.passes(good(device, point, 1, instant(0)), 0)).toBe(true);
    expect(filter.expire(30_000, instant(30_000))).toEqual([]);
    expect(filter.expire(30_001, instant(77))).toMatchObject([
      { quality: "stale", name: "p", time: { ms: 77 } },
    ]);
    expect(filter.expire(90_000, instant(90_000))).toEqual([]);
    expect(filter.passes(good(device, point, 1, instant(90_001)), 90_001)).toBe(true);
  });

  it("keeps comm-error what it is, and points read once never go stale", () => {
    const filter = new ReportFilter();
    filter.passes(bad(device, samplePoint("p"), "comm-error", instant(0)), 0);
    filter.passes(good(device, samplePoint("serial", { pollClass: "once" }), "A1", instant(0)), 0);
    expect(filter.expire(1e9, instant(1e9))).toEqual([]);
  });

  it("starts anew with a device that was forgotten", () => {
    const filter = new ReportFilter();
    const point = samplePoint("p", { report: { change: 5 } });
    expect(filter.passes(good(device, point, 1, instant(0)), 0)).toBe(true);
    filter.forget("m1");
    expect(filter.passes(good(device, point, 1, instant(1)), 1)).toBe(true);
  });
});

describe("staleAfter", () => {
  it.each([
    ["fast", 10_000],
    ["normal", 30_000],
    ["slow", 180_000],
    ["once", Number.POSITIVE_INFINITY],
  ] as const)("%s: %s ms", (pollClass, expected) => {
    expect(staleAfter(device, samplePoint("p", { pollClass }))).toBe(expected);
  });
});

describe("counters", () => {
  const rule = { change: 100 };
  const counted = (rest: Partial<Point>, values: readonly number[]) => {
    const counter = samplePoint("c", { kind: "counter", report: rule, ...rest });
    const resets: (readonly [unknown, unknown])[] = [];
    const filter = new ReportFilter((reading, before) => resets.push([before, reading.value]));
    const passed = values.filter((value, index) =>
      filter.passes(good(device, counter, value, instant(index)), index * 1000),
    );
    return { passed, resets };
  };

  it("pass at once when they step back, and it is told", () => {
    expect(counted({}, [1000, 1010, 990, 1000, 1100])).toEqual({
      passed: [1000, 990, 1100],
      resets: [[1000, 990]],
    });
  });

  it("are not told where they roll over, nor gauges at all", () => {
    expect(counted({ rollover: 65_536n }, [65_530, 4, 10])).toEqual({ passed: [65_530, 4], resets: [] });
    expect(counted({ kind: "gauge" }, [1000, 990, 880])).toEqual({ passed: [1000, 880], resets: [] });
  });
});
