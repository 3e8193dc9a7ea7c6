import { linear, type Rational, rational } from "../../model/decimal.ts";
import { unitOf } from "../../model/units.ts";

// Units that telegrams name and our table does not.

interface Measure {
  /** Units of one measure convert into each other. */
  readonly measure: string;
  /** value in the measure's first unit = value * factor + offset */
  readonly factor: Rational;
  readonly offset: Rational;
}

const zero = rational(0);
const others: Readonly<Record<string, readonly [measure: string, factor: string]>> = {
  "J/h": ["W", "1/3600"],
  // The international calorie (ISO 80000-5), as in the Gcal of heat meters.
  cal: ["J", "4.1868"],
  ft3: ["m3", "0.028316846592"],
  // The American gallon.
  gal: ["m3", "0.003785411784"],
  "gal/min": ["m3/s", "0.003785411784/60"],
  "gal/h": ["m3/s", "0.003785411784/3600"],
  "degF-difference": ["K", "5/9"],
};

function measureOf(unit: string): Measure {
  const known = unitOf(unit);
  if (known) return { measure: known.primary, factor: known.factor, offset: known.offset };
  const [measure, factor] = others[unit] ?? [unit, "1"];
  return { measure, factor: rational(factor), offset: zero };
}

/** Whether a value in one unit can be said in the other. */
export function converts(from: string, to: string): boolean {
  return measureOf(from).measure === measureOf(to).measure;
}

/** Units that a profile may write after `in:` for a value that comes in `unit`. */
export function isUnit(unit: string): boolean {
  return unitOf(unit) !== undefined || unit in others || unit === "kg/h";
}

type Convert = (raw: number | bigint) => number | bigint;
const compiled = new Map<string, Convert>();
/** Powers, factors and units of the tables together are fewer; a telegram can ask for more. */
const mostCompiled = 1024;

/**
 * raw * factor * 10^exponent of unit `from`, as a value in unit `to`: exact for integers, and rounded
 * once. Undefined when the units measure different things.
 */
export function converter(from: string, factor: number, exponent: number, to: string): Convert | undefined {
  const key = `${from} ${factor} ${exponent} ${to}`;
  const known = compiled.get(key);
  if (known) return known;
  const source = measureOf(from);
  const target = measureOf(to);
  if (source.measure !== target.measure) return undefined;
  const power = 10n ** BigInt(Math.abs(exponent));
  const numerator = source.factor.numerator * target.factor.denominator * BigInt(factor);
  const denominator = source.factor.denominator * target.factor.numerator;
  const scale: Rational =
    exponent < 0
      ? { numerator, denominator: denominator * power }
      : { numerator: numerator * power, denominator };
  // (source.offset - target.offset) / target.factor
  const shift: Rational = {
    numerator:
      (source.offset.numerator * target.offset.denominator -
        target.offset.numerator * source.offset.denominator) *
      target.factor.denominator,
    denominator: source.offset.denominator * target.offset.denominator * target.factor.numerator,
  };
  const convert = linear(reduced(scale), reduced(shift));
  if (compiled.size >= mostCompiled) compiled.clear();
  compiled.set(key, convert);
  return convert;
}

function reduced({ numerator, denominator }: Rational): Rational {
  let a = numerator < 0n ? -numerator : numerator;
  let b = denominator;
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? zero : { numerator: numerator / a, denominator: denominator / a };
}

/** Whether point unit and scale say the same value as the raw one in `unit`; undefined when nobody can know. */
export function agrees(unit: string, scale: Rational, pointUnit: string): boolean | undefined {
  if (unitOf(unit) === undefined && !(unit in others)) return undefined;
  const raw = measureOf(unit);
  const point = measureOf(pointUnit);
  if (raw.measure !== point.measure) return false;
  const magnitude = scale.numerator < 0n ? -scale.numerator : scale.numerator;
  return (
    magnitude * point.factor.numerator * raw.factor.denominator ===
    raw.factor.numerator * scale.denominator * point.factor.denominator
  );
}
