import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { roundHalfEven, wholeHalfEven } from "./rounding.ts";

/** A double as a fraction over a power of two, exactly. */
function exact(value: number): { numerator: bigint; shift: bigint } {
  let shift = 0n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift += 1n;
  }
  return { numerator: BigInt(scaled), shift };
}

/** Half to even by whole-number arithmetic only. */
function slow(value: number, decimals: number): number {
  const { numerator, shift } = exact(value);
  const scaled = numerator * 10n ** BigInt(decimals);
  const unit = 1n << shift;
  let floor = scaled / unit;
  if (floor * unit > scaled) floor -= 1n;
  const twice = 2n * (scaled - floor * unit);
  const up = twice > unit || (twice === unit && floor % 2n !== 0n);
  return Number(`${up ? floor + 1n : floor}e-${decimals}`);
}

describe("roundHalfEven", () => {
  it.each([
    [2.5, 0, 2],
    [3.5, 0, 4],
    [-2.5, 0, -2],
    [-3.5, 0, -4],
    [78.125, 2, 78.12],
    [78.375, 2, 78.38],
    [-0.125, 2, -0.12],
    // Stored below their ties.
    [2.355, 2, 2.35],
    [2.675, 2, 2.67],
    [1.005, 2, 1],
    [0.1, 5, 0.1],
    [1e300, 3, 1e300],
    [123456789.0625, 3, 123456789.062],
  ])("%d to %d decimals is %d", (value, decimals, rounded) => {
    expect(roundHalfEven(value, decimals)).toBe(rounded);
  });

  it("agrees with exact arithmetic on ties and beside them", () => {
    const near = fc
      .tuple(
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.integer({ min: 0, max: 10 }),
        fc.constantFrom(-1, 0, 1),
      )
      .map(([eighths, power, step]) => (eighths / 2 ** power) * (1 + step * Number.EPSILON));
    const decimal = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(
        fc.oneof(near, decimal, fc.double({ min: -1e9, max: 1e9, noNaN: true })),
        fc.integer({ min: 0, max: 6 }),
        (value, decimals) => {
          fc.pre(Math.abs(value) > 1e-12 || value === 0);
          expect(roundHalfEven(value, decimals) + 0).toBe(slow(value, decimals) + 0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("takes the even one of two neighbours that are equally near", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), (halves) => {
        const rounded = wholeHalfEven(halves / 2);
        expect(Math.abs(rounded - halves / 2)).toBe(halves % 2 === 0 ? 0 : 0.5);
        if (halves % 2 !== 0) expect(Math.abs(rounded) % 2).toBe(0);
      }),
    );
  });
});
