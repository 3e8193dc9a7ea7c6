/** An operation that has no result for these operands: the whole expression then has none. */
export class Fault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const zeroDivisor = new Fault("division by zero");
const tooLarge = new Fault("the result is larger than a number can hold");
const notWhole = new Fault("a bit operation on what is not a whole number of at most 53 bits");
const badShift = new Fault("a shift by less than 0 or more than 63 bits");
const negativeRoot = new Fault("the square root of a negative number");
const badLogarithm = new Fault("the logarithm of a number that is not above 0");
const badPower = new Fault("a power that is no number");
const emptyClamp = new Fault("clamp between limits whose lower one is above the upper one");
const badDigits = new Fault("rounding to digits that are not a whole number from 0 to 15");

/** Throws Fault; so do all functions here. */
export function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw tooLarge;
}

export function divide(a: number, b: number): number {
  if (b === 0) throw zeroDivisor;
  return finite(a / b);
}

/** The remainder has the sign of the dividend. */
export function remainder(a: number, b: number): number {
  if (b === 0) throw zeroDivisor;
  return a % b;
}

const half = 2 ** 32;

/**
 * And, or, exclusive or of two's complement numbers of any width up to 53 bits: JavaScript's own
 * operators cut at 32, so the two halves are taken apart.
 */
export function bitwise(on32: (a: number, b: number) => number): (a: number, b: number) => number {
  return (a, b) => {
    if (a === (a | 0) && b === (b | 0)) return on32(a, b);
    if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) throw notWhole;
    const highA = Math.floor(a / half);
    const highB = Math.floor(b / half);
    const low = on32(a - highA * half, b - highB * half) >>> 0;
    return on32(highA, highB) * half + low;
  };
}

export function complement(a: number): number {
  if (!Number.isSafeInteger(a)) throw notWhole;
  return -a - 1;
}

export function shiftLeft(a: number, by: number): number {
  checkShift(a, by);
  const result = a * 2 ** by;
  if (!Number.isSafeInteger(result)) throw notWhole;
  return result;
}

/** Keeps the sign. */
export function shiftRight(a: number, by: number): number {
  checkShift(a, by);
  return Math.floor(a / 2 ** by);
}

function checkShift(a: number, by: number): void {
  if (!Number.isSafeInteger(a)) throw notWhole;
  if (!(Number.isInteger(by) && by >= 0 && by <= 63)) throw badShift;
}

export interface NumberFunction {
  /** For people: `clamp(x, least, most)`. */
  readonly form: string;
  readonly least: number;
  readonly most: number;
  readonly run: (...operands: number[]) => number;
}

/** Halves go away from zero, as in `resolution`. */
function round(x: number, digits = 0): number {
  if (!(Number.isInteger(digits) && digits >= 0 && digits <= 15)) throw badDigits;
  const factor = 10 ** digits;
  const steps = Math.abs(x) * factor;
  if (!(steps < 2 ** 52)) return x;
  const rounded = Math.round(steps) / factor;
  return x < 0 ? -rounded : rounded;
}

export const functions: ReadonlyMap<string, NumberFunction> = new Map<string, NumberFunction>([
  ["min", { form: "min(a, b, ...)", least: 2, most: 32, run: Math.min }],
  ["max", { form: "max(a, b, ...)", least: 2, most: 32, run: Math.max }],
  [
    "clamp",
    {
      form: "clamp(x, least, most)",
      least: 3,
      most: 3,
      run: (x, least, most) => {
        if (least! > most!) throw emptyClamp;
        return Math.min(Math.max(x!, least!), most!);
      },
    },
  ],
  [
    "round",
    { form: "round(x) or round(x, digits)", least: 1, most: 2, run: (x, digits) => round(x!, digits) },
  ],
  ["floor", { form: "floor(x)", least: 1, most: 1, run: (x) => Math.floor(x!) }],
  ["ceil", { form: "ceil(x)", least: 1, most: 1, run: (x) => Math.ceil(x!) }],
  ["abs", { form: "abs(x)", least: 1, most: 1, run: (x) => Math.abs(x!) }],
  [
    "sqrt",
    {
      form: "sqrt(x)",
      least: 1,
      most: 1,
      run: (x) => {
        if (x! < 0) throw negativeRoot;
        return Math.sqrt(x!);
      },
    },
  ],
  ["log10", { form: "log10(x)", least: 1, most: 1, run: (x) => logarithm(Math.log10, x!) }],
  ["log", { form: "log(x), the natural one", least: 1, most: 1, run: (x) => logarithm(Math.log, x!) }],
  [
    "pow",
    {
      form: "pow(x, exponent)",
      least: 2,
      most: 2,
      run: (x, exponent) => {
        const result = x! ** exponent!;
        if (!Number.isFinite(result)) throw badPower;
        return result;
      },
    },
  ],
]);

function logarithm(take: (x: number) => number, x: number): number {
  if (x <= 0) throw badLogarithm;
  return take(x);
}
