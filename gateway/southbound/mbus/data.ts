// The data of one record: EN 13757-3 (data field and variable length).

import type { Quality } from "../../model/quality.ts";
import { decodeDate, decodeDateTime, decodeDateTimeSecond, decodeTime, type MeterTime } from "./time.ts";
import type { Shape } from "./vif.ts";

/** A value as the telegram holds it, before unit and power of ten. */
export type RecordValue =
  /** A whole number. `digits`: as many were on the wire, leading zeros included (BCD). */
  | { readonly kind: "whole"; readonly mantissa: number | bigint; readonly digits?: number | undefined }
  | { readonly kind: "real"; readonly value: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** A record without data, as in a list of what can be read. */
  | { readonly kind: "none" }
  | {
      readonly kind: "problem";
      readonly quality: Quality;
      readonly detail: string;
      /** What the bits are as an unsigned integer, for an address that says it is one. */
      readonly unsigned?: number | bigint | undefined;
    };

/** Bytes of the data that follow a DIF with this low nibble; undefined: variable or special. */
export const dataLengths: readonly (number | undefined)[] = [
  0,
  1,
  2,
  3,
  4,
  4,
  6,
  8,
  0,
  1,
  2,
  3,
  4,
  undefined,
  6,
  undefined,
];

const real = 0x5;
const variable = 0xd;
const none: RecordValue = { kind: "none" };
const lowest = {
  kind: "problem",
  quality: "sentinel",
  detail: "the meter gives the lowest integer, which stands for no value",
} as const;

/** The value of `bytes[from..from+length]`, least significant byte first. */
export function decodeData(
  type: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  shape: Shape,
): RecordValue {
  if (length === 0) return none;
  if (type === real) return decodeReal(bytes, from);
  if (type >= 0x9) return decodeBcd(bytes, from, length, false);
  if (shape === "date" || shape === "date-time" || shape === "time") return decodeClock(bytes, from, length);
  return decodeInteger(bytes, from, length, shape === "number");
}

/** A variable length that no meter may send, or the number of bytes after the length byte. */
export function variableLength(code: number): number | undefined {
  if (code <= 0xbf) return code;
  if (code <= 0xc9) return code - 0xc0;
  if (code >= 0xd0 && code <= 0xd9) return code - 0xd0;
  if (code >= 0xe0 && code <= 0xef) return code - 0xe0;
  if (code >= 0xf0 && code <= 0xf4) return 4 * (code - 0xec);
  if (code === 0xf5) return 48;
  return code === 0xf6 ? 64 : undefined;
}

/** The value after length byte `code`. Text comes last character first unless `forward`. */
export function decodeVariable(
  code: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  forward: boolean,
): RecordValue {
  if (code <= 0xbf) return { kind: "text", text: latinText(bytes, from, length, forward) };
  if (length === 0) return none;
  if (code <= 0xd9) return decodeBcd(bytes, from, length, code >= 0xd0);
  if (length <= 8) return decodeInteger(bytes, from, length, false);
  return { kind: "bytes", bytes: bytes.slice(from, from + length) };
}

/** Text of ISO 8859-1, without the blanks and zeros that fill it up. */
export function latinText(bytes: Uint8Array, from: number, length: number, forward: boolean): string {
  let text = "";
  for (let index = 0; index < length; index++) {
    const code = bytes[forward ? from + index : from + length - 1 - index] ?? 0;
    text += code < 0x20 || (code >= 0x7f && code < 0xa0) ? " " : String.fromCharCode(code);
  }
  return text.trim();
}

/** Types B and C: two's complement, its lowest value meaning that there is none; or unsigned. */
function decodeInteger(bytes: Uint8Array, from: number, length: number, signed: boolean): RecordValue {
  if (length > 6) return decodeLong(bytes, from, length, signed);
  let value = 0;
  for (let index = from + length - 1; index >= from; index--) value = value * 256 + (bytes[index] ?? 0);
  if (!signed) return { kind: "whole", mantissa: value };
  const half = 2 ** (8 * length - 1);
  if (value === half) return { ...lowest, unsigned: value };
  return { kind: "whole", mantissa: value > half ? value - 2 * half : value };
}

function decodeLong(bytes: Uint8Array, from: number, length: number, signed: boolean): RecordValue {
  let value = 0n;
  for (let index = from + length - 1; index >= from; index--)
    value = value * 256n + BigInt(bytes[index] ?? 0);
  const size = 8 * length;
  if (signed && value === 1n << BigInt(size - 1)) return { ...lowest, unsigned: value };
  return { kind: "whole", mantissa: signed ? BigInt.asIntN(size, value) : value };
}

/** Type H, IEEE 754 single precision. */
function decodeReal(bytes: Uint8Array, from: number): RecordValue {
  const value = new DataView(bytes.buffer, bytes.byteOffset + from, 4).getFloat32(0, true);
  return Number.isFinite(value) ? { kind: "real", value } : noValue(`the float ${value}`);
}

/**
 * Type A: two digits a byte. An F as the first digit is a minus sign; any other digit beyond 9 is how
 * a meter shows an error on its display.
 */
function decodeBcd(bytes: Uint8Array, from: number, length: number, negative: boolean): RecordValue {
  let value = 0;
  let long = 0n;
  let minus = negative;
  for (let index = from + length - 1; index >= from; index--) {
    const byte = bytes[index] ?? 0;
    let high = byte >> 4;
    const low = byte & 0x0f;
    if (high === 0x0f && index === from + length - 1 && !negative) {
      minus = true;
      high = 0;
    }
    if (high > 9 || low > 9) return noValue(`the digits ${hexDigits(bytes, from, length)}`);
    if (length <= 7) value = value * 100 + 10 * high + low;
    else long = long * 100n + BigInt(10 * high + low);
  }
  const mantissa = length <= 7 ? (minus ? 0 - value : value) : minus ? -long : long;
  return { kind: "whole", mantissa, digits: 2 * length };
}

function decodeClock(bytes: Uint8Array, from: number, length: number): RecordValue {
  const time = clockOf(bytes, from, length);
  if (time === undefined)
    return { kind: "problem", quality: "config-error", detail: `a time of ${length} bytes` };
  return "text" in time ? { kind: "text", text: time.text } : noValue(time.problem);
}

function clockOf(bytes: Uint8Array, from: number, length: number): MeterTime | undefined {
  if (length === 2) return decodeDate(bytes, from);
  if (length === 4) return decodeDateTime(bytes, from);
  if (length === 6) return decodeDateTimeSecond(bytes, from);
  return length === 3 ? decodeTime(bytes, from) : undefined;
}

function noValue(detail: string): RecordValue {
  return { kind: "problem", quality: "sentinel", detail: `the meter gives ${detail}` };
}

/** Most significant digit first, as a display shows them. */
export function hexDigits(bytes: Uint8Array, from: number, length: number): string {
  let text = "";
  for (let index = from + length - 1; index >= from; index--)
    text += (bytes[index] ?? 0).toString(16).padStart(2, "0");
  return text.toUpperCase();
}

/** Whether a DIF's low nibble announces a length byte. */
export function isVariable(type: number): boolean {
  return type === variable;
}

/** mantissa * 10^exponent as decimal text, every digit of it true. */
export function decimalText(mantissa: number | bigint, exponent: number): string {
  const negative = mantissa < 0;
  const digits = String(mantissa).replace("-", "");
  if (exponent >= 0) return `${negative ? "-" : ""}${digits === "0" ? "0" : digits + "0".repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, "0");
  const whole = padded.slice(0, exponent);
  const fraction = padded.slice(exponent).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
