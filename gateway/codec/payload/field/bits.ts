import { integerTypes } from "../../integers.ts";
import type { Encoding } from "../context/encoding.ts";
import type { Raw } from "../node.ts";
import { badValue, tooShort } from "../payload-error.ts";
import { describe, type Section, schemaError } from "../section.ts";
import { wholeOf } from "./number.ts";
import type { Wire } from "./value-field.ts";

const rangePattern = /^(le_|be_)?u(?:int)?(8|16|24|32|48|64)\[\s*(\d+)\s*:\s*(\d+)\s*\]$/;
const withdrawn = /\[|^bits|:/;
/** Bytes that `consume` may move the cursor. */
const maxConsume = 64;

/** Bytes of the word that a bit range looks into; undefined for other types. */
export function bitBase(type: string): number | undefined {
  const found = rangePattern.exec(type);
  return found ? Number(found[2]) / 8 : undefined;
}

/**
 * A bit range `uN[a:b]`: bits a to b of a big-endian word at the cursor, which moves only by
 * `consume`. Undefined when `type` is none. Throws ConfigError for ranges outside the word and for
 * spellings that the language has withdrawn.
 */
export function bitRangeWire(type: string, section: Section): Wire | undefined {
  const found = rangePattern.exec(type);
  if (!found) {
    if (withdrawn.test(type))
      throw schemaError(
        section.at("type"),
        `"${type}" is no bit range`,
        "write u8[0:3]: the lowest and the highest bit",
      );
    return undefined;
  }
  const width = Number(found[2]);
  const low = Number(found[3]);
  const high = Number(found[4]);
  if (high < low || high >= width)
    throw schemaError(section.at("type"), `${type} is no range of bits 0 to ${width - 1}, lowest first`);
  const size = width / 8;
  const little = found[1] === "le_";
  const count = high - low + 1;
  const consume = section.whole("consume", 0, maxConsume) ?? 0;
  const word = wordReader(size, little);
  const pick = picker(size, low, count);
  return {
    kind: "integer",
    read: (state, label) => {
      const at = state.pos;
      if (at + size > state.end) throw tooShort(label, size, state.end - at);
      const value = pick(word(state.bytes, at));
      if (consume > 0) state.pos = at + consume;
      return value;
    },
    write: (state, raw, given) => {
      const value = BigInt(wholeOf(state, raw));
      if (value < 0n || value >> BigInt(count) !== 0n) throw badValue(`${value} does not fit ${count} bits`);
      if (little) putLittle(state, size, low, count, value, given);
      else state.putBits(size, low, count, value, given);
      if (consume > 0) state.moveTo(state.pos + consume);
    },
  };
}

function wordReader(size: number, little: boolean): (bytes: Uint8Array, at: number) => number | bigint {
  if (size === 1) return (bytes, at) => bytes[at]!;
  if (size === 2 && !little) return (bytes, at) => bytes[at]! * 256 + bytes[at + 1]!;
  const places = Array.from({ length: size }, (_, index) => (little ? size - 1 - index : index));
  // Unsigned integers of the table are numbers and bigints only.
  return integerTypes.find((row) => row.name === `u${size * 8}`)!.read(places) as (
    bytes: Uint8Array,
    at: number,
  ) => number | bigint;
}

/** Bits `low` to `low + count - 1` of a word. */
function picker(size: number, low: number, count: number): (word: number | bigint) => number | bigint {
  if (size <= 3) {
    const mask = 2 ** count - 1;
    return (word) => (Number(word) >>> low) & mask;
  }
  const mask = (1n << BigInt(count)) - 1n;
  const shift = BigInt(low);
  return (word) => {
    const bits = (BigInt(word) >> shift) & mask;
    const number = Number(bits);
    return Number.isSafeInteger(number) ? number : bits;
  };
}

/** The same bits of a little-endian word, one by one: the bytes lie the other way round. */
function putLittle(
  state: Encoding,
  size: number,
  low: number,
  count: number,
  value: bigint,
  given: boolean,
): void {
  for (let bit = 0; bit < count; bit += 1) {
    const place = low + bit;
    const mirrored = (size - 1 - (place >> 3)) * 8 + (place & 7);
    state.putBits(size, mirrored, 1, (value >> BigInt(bit)) & 1n, given);
  }
}

/** `bool`: one bit of the byte at the cursor, which moves only by `consume`. Throws ConfigError. */
export function boolWire(section: Section): Wire {
  const bit = section.whole("bit", 0, 7) ?? 0;
  const consume = section.whole("consume", 0, maxConsume) ?? 0;
  return {
    kind: "boolean",
    read: (state, label) => {
      const at = state.pos;
      if (at >= state.end) throw tooShort(label, 1, 0);
      if (consume > 0) state.pos = at + consume;
      return ((state.bytes[at]! >> bit) & 1) === 1;
    },
    write: (state, raw, given) => {
      state.putBits(1, bit, 1, flag(raw), given);
      if (consume > 0) state.moveTo(state.pos + consume);
    },
  };
}

function flag(raw: Raw): bigint {
  if (raw === true || raw === 1 || raw === 1n) return 1n;
  if (raw === false || raw === 0 || raw === 0n) return 0n;
  throw badValue(`${describe(raw)} is neither true nor false`);
}
