import { isOne, isZero, linear, multiply, type Rational } from "../model/decimal.ts";
import type { Point } from "../model/device.ts";

/** What a unit symbol means on the wire: primary = value * factor + offset. */
export interface UnitConversion {
  /** A primary unit of SenML's registry. */
  readonly primary: string;
  readonly factor: Rational;
  readonly offset: Rational;
}

/** Undefined for a symbol that is not in the table of units. */
export type UnitOf = (symbol: string) => UnitConversion | undefined;

export interface OutgoingNumber {
  /** SenML unit; a number without a unit of its own is a `count` when it counts, else a ratio `/`. */
  readonly unit: string;
  readonly convert: (value: number | bigint) => number | bigint;
}

const limit64 = 2n ** 64n;

/**
 * How a point's numbers leave, compiled once: converted to the primary unit without a decimal ever
 * going through a binary product. A value with a resolution is counted in whole steps, and steps x
 * factor + offset is exact and rounded once; so 0.07 kWh is 252000 J and not 252000.00000000003.
 */
export function outgoingNumber(point: Point, unitOf: UnitOf): OutgoingNumber {
  if (point.unit === undefined) return { unit: countsEvents(point) ? "count" : "/", convert: fitting };
  const conversion = unitOf(point.unit);
  if (!conversion) throw new RangeError(`unknown unit: ${point.unit}`);
  const { primary, factor, offset } = conversion;
  if (isOne(factor) && isZero(offset)) return { unit: primary, convert: fitting };
  const direct = linear(factor, offset);
  const { resolution } = point;
  if (!resolution) return { unit: primary, convert: (value) => fitting(direct(value)) };
  const perStep = Number(resolution.denominator) / Number(resolution.numerator);
  const bySteps = linear(multiply(resolution, factor), offset);
  return {
    unit: primary,
    convert: (value) => {
      if (typeof value === "bigint" || Number.isInteger(value)) return fitting(direct(value));
      const steps = Math.round(value * perStep);
      // Where a double no longer resolves single steps, none can be counted.
      return fitting(Number.isSafeInteger(steps) ? bySteps(steps) : direct(value));
    },
  };
}

function countsEvents(point: Point): boolean {
  return point.kind === "counter" || point.kind === "event";
}

/** CBOR integers have 64 bits; what is larger leaves as the nearest double. */
function fitting(value: number | bigint): number | bigint {
  return typeof value === "bigint" && (value >= limit64 || value < -limit64) ? Number(value) : value;
}
