import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Instant } from "./clock.ts";
import { one, rational, zero } from "./decimal.ts";
import type { Device, Point } from "./device.ts";
import { badReadings, scaledBy, toReadings } from "./reading.ts";
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

describe("toReadings, of numbers that are not simply scaled", () => {
  it("follows a curve, and guesses nothing beyond its ends", () => {
    const curve = [
      [0, -40],
      [1000, 60],
    ] as const;
    const point = pointOf({ curve, resolution: rational("0.1") });
    expect(outcome(point, 523)).toEqual([["x", "good", 12.3]]);
    expect(outcome(point, 1001)).toEqual([["x", "out-of-range", undefined]]);
  });

  it.each<[string | undefined, RawValue, string]>([
    [undefined, 4711, "4711"],
    ["{n}", 4711, "4711"],
    ["{1}.{0}", 0x0105, "1.5"],
    ["{3}.{2}.{1}.{0}", 0xc0a80001, "192.168.0.1"],
    ["SN {hex}", 0xbeef, "SN BEEF"],
    ["{n}", 2n ** 63n, "9223372036854775808"],
  ])("writes an id as text: %s of %s", (format, raw, text) => {
    expect(outcome(pointOf({ kind: "id", format }), raw)).toEqual([["x", "good", text]]);
  });

  it("compares only the bits under a sentinel's mask", () => {
    const point = pointOf({ absent: [{ mask: 0xff00n, values: [0x8000n, 0x7f00n] }] });
    expect(outcome(point, 0x80ab)).toEqual([["x", "sentinel", undefined]]);
    expect(outcome(point, 0x7f00)).toEqual([["x", "sentinel", undefined]]);
    expect(outcome(point, -0x7f80)).toEqual([["x", "sentinel", undefined]]);
    expect(outcome(point, 0x12ab)).toEqual([["x", "good", 0x12ab]]);
    expect(outcome(point, 0.5)).toEqual([["x", "good", 0.5]]);
  });

  it("gives no value to a point whose scale is not known", () => {
    const point = pointOf({ scaleSource: { point: "sf", as: "exponent" } });
    expect(outcome(point, 5)).toEqual([["x", "out-of-range", undefined]]);
  });
});

describe("scaledBy", () => {
  const exponent = pointOf({ scaleSource: { point: "sf", as: "exponent" } });
  const factor = pointOf({ scaleSource: { point: "ct", as: "factor" }, offset: rational("-1/2") });

  it("is exact", () => {
    expect(scaledBy(exponent, -1)?.(2301)).toBe(230.1);
    expect(scaledBy(exponent, -3)?.(7)).toBe(0.007);
    expect(scaledBy(exponent, 3)?.(65_535)).toBe(65_535_000);
    expect(scaledBy(exponent, 0)?.(12)).toBe(12);
    expect(scaledBy(factor, 0.1)?.(3)).toBe(-0.2);
    expect(scaledBy(factor, 40)?.(3)).toBe(119.5);
  });

  it.each([0.5, 31, -31, true, "3", Number.NaN])("refuses %s as a power of ten", (given) => {
    expect(scaledBy(exponent, given)).toBeUndefined();
  });

  it.each([0, Number.POSITIVE_INFINITY, "3"])("refuses %s as a factor", (given) => {
    expect(scaledBy(factor, given)).toBeUndefined();
  });

  it("agrees with exact decimals for every raw value and exponent", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: -10, max: 10 }), (raw, power) => {
        expect(Number(scaledBy(exponent, power)?.(raw))).toBe(Number(`${raw}e${power}`));
      }),
    );
  });
});
