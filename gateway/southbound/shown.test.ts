import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { point } from "../../test/writable-line.ts";
import { rational } from "../model/decimal.ts";
import { isShown } from "./shown.ts";

describe("whether what is shown is what was wanted", () => {
  const plain = point("p", 1);

  it("holds for equal values of every kind, and for no others", () => {
    expect(isShown(5, 5n, plain)).toBe(true);
    expect(isShown("on", "on", plain)).toBe(true);
    expect(isShown(false, false, plain)).toBe(true);
    expect(isShown(new Uint8Array([1, 2]), new Uint8Array([1, 2]), plain)).toBe(true);
    for (const [seen, wanted] of [
      [5, 6],
      [0, false],
      ["5", 5],
      ["on", "off"],
      [Number.NaN, 5],
    ] as const)
      expect(isShown(seen, wanted, plain)).toBe(false);
    expect(isShown(new Uint8Array([1]), new Uint8Array([2]), plain)).toBe(false);
  });

  it("allows the tolerance, and half a step of what the point tells apart", () => {
    expect(isShown(79.7, 80, plain, 0.3)).toBe(true);
    expect(isShown(79.6, 80, plain, 0.3)).toBe(false);
    const coarse = point("p", 1, { resolution: rational("0.1") });
    expect(isShown(21.3, 21.34, coarse)).toBe(true);
    expect(isShown(21.3, 21.4, coarse)).toBe(false);
  });

  it("property: a 32-bit float shows what was written to it", () => {
    const float = point("p", 1, { rawKind: "float" });
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (value) => {
        fc.pre(Math.abs(value) > 1e-30 || value === 0);
        expect(isShown(Math.fround(value), value, float)).toBe(true);
      }),
    );
    expect(isShown(21.301, 21.3, float)).toBe(false);
  });
});
