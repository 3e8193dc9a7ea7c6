import type { RawValue } from "../model/value.ts";
import { bytesOf, read32 } from "./integers.ts";
import { doesNotFit, type Reader, type WireType, wrongKind } from "./wire-type.ts";

/** IEEE 754 binary16, binary32 and binary64. NaN and the infinities are values of these types. */
export const floatTypes: readonly WireType[] = [
  { name: "f16", kind: "float", size: 2, signed: true, read: readHalf, write: writeHalf },
  { name: "f32", kind: "float", size: 4, signed: true, read: readSingle, write: writeSingle },
  { name: "f64", kind: "float", size: 8, signed: true, read: readDouble, write: writeDouble },
];

const scratch = new DataView(new ArrayBuffer(8));

function readHalf(places: readonly number[]): Reader {
  const [a = 0, b = 0] = places;
  return (bytes, offset) => halfToNumber((bytes[offset + a]! << 8) | bytes[offset + b]!);
}

function readSingle(places: readonly number[]): Reader {
  const bits = read32(places);
  return (bytes, offset) => {
    scratch.setUint32(0, bits(bytes, offset));
    return scratch.getFloat32(0);
  };
}

function readDouble(places: readonly number[]): Reader {
  const high = read32(places);
  const low = read32(places.slice(4));
  return (bytes, offset) => {
    scratch.setUint32(0, high(bytes, offset));
    scratch.setUint32(4, low(bytes, offset));
    return scratch.getFloat64(0);
  };
}

function writeHalf(value: RawValue): Uint8Array {
  const number = numberOf(value, "f16");
  const bits = numberToHalf(number);
  if (Number.isFinite(number) && (bits & 0x7c00) === 0x7c00) throw doesNotFit(value, "f16");
  return bytesOf(BigInt(bits), 2);
}

function writeSingle(value: RawValue): Uint8Array {
  const number = numberOf(value, "f32");
  if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) throw doesNotFit(value, "f32");
  scratch.setFloat32(0, number);
  return new Uint8Array(scratch.buffer.slice(0, 4));
}

function writeDouble(value: RawValue): Uint8Array {
  scratch.setFloat64(0, numberOf(value, "f64"));
  return new Uint8Array(scratch.buffer.slice(0, 8));
}

function numberOf(value: RawValue, type: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw wrongKind(value, type);
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Rounds to nearest, ties to even. */
function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // Weight of the last fraction bit; below 2^-14 all subnormals share one.
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const count = roundToEven(magnitude / 2 ** (exponent - 10));
  // A count of 2048 carries into the exponent by itself, as 1024 does from subnormal to normal.
  return sign | (((exponent + 14) << 10) + count);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
