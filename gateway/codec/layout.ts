import { ConfigError } from "../model/errors.ts";
import { type Encoding, encodings } from "./encoding.ts";
import { floatTypes } from "./floats.ts";
import { integerTypes } from "./integers.ts";
import { numberPlaces, parseOrder, textPlaces } from "./order.ts";
import { textTypes } from "./text.ts";
import { type Reader, type WireType, wrongKind } from "./wire-type.ts";

/** How one value lies in bytes, in the words of a profile. */
export interface Layout {
  /** A name of `typeNames`, or a bit range of an unsigned one: `u16[4:11]`, bit 0 the least significant, both ends included. */
  readonly type: string;
  /**
   * What the device counts in. In `registers` every value takes whole 16-bit words: one byte lies in
   * the low half of its register, three bytes at the low end of two. In `bytes` it takes what it needs.
   */
  readonly cells: "registers" | "bytes";
  /** A word of `orderNames`; most significant byte first when absent. */
  readonly order?: string | undefined;
  /** Bytes of the value; needed by bcd, ascii, utf8, hex and bytes, refused by the others. */
  readonly length?: number | undefined;
  /** A word of `encodingNames`; integers only. */
  readonly encoding?: string | undefined;
  /** Registers only: the half that holds the value (8-bit types) or the one character of each register (texts). The other half belongs to something else. */
  readonly byte?: "low" | "high" | undefined;
  /** `bool` only: the bit that is meant, 0 the least significant. Absent: anything but 0 is true. */
  readonly bit?: number | undefined;
}

/** Longest value in bytes: more than any frame of the protocols that use layouts carries. */
const maxLength = 1024;
/** More decimal digits than any counter has; keeps the arithmetic short. */
const maxDigitBytes = 16;

const boolType: WireType = {
  name: "bool",
  kind: "boolean",
  size: undefined,
  signed: false,
  read(places): Reader {
    return (bytes, offset) => places.some((place) => bytes[offset + place] !== 0);
  },
  write(value, size) {
    if (typeof value !== "boolean") throw wrongKind(value, "bool");
    const bytes = new Uint8Array(size);
    bytes[size - 1] = value ? 1 : 0;
    return bytes;
  },
};

const types: ReadonlyMap<string, WireType> = new Map(
  [...integerTypes, ...floatTypes, boolType, ...textTypes].map((type) => [type.name, type]),
);
const encodingByName: ReadonlyMap<string, Encoding> = new Map(encodings.map((row) => [row.name, row]));

export const typeNames: readonly string[] = [...types.keys()];

/** The type that a datasheet means by another name; undefined when nobody can tell. */
function ownName(text: string): string | undefined {
  const [, word = "", bits = ""] = /^([a-z_]*?)_?(\d*)(?:_t)?$/.exec(text.toLowerCase()) ?? [];
  const plain: Readonly<Record<string, string>> = {
    word: "u16",
    dword: "u32",
    short: "s16",
    float: "f32",
    real: "f32",
    double: "f64",
    boolean: "bool",
    bit: "bool",
    string: "ascii",
    char: "ascii",
  };
  const family: Readonly<Record<string, string>> = {
    uint: "u",
    unsigned: "u",
    int: "s",
    i: "s",
    sint: "s",
    signed: "s",
    float: "f",
    real: "f",
  };
  const name = bits === "" ? plain[word] : `${family[word] ?? ""}${bits}`;
  return name !== undefined && types.has(name) ? name : undefined;
}
export const encodingNames: readonly string[] = [...encodingByName.keys()];

export interface ParsedType {
  readonly type: WireType;
  /** Lowest and highest bit, both included. */
  readonly bits?: readonly [low: number, high: number] | undefined;
}

/** Reads `u16` or `u16[4:11]`. Throws ConfigError `unknown-type` or `bad-bit-range`. */
export function parseType(text: string): ParsedType {
  const match = /^([a-z]+\d*)(?:\[(\d{1,2}):(\d{1,2})\])?$/.exec(text);
  const type = match?.[1] === undefined ? undefined : types.get(match[1]);
  if (!match || !type) {
    const meant = ownName(text);
    const offered = `one of ${typeNames.join(" ")}, or a bit range such as u16[4:11]`;
    throw new ConfigError(`unknown type "${text}"`, {
      code: "unknown-type",
      hint: meant === undefined ? offered : `did you mean "${meant}"? (${offered})`,
    });
  }
  if (match[2] === undefined) return { type };
  const low = Number(match[2]);
  const high = Number(match[3]);
  if (type.kind !== "integer" || type.signed || type.size === undefined) {
    throw badRange(text, "bit ranges are of unsigned integers");
  }
  if (low > high) throw badRange(text, "write the lower bit first");
  if (high >= type.size * 8) throw badRange(text, `bits of ${type.name} are 0 to ${type.size * 8 - 1}`);
  return { type, bits: [low, high] };
}

function badRange(text: string, hint: string): ConfigError {
  return new ConfigError(`"${text}" is not a bit range`, { code: "bad-bit-range", hint });
}

/** A layout with every word looked up: what readers and writers are compiled from. */
export interface ResolvedLayout {
  readonly type: WireType;
  /** Bytes of the value. */
  readonly size: number;
  /** Bytes on the wire, padding included. */
  readonly wireSize: number;
  /** Offsets of the value's bytes, most significant, or first, byte first. */
  readonly places: readonly number[];
  /** Offsets of bytes that are not the value's. */
  readonly padding: readonly number[];
  readonly bits: readonly [low: number, high: number] | undefined;
  readonly encoding: Encoding | undefined;
  /** Whether bits on the wire belong to something else, so that a write must know what is there now. */
  readonly partial: boolean;
}

/** Checks a layout and looks its words up. Throws ConfigError with a code per mistake. */
export function resolveLayout(layout: Layout): ResolvedLayout {
  const parsed = parseType(layout.type);
  const named = layout.bit === undefined ? parsed : bitOfCell(layout, parsed.type, layout.bit);
  const { type, bits } = named;
  const registers = layout.cells === "registers";
  const size = sizeOf(layout, type);
  const characters = type.kind === "text" || type.kind === "bytes";
  if (layout.byte !== undefined && !(registers && (size === 1 || characters))) {
    throw new ConfigError(`byte: ${layout.byte} does not apply to ${layout.type} in ${layout.cells}`, {
      code: "byte-not-applicable",
      hint: "it picks the half of a register for 8-bit types and texts",
    });
  }
  const encoding = encodingOf(layout, type, bits ? bits[1] - bits[0] + 1 : size * 8);
  const { wireSize, places } = characters ? textLayout(layout, size) : numberLayout(layout, size);
  const used = new Set(places);
  const padding = Array.from({ length: wireSize }, (_, index) => index).filter((index) => !used.has(index));
  const partial = bits !== undefined || (layout.byte !== undefined && !characters);
  return { type, size, wireSize, places, padding, bits, encoding, partial };
}

function bitOfCell(layout: Layout, type: WireType, bit: number): ParsedType {
  if (type !== boolType) {
    throw new ConfigError(`bit: ${bit} needs the type bool`, {
      code: "bit-needs-bool",
      hint: `type: bool, or the range ${type.name}[${bit}:${bit}] for a number`,
    });
  }
  return parseType(`${layout.cells === "registers" ? "u16" : "u8"}[${bit}:${bit}]`);
}

function sizeOf(layout: Layout, type: WireType): number {
  const { length } = layout;
  if (type.size !== undefined) {
    if (length === undefined) return type.size;
    throw new ConfigError(`${type.name} has a length of its own (${type.size})`, {
      code: "length-not-applicable",
    });
  }
  if (type === boolType && length === undefined) return layout.cells === "registers" ? 2 : 1;
  const longest = type.kind === "integer" ? maxDigitBytes : maxLength;
  if (length === undefined || !Number.isInteger(length) || length < 1 || length > longest) {
    throw new ConfigError(`${type.name} needs a length of 1 to ${longest} bytes`, { code: "length-missing" });
  }
  return length;
}

function encodingOf(layout: Layout, type: WireType, bits: number): Encoding | undefined {
  if (layout.encoding === undefined) return undefined;
  const encoding = encodingByName.get(layout.encoding);
  if (!encoding) {
    throw new ConfigError(`unknown encoding "${layout.encoding}"`, {
      code: "unknown-encoding",
      hint: `one of ${encodingNames.join(" ")}`,
    });
  }
  if (type.kind !== "integer" || type.size === undefined || bits % encoding.group !== 0) {
    throw new ConfigError(`${encoding.name} does not apply to ${layout.type}`, {
      code: "encoding-not-applicable",
      hint: `it needs an integer whose bits are a multiple of ${encoding.group}`,
    });
  }
  return encoding;
}

function numberLayout(layout: Layout, size: number): { wireSize: number; places: number[] } {
  const wireSize = layout.cells === "registers" ? size + (size % 2) : size;
  const all = numberPlaces(parseOrder(layout.order ?? "ABCD", wireSize), wireSize);
  const places = layout.byte === "high" ? all.slice(0, size) : all.slice(wireSize - size);
  return { wireSize, places };
}

function textLayout(layout: Layout, size: number): { wireSize: number; places: number[] } {
  // Outside registers there are no words whose bytes could be swapped.
  if (layout.cells === "bytes") {
    parseOrder(layout.order ?? "AB", 2);
    return { wireSize: size, places: Array.from({ length: size }, (_, index) => index) };
  }
  const wireSize = layout.byte === undefined ? size + (size % 2) : size * 2;
  const all = textPlaces(parseOrder(layout.order ?? "AB", 2), wireSize);
  if (layout.byte === undefined) return { wireSize, places: all.slice(0, size) };
  const half = layout.byte === "high" ? 0 : 1;
  return { wireSize, places: all.filter((_, index) => index % 2 === half) };
}
