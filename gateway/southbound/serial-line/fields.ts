import { rational, toNumber } from "../../model/decimal.ts";
import type { RawValue } from "../../model/value.ts";

/** What stands in one place of a line. All hand-made scanners: the time is linear in what they consume. */
export interface FieldType {
  readonly kind: "integer" | "float" | "boolean" | "text";
  /** Where the value that begins at `at` ends, or -1 when there is none. Undefined: it runs up to what follows it. */
  readonly scan?: ((text: string, at: number) => number) | undefined;
  /** The value; undefined when the text does not hold one. */
  read(text: string): RawValue | undefined;
  /** The text that `read` makes the value of, of a value of this kind; undefined when there is none. Absent: never sent. */
  readonly write?: ((raw: RawValue) => string | undefined) | undefined;
}

/** Digits beyond this are no measurement. */
const longestNumber = 40;

const number: FieldType = { kind: "float", scan: scanNumber, read: readNumber, write: plainDecimal };
const integer: FieldType = {
  kind: "integer",
  scan: scanInteger,
  read: readInteger,
  write: (raw) => (typeof raw === "bigint" || Number.isInteger(raw) ? String(raw) : undefined),
};
const hex: FieldType = {
  kind: "integer",
  scan: (text, at) => run(text, at, isHexDigit),
  read: (text) =>
    text.length > 0 && text.length <= 16 && run(text, 0, isHexDigit) === text.length
      ? narrow(BigInt(`0x${text}`))
      : undefined,
  write: (raw) =>
    (typeof raw === "bigint" || Number.isInteger(raw)) && Number(raw) >= 0
      ? raw.toString(16).toUpperCase()
      : undefined,
};
const word: FieldType = {
  kind: "text",
  read: (text) => (text.length > 0 && !/\s/.test(text) ? text : undefined),
  write: (raw) => String(raw),
};
const text: FieldType = {
  kind: "text",
  read: (whole) => (whole.length > 0 ? whole : undefined),
  write: (raw) => String(raw),
};
const time: FieldType = { kind: "float", scan: scanTime, read: readTime };
const degrees: FieldType = { kind: "float", scan: scanNumber, read: readDegrees };

/** Words of a profile for what stands in a line; `flag` and `choice` are made from their words. */
export const plainFields: Readonly<Record<string, FieldType>> = {
  number,
  integer,
  hex,
  word,
  text,
  time,
  degrees,
};
export const fieldNames = [...Object.keys(plainFields), "flag", "choice"];

/** One of two words: true for the first. */
export function flagField(yes: string, no: string): FieldType {
  const { scan, read } = choiceField([yes, no]);
  return {
    kind: "boolean",
    scan,
    read: (given) => {
      const index = read(given);
      return index === undefined ? undefined : index === 0;
    },
    write: (raw) => (raw === true ? yes : no),
  };
}

/** One of several words: its place among them, from 0. */
export function choiceField(words: readonly string[]): FieldType {
  // Longest first, so that "AUTO" is not taken for "A".
  const ordered = words.toSorted((a, b) => b.length - a.length);
  return {
    kind: "integer",
    scan: (line, at) => {
      const found = ordered.find((one) => line.startsWith(one, at));
      return found === undefined ? -1 : at + found.length;
    },
    read: (given) => {
      const index = words.indexOf(given);
      return index < 0 ? undefined : index;
    },
    write: (raw) => words[Number(raw)],
  };
}

/** Without an exponent, which few instruments take. */
function plainDecimal(raw: RawValue): string | undefined {
  if (typeof raw === "bigint") return String(raw);
  if (typeof raw !== "number" || !Number.isFinite(raw)) return undefined;
  const short = String(Object.is(raw, -0) ? 0 : raw);
  return short.includes("e") ? undefined : short;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isSign(code: number): boolean {
  return code === 0x2b || code === 0x2d;
}

/** Where the run of such characters that begins at `at` ends; -1 when it is empty. */
function run(line: string, at: number, is: (code: number) => boolean): number {
  let end = at;
  while (end < line.length && is(line.charCodeAt(end))) end += 1;
  return end > at ? end : -1;
}

function scanInteger(line: string, at: number): number {
  return run(line, isSign(line.charCodeAt(at)) ? at + 1 : at, isDigit);
}

/** `12`, `-2331.`, `.5`, `+007.25`, `1.2e-3`, `NaN` in any case. */
export function scanNumber(line: string, at: number): number {
  const from = isSign(line.charCodeAt(at)) ? at + 1 : at;
  if (line.slice(from, from + 3).toLowerCase() === "nan") return from + 3;
  const whole = run(line, from, isDigit);
  let end = whole < 0 ? from : whole;
  if (line[end] === ".") {
    const fraction = run(line, end + 1, isDigit);
    if (whole < 0 && fraction < 0) return -1;
    end = fraction < 0 ? end + 1 : fraction;
  } else if (whole < 0) return -1;
  if (line[end] === "e" || line[end] === "E") {
    const sign = isSign(line.charCodeAt(end + 1)) ? 1 : 0;
    const exponent = run(line, end + 1 + sign, isDigit);
    if (exponent > 0) end = exponent;
  }
  return end;
}

/** The nearest double of a decimal; NaN for one that is none by its own word. */
export function readNumber(given: string): number | undefined {
  if (given.length > longestNumber || scanNumber(given, 0) !== given.length) return undefined;
  const value = Number(given);
  return Number.isNaN(value) ? Number.NaN : Number.isFinite(value) ? value : undefined;
}

export function readInteger(given: string): number | bigint | undefined {
  if (given.length > longestNumber || scanInteger(given, 0) !== given.length) return undefined;
  return narrow(BigInt(given.startsWith("+") ? given.slice(1) : given));
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** `2200.1091` is 22 degrees and 0.1091 minutes; without a sign, as NMEA 0183 writes it. The nearest double. */
export function readDegrees(given: string): number | undefined {
  const match = /^(\d{0,3})(\d{2}(?:\.\d{0,12})?)$/.exec(given);
  if (!match) return undefined;
  const [, whole = "", minutes = "0"] = match;
  if (Number(minutes) >= 60) return undefined;
  const { numerator, denominator } = rational(minutes);
  const scale = denominator * 60n;
  return toNumber({ numerator: BigInt(whole || "0") * scale + numerator, denominator: scale });
}

/** `2014-08-01T20:28:46.352`, with a blank for the T, with or without Z or an offset; UTC unless it says so. */
const timeForm = /(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?/y;

function scanTime(line: string, at: number): number {
  timeForm.lastIndex = at;
  return timeForm.test(line) ? timeForm.lastIndex : -1;
}

/** Seconds since the Unix epoch. */
export function readTime(given: string): number | undefined {
  timeForm.lastIndex = 0;
  const match = timeForm.exec(given);
  if (!match || match[0].length !== given.length) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const seconds = utcSeconds(parts);
  if (seconds === undefined) return undefined;
  const offset = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  const shift = offset ? (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60 : 0;
  return Number(`${seconds - shift}.${fraction || "0"}`);
}

/** Undefined for a day or hour that does not exist. */
function utcSeconds([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]):
  | number
  | undefined {
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  const exists =
    year >= 1970 &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return exists ? ms / 1000 : undefined;
}
