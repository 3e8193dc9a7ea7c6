import { type Encoding as DigitEncoding, encodings } from "../../encoding.ts";
import { floatTypes } from "../../floats.ts";
import { integerTypes } from "../../integers.ts";
import type { WireType } from "../../wire-type.ts";
import type { Compiling, Endian } from "../context/compiling.ts";
import type { Encoding } from "../context/encoding.ts";
import type { Raw } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { describe, type Section, schemaError } from "../section.ts";
import { wholeHalfEven } from "../value/rounding.ts";
import type { Wire } from "./value-field.ts";

const rows = new Map(
  [...integerTypes, ...floatTypes].flatMap((row) =>
    row.size === undefined ? [] : [[row.name, row] as const],
  ),
);
const aliases: Readonly<Record<string, string>> = { float: "f32", double: "f64" };
/** Two big-endian 16-bit words, low word first, whatever `endian` says. */
const lowWordFirst = [2, 3, 0, 1];

/** A number on the wire: its row in the table of wire types, and where each byte lies. */
export interface NumberType {
  readonly row: WireType;
  readonly size: number;
  readonly places: readonly number[];
}

/** `u16`, `int8`, `f32`, `u32le16`, `le_u24`...; undefined when the type is none of them. */
export function numberType(type: string, endian: Endian): NumberType | undefined {
  const worded = /^([us]32)le16$/.exec(type);
  if (worded) return { row: rows.get(worded[1]!)!, size: 4, places: lowWordFirst };
  const [, prefix, bare = ""] = /^(?:(le|be)_)?(.+)$/.exec(type) ?? [];
  const name = aliases[bare] ?? bare.replace(/^uint(?=\d)/, "u").replace(/^(int|i)(?=\d)/, "s");
  const row = rows.get(name);
  const size = row?.size;
  if (!row || size === undefined) return undefined;
  const order = prefix === "le" ? "little" : prefix === "be" ? "big" : endian;
  const places = Array.from({ length: size }, (_, index) => (order === "big" ? index : size - 1 - index));
  return { row, size, places };
}

/** The byte order of one field: its own, or the schema's. */
export function endianOf(section: Section, context: Compiling): Endian {
  return section.word("endian", ["big", "little"]) ?? context.endian;
}

/** Undefined when `type` is no number type. Throws ConfigError. */
export function numberWire(type: string, section: Section, context: Compiling): Wire | undefined {
  const found = numberType(type, endianOf(section, context));
  if (!found) return undefined;
  const { row, size, places } = found;
  const encoding = encodingOf(section, found);
  if (encoding) return encodedWire(encoding, found);
  const read = row.read(places);
  const integer = row.kind === "integer";
  return {
    kind: integer ? "integer" : "number",
    bits: { width: size * 8, signed: integer && row.signed },
    // The table's integers and floats are numbers and bigints only.
    read: (state, label) => read(state.bytes, state.take(size, label)) as number | bigint,
    write: (state, raw, given) => {
      const value = integer
        ? wholeOf(state, raw)
        : row.name.endsWith("dec")
          ? tenthsOf(state, raw)
          : floatOf(raw);
      state.put(row.write(value, size), places, given);
    },
  };
}

function encodingOf(section: Section, { row, size }: NumberType): DigitEncoding | undefined {
  const word = section.text("encoding");
  if (word === undefined) return undefined;
  const encoding = encodings.find((one) => one.name === word);
  if (!encoding)
    throw schemaError(
      section.at("encoding"),
      `"${word}" is none of ${encodings.map((one) => one.name).join(", ")}`,
    );
  if (row.kind !== "integer" || (size * 8) % encoding.group !== 0)
    throw schemaError(section.at("encoding"), `${word} does not go with the type ${section.text("type")}`);
  return encoding;
}

/** The bits are read as unsigned whatever the type's sign, and the encoding makes the number. */
function encodedWire(encoding: DigitEncoding, { size, places }: NumberType): Wire {
  const row = rows.get(`u${size * 8}`)!;
  const read = row.read(places);
  const bits = size * 8;
  return {
    kind: "integer",
    read: (state, label) => {
      const at = state.take(size, label);
      const value = encoding.decode(BigInt(read(state.bytes, at) as number | bigint), bits);
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value;
    },
    write: (state, raw, given) =>
      state.put(row.write(encoding.encode(BigInt(wholeOf(state, raw)), bits), size), places, given),
  };
}

/** The whole number that is written for a raw value, rounded half to even. Throws PayloadError. */
export function wholeOf(state: Encoding, raw: Raw): number | bigint {
  if (typeof raw === "bigint") return raw;
  const number = floatOf(raw);
  const whole = wholeHalfEven(number);
  // What is left of a decimal after its way through doubles is no loss.
  if (Math.abs(number - whole) > 1e-6 + Math.abs(number) * 1e-9) state.inexact = true;
  if (!Number.isFinite(whole)) throw badValue(`${number} is not a number that can be written`);
  return whole + 0;
}

function tenthsOf(state: Encoding, raw: Raw): number {
  const tenths = floatOf(raw) * 10;
  return Number(wholeOf(state, tenths)) / 10;
}

function floatOf(raw: Raw): number {
  if (typeof raw === "number") return raw;
  if (typeof raw === "bigint" || typeof raw === "boolean") return Number(raw);
  throw badValue(`${describe(raw)} is not a number`);
}
