import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  isOne,
  isZero,
  linear,
  multiply,
  narrow,
  one,
  type Rational,
  rational,
  roundTo,
  toNumber,
  zero,
} from "./decimal.ts";

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

/** A double as the exact fraction that it is: numerator over a power of two. */
function exact(value: number): Rational {
  let denominator = 1n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(scaled), denominator };
}

/** The next double away from zero, or towards it. */
function neighbour(value: number, step: 1n | -1n): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + step);
  return view.getFloat64(0);
}

/** |a - b| as a numerator over both denominators. */
function distance(a: Rational, b: Rational, scale: bigint): bigint {
  return (
    (abs(a.numerator * b.denominator - b.numerator * a.denominator) * scale) / (a.denominator * b.denominator)
  );
}

/** Fails unless `found` is the double nearest to `value`: neither neighbour is nearer, ties are even. */
function expectNearest(found: number, value: Rational): void {
  if (value.numerator === 0n) return void expect(Object.is(found, 0)).toBe(true);
  // Distances are compared over one common denominator: a power of two times the value's own.
  const scale = 2n ** 1200n * value.denominator;
  const here = distance(exact(found), value, scale);
  for (const step of [1n, -1n] as const) {
    const there = distance(exact(neighbour(found, step)), value, scale);
    if (there < here) expect.fail(`${neighbour(found, step)} is nearer than ${found}`);
    if (there === here) {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, found);
      expect(view.getBigInt64(0) & 1n).toBe(0n);
    }
  }
}

const decimalText = fc
  .tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.integer({ min: -20, max: 12 }))
  .map(([digits, power]) => `${digits}e${power}`);
const scaleText = fc.oneof(
  fc.constantFrom(
    "1",
    "0.1",
    "0.01",
    "0.001",
    "10",
    "-1",
    "-0.1",
    "1/3",
    "2.5e-3",
    "0",
    "5/9",
    "3.6e6",
    "1/65536",
  ),
  decimalText,
);

describe("rational", () => {
  it.each([
    ["0.1", 1n, 10n],
    ["-2.5e-3", -1n, 400n],
    ["+.5", 1n, 2n],
    ["5.", 5n, 1n],
    ["1/10", 1n, 10n],
    ["-6/4", -3n, 2n],
    ["1e3", 1000n, 1n],
    ["0", 0n, 1n],
    ["-0.0", 0n, 1n],
    [" 7 ", 7n, 1n],
    [10, 10n, 1n],
    [0.1, 1n, 10n],
    [1e21, 10n ** 21n, 1n],
    [2n ** 70n, 2n ** 70n, 1n],
  ])("%s", (text, numerator, denominator) => expect(rational(text)).toEqual({ numerator, denominator }));

  it.each([
    ["", "."],
    ["-", "abc"],
    ["1,5", "0x10"],
    ["1e", "1e100"],
    ["1/0", "1/-2"],
    ["1 2", "--1"],
    ["NaN", "Infinity"],
    ["9".repeat(101), `1/${"9".repeat(101)}`],
    [`0.${"0".repeat(61)}1`, "1e61"],
  ])("refuses %j and %j", (first, second) => {
    expect(() => rational(first)).toThrow(RangeError);
    expect(() => rational(second)).toThrow(RangeError);
  });

  it("keeps the value of every double that it reads", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
        if (Math.abs(value) < 1e-40) return;
        expect(toNumber(rational(value))).toBe(value + 0);
      }),
    );
  });
});

describe("arithmetic", () => {
  const fraction = fc.tuple(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt({ min: 1n, max: 1000n }));

  it("adds and multiplies exactly, in lowest terms", () => {
    fc.assert(
      fc.property(fraction, fraction, ([a, b], [c, d]) => {
        const first = rational(`${a}/${b}`);
        const second = rational(`${c}/${d}`);
        const sum = add(first, second);
        expect(sum.numerator * b * d).toBe((a * d + c * b) * sum.denominator);
        const product = multiply(first, second);
        expect(product.numerator * b * d).toBe(a * c * product.denominator);
        expect(sum).toEqual(rational(`${sum.numerator * 6n}/${sum.denominator * 6n}`));
        expect(isZero(sum)).toBe(a * d + c * b === 0n);
        expect(isOne(product)).toBe(a * c === b * d);
      }),
    );
  });

  it("narrows exactly what is safe", () => {
    const edge = BigInt(Number.MAX_SAFE_INTEGER);
    expect(narrow(edge)).toBe(Number.MAX_SAFE_INTEGER);
    expect(narrow(-edge)).toBe(Number.MIN_SAFE_INTEGER);
    expect(narrow(edge + 1n)).toBe(edge + 1n);
    expect(narrow(-edge - 1n)).toBe(-edge - 1n);
  });
});

describe("toNumber", () => {
  it("is the nearest double", () => {
    fc.assert(fc.property(scaleText, (text) => expectNearest(toNumber(rational(text)), rational(text))));
  });

  it("rounds a tie to even, far from it too", () => {
    const half = 2n ** 53n;
    expect(toNumber({ numerator: half + 1n, denominator: 1n })).toBe(2 ** 53);
    expect(toNumber({ numerator: half + 3n, denominator: 1n })).toBe(2 ** 53 + 4);
    // One part in 10^40 above the tie.
    expect(toNumber({ numerator: (half + 1n) * 10n ** 40n + 1n, denominator: 10n ** 40n })).toBe(2 ** 53 + 2);
  });
});

describe("linear", () => {
  it("is exact arithmetic, rounded once, for every integer", () => {
    const raw = fc.oneof(
      fc.integer({ min: -65536, max: 65535 }),
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    );
    fc.assert(
      fc.property(raw, scaleText, scaleText, (value, scaleWord, offsetWord) => {
        const scale = rational(scaleWord);
        const offset = rational(offsetWord);
        const expected = add(multiply({ numerator: BigInt(value), denominator: 1n }, scale), offset);
        const found = linear(scale, offset)(value);
        if (typeof found === "bigint") {
          expect(expected).toEqual({ numerator: found, denominator: 1n });
          expect(typeof narrow(found)).toBe("bigint");
        } else expectNearest(found, expected);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [2302, "0.1", "0", 230.2],
    [1, "0.1", "0.2", 0.3],
    [3, "0.1", "0", 0.3],
    [-42, "0.000001", "0", -0.000042],
    [65535, "0.01", "-40", 615.35],
    [0, "-0.1", "0", 0],
    [723685415333069058n, "0.1", "0", 72368541533306912],
    [18446744073709551615n, "1", "0", 18446744073709551615n],
    [5n, "1", "0", 5],
    [4611686018427387904n, "4", "0", 18446744073709551616n],
  ])("%s * %s + %s = %s", (raw, scale, offset, value) => {
    expect(linear(rational(scale), rational(offset))(raw)).toBe(value);
  });

  it("takes binary floats as they are", () => {
    expect(linear(one, zero)(0.1)).toBe(0.1);
    expect(linear(rational("10"), zero)(0.25)).toBe(2.5);
    expect(linear(rational("0.1"), rational("1"))(1e300)).toBeCloseTo(1e299, -285);
    expect(linear(rational("0.1"), zero)(Number.NaN)).toBeNaN();
  });
});

describe("roundTo", () => {
  it.each([
    [230.19999694824219, "0.1", 230.2],
    [0.30000000000000004, "0.1", 0.3],
    [1.005, "0.01", 1.01],
    [-1.005, "0.01", -1.01],
    [1.115, "0.01", 1.12],
    [1.1149999999999, "0.01", 1.11],
    [2.5, "1", 3],
    [-2.5, "1", -3],
    [7, "5", 5],
    [7.5, "5", 10],
    [12.34, "0.25", 12.25],
    [0.1, "1/3", 0],
    [5e-61, "1e-60", 1e-60],
    [1e300, "0.1", 1e300],
    [Number.POSITIVE_INFINITY, "0.1", Number.POSITIVE_INFINITY],
  ])("%d to steps of %s is %d", (value, step, expected) =>
    expect(roundTo(value, rational(step))).toBe(expected),
  );

  it("never gives minus zero", () => {
    expect(Object.is(roundTo(-0.01, one), 0)).toBe(true);
    expect(Object.is(roundTo(-0, one), 0)).toBe(true);
    expect(roundTo(Number.NaN, one)).toBeNaN();
  });

  it("is the nearest multiple of the decimal that the double is written as", () => {
    const steps = fc.constantFrom("1", "0.1", "0.01", "0.001", "0.5", "0.25", "0.2", "1e-6", "10");
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(4), steps, (wild, places, word) => {
        const value = Number(wild.toFixed(places));
        if (Math.abs(value) < 1e-30) return;
        const step = rational(word);
        const decimal = rational(Math.abs(value));
        // Half up on exact fractions, by comparing twice the rest with the divisor.
        const dividend = decimal.numerator * step.denominator;
        const divisor = decimal.denominator * step.numerator;
        const count = dividend / divisor + ((dividend % divisor) * 2n >= divisor ? 1n : 0n);
        const expected = toNumber(multiply({ numerator: count, denominator: 1n }, step));
        expect(roundTo(value, step)).toBe(value < 0 && expected !== 0 ? -expected : expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (value) => {
        const once = roundTo(value, rational("0.01"));
        expect(roundTo(once, rational("0.01"))).toBe(once);
      }),
    );
  });
});
