import { GatewayError } from "../model/errors.ts";
import type { RawValue } from "../model/value.ts";

/**
 * The bytes do not hold a value of their type, or the value does not fit its type: nothing was read
 * or written. Codes: `bad-digit`, `not-an-integer`, `does-not-fit`, `wrong-kind`, `needs-current`,
 * `too-short`.
 */
export class ValueError extends GatewayError {}

/** What a wire type yields; `bytes` is a Uint8Array. */
export type Kind = "integer" | "float" | "boolean" | "text" | "bytes";

/** Reads one value whose first wire byte is at `offset`. */
export type Reader = (bytes: Uint8Array, offset: number) => RawValue;

/** One row of the table of wire types: all that is known about a type stands in its row. */
export interface WireType {
  readonly name: string;
  readonly kind: Kind;
  /** Bytes of the value itself; undefined where the layout's `length` says it. */
  readonly size: number | undefined;
  /** Whether negative values are possible: then padding is the sign, and bit ranges make no sense. */
  readonly signed: boolean;
  /** A reader for bytes that lie at `places` from the offset: most significant, or first, byte first. */
  read(places: readonly number[]): Reader;
  /** The value's `size` bytes, most significant, or first, byte first. Throws ValueError. */
  write(value: RawValue, size: number): Uint8Array;
}

/** An integer of any of our kinds as a bigint. Throws ValueError unless it is one. */
export function integerOf(value: RawValue, type: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value !== "number") throw wrongKind(value, type);
  if (!Number.isInteger(value)) {
    throw new ValueError(`${value} is not an integer, as ${type} needs`, { code: "not-an-integer" });
  }
  return BigInt(value);
}

export function wrongKind(value: RawValue, type: string): ValueError {
  const given = value instanceof Uint8Array ? "bytes" : typeof value;
  return new ValueError(`${type} cannot hold a ${given}`, { code: "wrong-kind" });
}

export function doesNotFit(value: RawValue, type: string): ValueError {
  return new ValueError(`${String(value)} does not fit ${type}`, { code: "does-not-fit" });
}
