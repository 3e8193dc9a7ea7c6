import { narrow } from "../model/decimal.ts";
import type { RawValue } from "../model/value.ts";
import { bytesOf } from "./integers.ts";
import { type Layout, parseType, type ResolvedLayout, resolveLayout } from "./layout.ts";
import { integerOf, type Kind, type Reader, ValueError, wrongKind } from "./wire-type.ts";

export { encodingNames, type Layout, type ParsedType, parseType, typeNames } from "./layout.ts";
export { orderNames } from "./order.ts";
export { type Kind, type Reader, ValueError } from "./wire-type.ts";

/**
 * Turns a value into its bytes on the wire: `wireSize(layout)` of them. Where the layout is partial
 * (a bit range, one bit, one half of a register), `current` are the bytes that are there now and
 * what else they hold is kept. Throws ValueError: nothing is ever cut, rounded or wrapped to fit.
 * Floats are rounded to their own precision.
 */
export type Writer = (value: RawValue, current?: Uint8Array) => Uint8Array;

/** Bytes that a value of this layout takes on the wire; even in registers. Throws ConfigError. */
export function wireSize(layout: Layout): number {
  return resolveLayout(layout).wireSize;
}

/** What a reader of this layout yields. Throws ConfigError. */
export function layoutKind(layout: Layout): Kind {
  return layout.bit === undefined ? parseType(layout.type).type.kind : "boolean";
}

/** Whether writing this layout must know the bytes that are there now. Throws ConfigError. */
export function isPartial(layout: Layout): boolean {
  return resolveLayout(layout).partial;
}

/**
 * Compiles a layout into a reader: `reader(bytes, offset)` reads one value whose first byte on the
 * wire is at `offset` (for Modbus: the register data as it came). Integers beyond 2^53 come as
 * bigint, others as number.
 * Compiling throws ConfigError; reading throws ValueError when bytes are missing (`too-short`) or
 * hold no value (`bad-digit`).
 */
export function compileReader(layout: Layout): Reader {
  const resolved = resolveLayout(layout);
  const { wireSize } = resolved;
  const read = valueReader(layout, resolved);
  return (bytes, offset) => {
    if (offset < 0 || offset + wireSize > bytes.length) throw tooShort(bytes.length - offset, wireSize);
    return read(bytes, offset);
  };
}

/** Compiles a layout into a writer, the inverse of its reader. Compiling throws ConfigError. */
export function compileWriter(layout: Layout): Writer {
  const resolved = resolveLayout(layout);
  const { type, size, wireSize, places, padding, encoding, partial } = resolved;
  const boolean = layout.bit !== undefined;
  return (value, current) => {
    if (partial) {
      if (!current)
        throw new ValueError(`a write of ${layout.type} needs the bytes around it`, {
          code: "needs-current",
        });
      if (current.length !== wireSize) throw tooShort(current.length, wireSize);
    }
    const wire = partial && current ? Uint8Array.from(current) : new Uint8Array(wireSize);
    const bytes =
      resolved.bits || encoding
        ? bytesOf(rawBits(boolean ? numberOfBoolean(value) : value, layout, resolved, wire), size)
        : type.write(value, size);
    places.forEach((place, index) => {
      wire[place] = bytes[index]!;
    });
    // A register that holds a short signed number holds its sign in full, as a wider one would.
    if (!partial && !encoding && type.kind === "integer" && type.signed && bytes[0]! >= 0x80) {
      for (const place of padding) wire[place] = 0xff;
    }
    return wire;
  };
}

function valueReader(layout: Layout, resolved: ResolvedLayout): Reader {
  const { type, size, places, bits, encoding } = resolved;
  if (!bits && !encoding) return type.read(places);
  const unsigned = unsignedReader(size, places);
  const [low, high] = bits ?? [0, size * 8 - 1];
  const extract = extractor(unsigned, low, high);
  if (layout.bit !== undefined) return (bytes, offset) => extract(bytes, offset) === 1;
  if (!encoding) return extract;
  const width = high - low + 1;
  return (bytes, offset) => narrow(encoding.decode(BigInt(extract(bytes, offset)), width));
}

type IntegerReader = (bytes: Uint8Array, offset: number) => number | bigint;

/** The bits themselves, whatever the type makes of them. */
function unsignedReader(size: number, places: readonly number[]): IntegerReader {
  const read = parseType(`u${size * 8}`).type.read(places);
  return (bytes, offset) => {
    const raw = read(bytes, offset);
    if (typeof raw !== "number" && typeof raw !== "bigint") throw wrongKind(raw, "a bit range");
    return raw;
  };
}

function extractor(read: IntegerReader, low: number, high: number): IntegerReader {
  const width = high - low + 1;
  const divisor = 2 ** low;
  const modulus = 2 ** width;
  return (bytes, offset) => {
    const raw = read(bytes, offset);
    // Division by a power of two is exact, so doubles do for everything that is safe in one.
    if (typeof raw === "number") return Math.floor(raw / divisor) % modulus;
    return narrow(BigInt.asUintN(width, raw >> BigInt(low)));
  };
}

/** The whole base integer with the value put into its bits, the others as they are in `wire`. */
function rawBits(value: RawValue, layout: Layout, resolved: ResolvedLayout, wire: Uint8Array): bigint {
  const { size, places, bits, encoding } = resolved;
  const [low, high] = bits ?? [0, size * 8 - 1];
  const width = high - low + 1;
  const whole = integerOf(value, layout.type);
  const field = encoding ? encoding.encode(whole, width) : whole;
  if (BigInt.asUintN(width, field) !== field) {
    throw new ValueError(`${whole} does not fit ${width} bits`, { code: "does-not-fit" });
  }
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(low);
  return (BigInt(unsignedReader(size, places)(wire, 0)) & ~mask) | (field << BigInt(low));
}

function numberOfBoolean(value: RawValue): number {
  if (typeof value !== "boolean") throw wrongKind(value, "bool");
  return value ? 1 : 0;
}

function tooShort(given: number, needed: number): ValueError {
  return new ValueError(`${given} bytes given, ${needed} needed`, { code: "too-short" });
}
