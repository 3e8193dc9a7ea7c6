import { narrow } from "../model/decimal.ts";
import type { RawValue } from "../model/value.ts";
import { doesNotFit, integerOf, type Reader, ValueError, type WireType } from "./wire-type.ts";

/**
 * Whole numbers: two's complement and unsigned of 1 to 8 bytes, packed decimal digits, and the
 * nibble pairs `udec` and `sdec` that are tenths in disguise.
 */
export const integerTypes: readonly WireType[] = [
  integer("u8", 1, false, read8),
  integer("u16", 2, false, read16),
  integer("u24", 3, false, read24),
  integer("u32", 4, false, read32),
  integer("u48", 6, false, read48),
  integer("u64", 8, false, read64),
  integer("s8", 1, true, (places) => signed32(read8(places), 24)),
  integer("s16", 2, true, (places) => signed32(read16(places), 16)),
  integer("s24", 3, true, (places) => signed32(read24(places), 8)),
  integer("s32", 4, true, (places) => signed32(read32(places), 0)),
  integer("s48", 6, true, readSigned48),
  integer("s64", 8, true, readSigned64),
  { name: "bcd", kind: "integer", size: undefined, signed: false, read: readDigits, write: writeDigits },
  { name: "udec", kind: "float", size: 1, signed: false, read: readTenths(0), write: writeTenths("udec", 0) },
  { name: "sdec", kind: "float", size: 1, signed: true, read: readTenths(8), write: writeTenths("sdec", 8) },
];

type IntegerReader = (bytes: Uint8Array, offset: number) => number;

function integer(
  name: string,
  size: number,
  signed: boolean,
  read: (places: readonly number[]) => Reader,
): WireType {
  const bits = BigInt(size * 8);
  const lowest = signed ? -(1n << (bits - 1n)) : 0n;
  const highest = (signed ? 1n << (bits - 1n) : 1n << bits) - 1n;
  const write = (value: RawValue): Uint8Array => {
    const whole = integerOf(value, name);
    if (whole < lowest || whole > highest) throw doesNotFit(value, name);
    return bytesOf(whole, size);
  };
  return { name, kind: "integer", size, signed, read, write };
}

/** The low `size` bytes of an integer in two's complement, most significant first. */
export function bytesOf(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(size * 8, value);
  for (let index = size - 1; index >= 0; index -= 1) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function place(places: readonly number[], index: number): number {
  const found = places[index];
  if (found === undefined)
    throw new RangeError(`a byte order of ${places.length} bytes has no byte ${index}`);
  return found;
}

function read8(places: readonly number[]): IntegerReader {
  const a = place(places, 0);
  return (bytes, offset) => bytes[offset + a]!;
}

function read16(places: readonly number[]): IntegerReader {
  const a = place(places, 0);
  const b = place(places, 1);
  return (bytes, offset) => (bytes[offset + a]! << 8) | bytes[offset + b]!;
}

function read24(places: readonly number[]): IntegerReader {
  const a = place(places, 0);
  const b = place(places, 1);
  const c = place(places, 2);
  return (bytes, offset) => (bytes[offset + a]! << 16) | (bytes[offset + b]! << 8) | bytes[offset + c]!;
}

/** Also the raw bits of floats. */
export function read32(places: readonly number[]): IntegerReader {
  const a = place(places, 0);
  const b = place(places, 1);
  const c = place(places, 2);
  const d = place(places, 3);
  return (bytes, offset) =>
    ((bytes[offset + a]! << 24) |
      (bytes[offset + b]! << 16) |
      (bytes[offset + c]! << 8) |
      bytes[offset + d]!) >>>
    0;
}

function read48(places: readonly number[]): IntegerReader {
  const high = read16(places);
  const low = read32(places.slice(2));
  return (bytes, offset) => high(bytes, offset) * 2 ** 32 + low(bytes, offset);
}

function readSigned48(places: readonly number[]): IntegerReader {
  const high = signed32(read16(places), 16);
  const low = read32(places.slice(2));
  return (bytes, offset) => high(bytes, offset) * 2 ** 32 + low(bytes, offset);
}

function read64(places: readonly number[]): Reader {
  const high = read32(places);
  const low = read32(places.slice(4));
  return (bytes, offset) => join64(high(bytes, offset), low(bytes, offset));
}

function readSigned64(places: readonly number[]): Reader {
  const high = signed32(read32(places), 0);
  const low = read32(places.slice(4));
  return (bytes, offset) => join64(high(bytes, offset), low(bytes, offset));
}

/** high * 2^32 + low: a number inside the safe range, else a bigint. */
function join64(high: number, low: number): number | bigint {
  const near = high * 2 ** 32 + low;
  return Number.isSafeInteger(near) ? near : (BigInt(high) << 32n) | BigInt(low);
}

function signed32(read: IntegerReader, shift: number): IntegerReader {
  return (bytes, offset) => (read(bytes, offset) << shift) >> shift;
}

function readDigits(places: readonly number[]): Reader {
  // 15 digits are always safe in a double.
  const wide = places.length > 7;
  return (bytes, offset) => {
    let value = 0;
    let text = "";
    for (const at of places) {
      const pair = bytes[offset + at]!;
      if (pair >> 4 > 9 || (pair & 15) > 9) throw badDigit(pair, at);
      if (wide) text += pair.toString(16).padStart(2, "0");
      else value = value * 100 + (pair >> 4) * 10 + (pair & 15);
    }
    return wide ? narrow(BigInt(text)) : value;
  };
}

function writeDigits(value: RawValue, size: number): Uint8Array {
  const whole = integerOf(value, "bcd");
  const digits = whole.toString().padStart(size * 2, "0");
  if (whole < 0n || digits.length > size * 2) throw doesNotFit(value, `${size * 2} decimal digits`);
  return bytesOf(BigInt(`0x${digits}`), size);
}

/** An error that names the byte which is not two decimal digits. */
function badDigit(pair: number, at: number): ValueError {
  return new ValueError(`byte ${at} is 0x${pair.toString(16).padStart(2, "0")}, not two decimal digits`, {
    code: "bad-digit",
  });
}

/** High nibble (its sign bit is worth `signBit`, 0 for none) plus a tenth of the low nibble. */
function readTenths(signBit: number): (places: readonly number[]) => Reader {
  return (places) => {
    const a = place(places, 0);
    return (bytes, offset) => {
      const pair = bytes[offset + a]!;
      const high = pair >> 4;
      return ((high >= 8 && signBit ? high - 16 : high) * 10 + (pair & 15)) / 10;
    };
  };
}

function writeTenths(name: string, signBit: number): (value: RawValue) => Uint8Array {
  return (value) => {
    if (typeof value !== "number" && typeof value !== "bigint") throw doesNotFit(value, name);
    const tenths = Math.round(Number(value) * 10);
    if (tenths / 10 !== Number(value)) throw doesNotFit(value, `${name}, which counts in tenths`);
    const top = signBit ? 7 : 15;
    const high = Math.min(Math.floor(tenths / 10), top);
    const low = tenths - high * 10;
    if (high < -signBit || low < 0 || low > 15) throw doesNotFit(value, name);
    return Uint8Array.of(((high & 15) << 4) | low);
  };
}
