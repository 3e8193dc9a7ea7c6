/**
 * Exact decimal arithmetic. A profile writes `0.1`; the binary number next to it is not 0.1, so
 * scales are kept as a fraction of integers and a value is rounded once, at the very end.
 */
export interface Rational {
  readonly numerator: bigint;
  /** Greater than 0. */
  readonly denominator: bigint;
}

export const one: Rational = { numerator: 1n, denominator: 1n };
export const zero: Rational = { numerator: 0n, denominator: 1n };

/**
 * Reads a decimal ("0.1", "-2.5e-3", 10) or a fraction ("1/10").
 * Throws RangeError on anything else, on a zero denominator and on exponents beyond 60.
 */
export function rational(text: string | number | bigint): Rational {
  const source = String(text).trim();
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?(?:\/(\d+))?$/.exec(source);
  if (!match || (match[2] === "" && (match[3] ?? "") === ""))
    throw new RangeError(`not a decimal number: ${source}`);
  const [, sign, whole = "", fraction = "", exponent = "0", divisor = "1"] = match;
  const power = Number(exponent) - fraction.length;
  if (Math.abs(power) > 60) throw new RangeError(`exponent too large: ${source}`);
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  const scaled = power >= 0 ? digits * 10n ** BigInt(power) : digits;
  const denominator = (power >= 0 ? 1n : 10n ** BigInt(-power)) * BigInt(divisor);
  if (denominator === 0n) throw new RangeError(`division by zero: ${source}`);
  return reduce(scaled, denominator);
}

export function multiply(a: Rational, b: Rational): Rational {
  return reduce(a.numerator * b.numerator, a.denominator * b.denominator);
}

export function add(a: Rational, b: Rational): Rational {
  return reduce(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

/** The largest step of which both are multiples; the absolute value of the other when one is zero. */
export function gcd(a: Rational, b: Rational): Rational {
  let x = a.numerator * b.denominator;
  let y = b.numerator * a.denominator;
  while (y !== 0n) [x, y] = [y, x % y];
  return reduce(x < 0n ? -x : x, a.denominator * b.denominator);
}

export function isZero(a: Rational): boolean {
  return a.numerator === 0n;
}

export function isOne(a: Rational): boolean {
  return a.numerator === a.denominator;
}

/** The nearest double, correctly rounded for every fraction that a profile can write. */
export function toNumber(a: Rational): number {
  return divide(a.numerator, a.denominator);
}

/**
 * The linear map `raw * scale + offset` as a function. Integers (number or bigint) are mapped
 * exactly and rounded once to the nearest double; an integer result beyond 2^53 stays a bigint.
 * A binary float is multiplied as it is: it has no exact decimal to keep.
 */
export function linear(scale: Rational, offset: Rational): (raw: number | bigint) => number | bigint {
  if (isOne(scale) && isZero(offset)) return (raw) => (typeof raw === "bigint" ? narrow(raw) : raw);
  const denominator = scale.denominator * offset.denominator;
  const slope = scale.numerator * offset.denominator;
  const shift = offset.numerator * scale.denominator;
  const fastSlope = Number(slope);
  const fastShift = Number(shift);
  const fastDenominator = Number(denominator);
  // Both operands exact doubles: IEEE division then rounds correctly, no bigint needed.
  const limit =
    Math.abs(fastShift) <= 2 ** 52 && fastDenominator <= Number.MAX_SAFE_INTEGER
      ? 2 ** 52 / Math.max(1, Math.abs(fastSlope))
      : -1;
  return (raw) => {
    if (typeof raw === "number") {
      if (!Number.isInteger(raw)) return (raw * fastSlope + fastShift) / fastDenominator;
      if (Math.abs(raw) <= limit) return (raw * fastSlope + fastShift) / fastDenominator;
      if (!Number.isSafeInteger(raw)) return (raw * fastSlope + fastShift) / fastDenominator;
    }
    const numerator = BigInt(raw) * slope + shift;
    if (numerator % denominator === 0n) return narrow(numerator / denominator);
    return divide(numerator, denominator);
  };
}

/** A bigint as a number when nothing is lost, else unchanged. */
export function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

/** Rounds to the nearest multiple of `step` (ties away from zero) and returns the double nearest to that exact decimal. */
export function roundTo(value: number, step: Rational): number {
  const count = Math.round(Math.abs((value * Number(step.denominator)) / Number(step.numerator)));
  if (!Number.isSafeInteger(count)) return value;
  const magnitude = divide(BigInt(count) * step.numerator, step.denominator);
  return value < 0 ? -magnitude : magnitude;
}

function reduce(numerator: bigint, denominator: bigint): Rational {
  let a = numerator < 0n ? -numerator : numerator;
  let b = denominator;
  while (b !== 0n) [a, b] = [b, a % b];
  return a <= 1n ? { numerator, denominator } : { numerator: numerator / a, denominator: denominator / a };
}

/** Correctly rounded quotient of two bigints. */
function divide(numerator: bigint, denominator: bigint): number {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  if (magnitude <= BigInt(Number.MAX_SAFE_INTEGER) && denominator <= BigInt(Number.MAX_SAFE_INTEGER)) {
    const quotient = Number(magnitude) / Number(denominator);
    return negative ? -quotient : quotient;
  }
  // Scale the quotient to 64+ bits, keep a sticky bit for what is cut, and let Number() round to even.
  const shift = BigInt(Math.max(0, 66 - (magnitude.toString(2).length - denominator.toString(2).length)));
  let quotient = (magnitude << shift) / denominator;
  if ((magnitude << shift) % denominator !== 0n) quotient |= 1n;
  const result = Number(quotient) / 2 ** Number(shift);
  return negative ? -result : result;
}
