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
 * Throws RangeError on anything else, on a zero denominator, on exponents beyond 60 and on more than
 * 100 characters: what `toNumber` and `linear` do with the result is then exact and quick.
 */
export function rational(text: string | number | bigint): Rational {
  const source = String(text).trim();
  if (source.length > 100) throw new RangeError(`a number of ${source.length} characters`);
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?(?:\/(\d+))?$/.exec(source);
  if (!match || (match[2] === "" && (match[3] ?? "") === ""))
    throw new RangeError(`not a decimal number: ${source}`);
  const [, sign, whole = "", fraction = "", exponent = "0", divisor = "1"] = match;
  const power = Number(exponent) - fraction.length;
  if (Math.abs(power) > 60) throw new RangeError(`exponent too large: ${source}`);
  if (BigInt(divisor) === 0n) throw new RangeError(`division by zero: ${source}`);
  return fromDigits(BigInt(whole + fraction) * (sign === "-" ? -1n : 1n), power, BigInt(divisor));
}

/** digits * 10^power / divisor */
function fromDigits(digits: bigint, power: number, divisor: bigint): Rational {
  return power >= 0
    ? reduce(digits * 10n ** BigInt(power), divisor)
    : reduce(digits, 10n ** BigInt(-power) * divisor);
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

/**
 * Rounds to the nearest multiple of `step` (greater than 0) and returns the double nearest to that
 * exact decimal. Ties go away from zero, and a tie is what a person would call one: 1.005 lies halfway
 * between 1.00 and 1.01, though its double lies below. What is too large to have such a fraction comes
 * back unchanged.
 */
export function roundTo(value: number, step: Rational): number {
  return rounder(step)(value);
}

/** `roundTo` for many values of one step. */
export function rounder(step: Rational): (value: number) => number {
  const numerator = Number(step.numerator);
  const denominator = Number(step.denominator);
  const perUnit = denominator / numerator;
  // While both operands are exact doubles, IEEE division rounds correctly and needs no bigint.
  const limit =
    denominator <= Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER / Math.max(1, numerator) : -1;
  return (value) => {
    const steps = Math.abs(value * perUnit);
    if (!(steps < 2 ** 50)) return value;
    let count = Math.round(steps);
    // Near a tie the product's own rounding decides nothing.
    if (Math.abs(steps - Math.floor(steps) - 0.5) <= (steps + 1) * 2 ** -50) count = countSteps(value, step);
    if (count === 0) return 0;
    const magnitude =
      count < limit
        ? (count * numerator) / denominator
        : divide(BigInt(count) * step.numerator, step.denominator);
    return value < 0 ? -magnitude : magnitude;
  };
}

/** How many steps the value's decimal has, rounded half up. */
function countSteps(value: number, step: Rational): number {
  // The shortest text that names this double is what a person would call its value.
  const [digits = "", exponent = "0"] = String(Math.abs(value)).split("e");
  const [whole = "", fraction = ""] = digits.split(".");
  const exact = fromDigits(BigInt(whole + fraction), Number(exponent) - fraction.length, 1n);
  const dividend = 2n * exact.numerator * step.denominator;
  const divisor = exact.denominator * step.numerator;
  return Number((dividend + divisor) / (2n * divisor));
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
