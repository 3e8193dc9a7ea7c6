import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { along, type Curve, inverseCurve } from "./curve.ts";

describe("along", () => {
  const curve: Curve = [
    [0, -40],
    [100, 20],
    [200, 60],
  ];

  it.each([
    [0, -40],
    [50, -10],
    [100, 20],
    [150, 40],
    [200, 60],
  ])("leads from %d to %d", (raw, value) => {
    expect(along(curve, raw)).toBe(value);
  });

  it.each([-0.001, 200.001, Number.NaN, Number.POSITIVE_INFINITY])("guesses nothing at %d", (raw) => {
    expect(along(curve, raw)).toBeUndefined();
  });
});

describe("inverseCurve", () => {
  it("leads back, on rising and falling curves", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(steps, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (widths, falls, part) => {
        let raw = 0;
        let value = 0;
        const curve: [number, number][] = [[0, 0]];
        for (const width of widths) {
          raw += width;
          value += (falls ? -1 : 1) * (1001 - width);
          curve.push([raw, value]);
        }
        const back = inverseCurve(curve);
        expect(back).toBeDefined();
        const at = part * raw;
        expect(along(back!, along(curve, at)!)).toBeCloseTo(at, 6);
      }),
    );
  });

  it("is none where a value has several raws", () => {
    expect(
      inverseCurve([
        [0, 0],
        [1, 5],
        [2, 3],
      ]),
    ).toBeUndefined();
    expect(
      inverseCurve([
        [0, 0],
        [1, 5],
        [2, 5],
      ]),
    ).toBeUndefined();
  });
});
