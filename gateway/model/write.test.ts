import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rational, toNumber } from "./decimal.ts";
import type { Device, Point } from "./device.ts";
import { identified } from "./identify.ts";
import { toReadings } from "./reading.ts";
import type { Value } from "./value.ts";
import { isRefused, prepareWrite, toRaw } from "./write.ts";
import type { IdentifyTest, WriteRule } from "./write-rule.ts";

const plainRule: WriteRule = {
  address: "here",
  rawKind: "integer",
  steps: [{ kind: "set", point: "level" }],
  confirm: "none",
};

function point(changes: Partial<Point> = {}, rule: Partial<WriteRule> = {}): Point {
  return {
    name: "level",
    address: "there",
    rawKind: "integer",
    unit: "%",
    scale: rational(1),
    offset: rational(0),
    kind: "gauge",
    pollClass: "normal",
    absent: [],
    personal: false,
    ...changes,
    write: { ...plainRule, ...rule },
  };
}

const prepare = (one: Point, value: Value, inputs?: Map<string, Value>, others: Point[] = []) =>
  prepareWrite({ points: [one, ...others] }, one, value, inputs);
const raws = (result: ReturnType<typeof prepare>): unknown[] =>
  isRefused(result)
    ? [result.refuse]
    : result.steps.map((step) => ("raw" in step ? step.raw : `${step.waitMs}ms`));

const labels = new Map([
  [0, { en: "off" }],
  [0xff00, { en: "on", sv: "på" }],
]);

describe("prepareWrite", () => {
  it("is the exact inverse of what a point shows", () => {
    const device = {} as Device;
    const at = {} as never;
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 32 }),
        fc.constantFrom("1", "0.1", "0.01", "1/3", "1/65536", "-1", "25/4096", "2.5e-3", "100"),
        fc.constantFrom("0", "-273.15", "100", "1/3"),
        (raw, scale, offset) => {
          const one = point({ scale: rational(scale), offset: rational(offset) });
          const [reading] = toReadings(device, one, raw, at);
          const value = reading?.value;
          if (value === undefined) throw new Error("no value");
          const back = toRaw(one, value);
          expect(isRefused(back) ? back : back.raw).toBe(raw);
        },
      ),
    );
  });

  it("keeps 0, false and the empty text", () => {
    expect(raws(prepare(point(), 0))).toEqual([0]);
    expect(
      raws(
        prepare(point({ kind: "state", unit: undefined, rawKind: "boolean" }, { rawKind: "boolean" }), false),
      ),
    ).toEqual([false]);
    expect(
      raws(prepare(point({ kind: "text", unit: undefined, rawKind: "text" }, { rawKind: "text" }), "")),
    ).toEqual([""]);
  });

  it("rounds to what the device holds, and says what the point then is", () => {
    const half = point({ scale: rational("0.5") });
    const result = prepare(half, 33.3);
    expect(raws(result)).toEqual([67]);
    expect(isRefused(result) ? undefined : result.value).toBe(33.5);
    expect(raws(prepare(point(), -0.5))).toEqual([-1]);
    expect(raws(prepare(point({ scale: rational("0.1") }), 0.1 + 0.2))).toEqual([3]);
  });

  it.each<[string, Partial<Point>, Partial<WriteRule>, Value, string]>([
    ["above the range", {}, { range: [0, 100] }, 100.5, "out-of-range"],
    ["below the point's own range", { range: [0, 100] }, {}, -1, "out-of-range"],
    ["not a step", {}, { step: rational("0.5") }, 0.75, "off-step"],
    ["not among the values", {}, { allowed: [0, 50, 100] }, 75, "unknown-value"],
    ["a text for a number", {}, {}, "50", "wrong-type"],
    ["NaN", {}, {}, Number.NaN, "wrong-type"],
    ["infinite", {}, {}, Number.POSITIVE_INFINITY, "wrong-type"],
    ["beyond what can be computed", {}, {}, 1e300, "out-of-range"],
    ["a label that there is not", { labels }, {}, "toggle", "unknown-value"],
    ["a raw value for a label", { labels }, {}, 0, "wrong-type"],
    ["a Swedish label: commands are in English", { labels }, {}, "på", "unknown-value"],
    ["a number for a boolean", {}, { rawKind: "boolean" }, 1, "wrong-type"],
  ])("refuses %s", (_what, changes, rule, value, code) => {
    expect(raws(prepare(point(changes, rule), value))).toEqual([code]);
  });

  it("refuses a point without a write rule", () => {
    const { write: _, ...readOnly } = point();
    expect(raws(prepareWrite({ points: [readOnly] }, readOnly, 1))).toEqual(["read-only"]);
  });

  it("maps labels to raw values, also those that are only written", () => {
    expect(raws(prepare(point({ labels }), "on"))).toEqual([0xff00]);
    expect(raws(prepare(point({ labels }, { rawKind: "boolean" }), "on"))).toEqual([true]);
    expect(raws(prepare(point({ labels }, { labels: new Map([[170, { en: "on" }]]) }), "on"))).toEqual([170]);
  });

  it("locks while an interlock is not true, or not known", () => {
    const one = point(
      {},
      {
        interlock: {
          text: "!lockout",
          needs: ["lockout"],
          evaluate: (inputs) => ({ value: inputs.get("lockout") !== true }),
        },
      },
    );
    expect(raws(prepare(one, 50))).toEqual(["interlock"]);
    expect(raws(prepare(one, 50, new Map([["lockout", true]])))).toEqual(["interlock"]);
    expect(raws(prepare(one, 50, new Map([["lockout", false]])))).toEqual([50]);
  });

  it("writes what the formula gives; without a result nothing", () => {
    const value = (evaluate: NonNullable<WriteRule["value"]>["evaluate"]): Partial<WriteRule> => ({
      value: { text: "...", needs: [], evaluate },
    });
    const clamp = value((inputs) => ({ value: Math.max(20, Number(inputs.get("value"))) }));
    expect(raws(prepare(point({}, clamp), 5))).toEqual([20]);
    expect(
      raws(
        prepare(
          point(
            {},
            value(() => ({ problem: "division by zero" })),
          ),
          5,
        ),
      ),
    ).toEqual(["no-value"]);
    expect(
      raws(
        prepare(
          point(
            {},
            value(() => ({ value: "x" })),
          ),
          5,
        ),
      ),
    ).toEqual(["wrong-type"]);
  });

  it("runs a sequence: other points, raw places and pauses, one per value where there is one", () => {
    const unlock = { ...point({}, { address: "key" }), name: "unlock" };
    const one = point(
      {},
      {
        steps: [
          { kind: "set", point: "unlock", value: 1 },
          { kind: "wait", waitMs: 200 },
          { kind: "set", point: "level" },
        ],
        stepsByValue: new Map([[0, [{ kind: "raw", address: "off", raw: 7 }]]]),
      },
    );
    expect(raws(prepare(one, 40, undefined, [unlock]))).toEqual([1, "200ms", 40]);
    expect(raws(prepare(one, 0, undefined, [unlock]))).toEqual([7]);
  });
});

describe("identified", () => {
  const rule = (test: IdentifyTest) => ({ id: "acme/m1", identify: [{ point: "firmware", test }] });
  it.each<[IdentifyTest, Value, boolean]>([
    [{ in: [3, 4] }, 4, true],
    [{ in: [3, 4] }, "4", false],
    [{ prefix: "WB-MR" }, "WB-MR6C", true],
    [{ prefix: "WB-MR" }, "WB-MDM3", false],
    [{ from: "1.10" }, "1.9.7", false],
    [{ from: "1.10" }, "v1.10-rc2", true],
    [{ from: "1.10", below: "2" }, "2.0.0", false],
    [{ from: 300_000, below: 400_000 }, 312_345, true],
    [{ from: 300_000, below: 400_000 }, 400_000, false],
    [{ below: 2 }, "1", false],
    [{ from: "2" }, "beta", false],
  ])("%j and %j: %s", (test, value, right) => {
    expect("ok" in identified(rule(test), new Map([["firmware", value]]))).toBe(right);
  });

  it("says what it found and what it looked for; what cannot be read is no proof", () => {
    expect(identified(rule({ in: [3] }), new Map([["firmware", 5]]))).toEqual({
      mismatch: '"firmware" is 5, and acme/m1 has 3',
    });
    expect(identified(rule({ in: [3] }), new Map())).toEqual({
      mismatch: '"firmware" could not be read, which identifies acme/m1',
    });
    expect(identified({ id: "acme/m1" }, new Map())).toEqual({ ok: true });
  });
});

it("has a step that people can read", () => {
  const refused = prepare(point({}, { step: rational("0.5") }), 0.75);
  expect(refused).toEqual({
    refuse: "off-step",
    detail: `0.75 is not a multiple of ${toNumber(rational("0.5"))}`,
  });
});
