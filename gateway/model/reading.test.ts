import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Instant } from "./clock.ts";
import { one, rational, zero } from "./decimal.ts";
import type { Device, Point } from "./device.ts";
import { badReadings, toReadings } from "./reading.ts";
import type { RawValue } from "./value.ts";

const time: Instant = { base: "unix", ms: 1_700_000_000_000 };

const device: Device = {
  id: "meter1",
  profile: {
    id: "acme/one",
    version: "1.0.0",
    title: { en: "One" },
    manufacturer: "Acme",
    models: ["One"],
    category: "energy-meter",
    status: "draft",
    protocol: "modbus",
    protocolSettings: {},
    points: [],
    hash: "00",
  },
  connection: "line",
  settings: {},
  urn: "urn:dev:ops:32473-stadsnod-meter1:",
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
};

function pointOf(rest: Partial<Point> = {}): Point {
  return {
    name: "x",
    address: {},
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass: "normal",
    absent: [],
    personal: false,
    ...rest,
  };
}

/** Quality, value and name of what one raw value becomes. */
function outcome(point: Point, raw: RawValue): readonly (readonly unknown[])[] {
  return toReadings(device, point, raw, time).map((reading) => {
    expect(reading.device).toBe(device);
    expect(reading.point).toBe(point);
    expect(reading.time).toBe(time);
    expect(reading.value !== undefined).toBe(reading.quality === "good");
    expect(reading.detail !== undefined).toBe(reading.quality !== "good");
    return [reading.name, reading.quality, reading.value];
  });
}

describe("toReadings", () => {
  it("scales numbers exactly", () => {
    const point = pointOf({ scale: rational("0.1"), offset: rational("-40") });
    expect(outcome(point, 652)).toEqual([["x", "good", 25.2]]);
    expect(outcome(point, 0)).toEqual([["x", "good", -40]]);
    expect(outcome(pointOf(), 2n ** 64n - 1n)).toEqual([["x", "good", 2n ** 64n - 1n]]);
    expect(outcome(pointOf(), 5n)).toEqual([["x", "good", 5]]);
  });

  it("rounds to the resolution, integers never", () => {
    expect(outcome(pointOf({ resolution: rational("0.1") }), Math.fround(230.2))).toEqual([
      ["x", "good", 230.2],
    ]);
    expect(outcome(pointOf({ resolution: rational("0.5") }), 7)).toEqual([["x", "good", 7]]);
  });

  it("passes texts, booleans and bytes on as they are", () => {
    expect(outcome(pointOf(), "AB")).toEqual([["x", "good", "AB"]]);
    expect(outcome(pointOf(), false)).toEqual([["x", "good", false]]);
    expect(outcome(pointOf(), "")).toEqual([["x", "good", ""]]);
    expect(outcome(pointOf(), Uint8Array.of(1, 2))).toEqual([["x", "good", Uint8Array.of(1, 2)]]);
  });

  it("takes no number that is none", () => {
    for (const raw of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(outcome(pointOf(), raw)).toEqual([["x", "sentinel", undefined]]);
    }
    expect(outcome(pointOf({ scale: rational("10") }), Number.MAX_VALUE)).toEqual([
      ["x", "out-of-range", undefined],
    ]);
  });

  it("keeps the range, both ends included, of the scaled value", () => {
    const point = pointOf({ scale: rational("0.1"), range: [-10, 100] });
    expect(outcome(point, -100)).toEqual([["x", "good", -10]]);
    expect(outcome(point, 1000)).toEqual([["x", "good", 100]]);
    expect(outcome(point, -101)).toEqual([["x", "out-of-range", undefined]]);
    expect(outcome(point, 1001)).toEqual([["x", "out-of-range", undefined]]);
    expect(outcome(pointOf({ range: [0, 1e18] }), 2n ** 60n)).toEqual([["x", "out-of-range", undefined]]);
    expect(outcome(pointOf({ range: [0, 1e19] }), 2n ** 60n)).toEqual([["x", "good", 2n ** 60n]]);
  });

  it("invents nothing: good is the one value there is, everything else has none", () => {
    const points = [
      pointOf(),
      pointOf({ range: [-5, 5], absent: [3, "nan"] }),
      pointOf({ labels: new Map([[1, { en: "on" }]]) }),
      pointOf({
        bits: new Map([
          [0, "a"],
          [31, "b"],
        ]),
      }),
      pointOf({ scale: rational("1e40"), resolution: rational("0.01") }),
    ];
    const raws: fc.Arbitrary<RawValue> = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.boolean(),
      fc.string(),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...points), raws, (point, raw) => {
        for (const [, quality, value] of outcome(point, raw)) {
          if (quality !== "good") continue;
          if (typeof value === "number") expect(Number.isFinite(value)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("sentinels", () => {
  it.each<[RawValue | "nan", RawValue, boolean]>([
    [0x7fff, 0x7fff, true],
    [0x7fff, 0x7ffe, false],
    [0xffffffffffffffffn, 0xffffffffffffffffn, true],
    [0xffffffffffffffffn, 0xfffffffffffffffen, false],
    [5n, 5, true],
    [5, 5n, true],
    [2n ** 64n, 2 ** 64, true],
    [2 ** 63, 2n ** 63n, true],
    [2 ** 63, 2n ** 63n - 1n, false],
    [-32768, -32768, true],
    ["nan", Number.NaN, true],
    ["nan", 0, false],
    ["nan", 5n, false],
    ["nan", "nan", true],
    [-9999.9, Math.fround(-9999.9), true],
    [-9999.9, -9999.9, true],
    [3.4028235e38, Math.fround(3.4028235e38), true],
    [16777217, 16777216, false],
    ["N/A", "N/A", true],
    ["", "", true],
    ["5", 5, false],
    [5, "5", false],
    [1, true, false],
    [false, false, true],
    [Uint8Array.of(255, 255), Uint8Array.of(255, 255), true],
    [Uint8Array.of(255, 255), Uint8Array.of(255), false],
  ])("%s against raw %s: %s", (absent, raw, hit) => {
    const [reading] = toReadings(device, pointOf({ absent: [absent] }), raw, time);
    expect(reading?.quality === "sentinel").toBe(hit);
  });

  it("wins over labels, range and scale", () => {
    const point = pointOf({ absent: [255], labels: new Map([[255, { en: "never" }]]), range: [0, 1] });
    expect(outcome(point, 255)).toEqual([["x", "sentinel", undefined]]);
  });

  it("says what the device sent", () => {
    expect(toReadings(device, pointOf({ absent: [255] }), 255, time)[0]?.detail).toBe("raw 255");
    const bytes = pointOf({ absent: [Uint8Array.of(255, 1)] });
    expect(toReadings(device, bytes, Uint8Array.of(255, 1), time)[0]?.detail).toBe("raw ff01");
  });
});

describe("labels", () => {
  const point = pointOf({
    labels: new Map([
      [0, { en: "off", sv: "av" }],
      [1, { en: "on", sv: "på" }],
    ]),
  });

  it("stand for raw values, booleans included", () => {
    expect(outcome(point, 0)).toEqual([["x", "good", "off"]]);
    expect(outcome(point, 1n)).toEqual([["x", "good", "on"]]);
    expect(outcome(point, true)).toEqual([["x", "good", "on"]]);
  });

  it.each<[RawValue]>([[2], [0.5], [Number.NaN], [2n ** 60n], ["on"], [Uint8Array.of(1)]])(
    "unknown raw %s is out of range",
    (raw) => expect(outcome(point, raw)).toEqual([["x", "out-of-range", undefined]]),
  );
});

describe("bits", () => {
  const point = pointOf({
    bits: new Map([
      [0, "low"],
      [3, "high"],
      [63, "top"],
    ]),
    absent: [0xffff],
  });

  it("become one boolean each", () => {
    expect(outcome(point, 0b1001)).toEqual([
      ["x/low", "good", true],
      ["x/high", "good", true],
      ["x/top", "good", false],
    ]);
    expect(outcome(point, 2n ** 63n).map(([, , value]) => value)).toEqual([false, false, true]);
    // Two's complement: all bits of -1 are set.
    expect(outcome(point, -1).map(([, , value]) => value)).toEqual([true, true, true]);
  });

  it("are without a value together: one reading under the field's own name", () => {
    expect(outcome(point, 0xffff)).toEqual([["x", "sentinel", undefined]]);
    for (const raw of [1.5, Number.NaN, "1", true]) {
      expect(outcome(point, raw)).toEqual([["x", "config-error", undefined]]);
    }
    const readings = badReadings(device, point, "comm-error", time, "timeout");
    expect(readings.map(({ name, quality, detail }) => [name, quality, detail])).toEqual([
      ["x", "comm-error", "timeout"],
    ]);
  });
});

describe("badReadings", () => {
  it("is one reading without a value", () => {
    expect(badReadings(device, pointOf(), "stale", time)).toEqual([
      { device, point: pointOf(), name: "x", quality: "stale", time, detail: undefined },
    ]);
  });
});
