import type { Compiling } from "../context/compiling.ts";
import { badValue } from "../payload-error.ts";
import { describe, numberOf, type Section, schemaError } from "../section.ts";
import { endianOf } from "./number.ts";
import type { Wire } from "./value-field.ts";

interface Part {
  readonly offset: bigint;
  readonly mask: bigint;
  readonly radix: 10 | 16;
}

/**
 * `bitfield_string`: groups of bits of one unsigned word in the schema's byte order, each as a number
 * in decimal or lower-case hex without leading zeros, joined to a text. Throws ConfigError.
 */
export function bitfieldStringWire(section: Section, context: Compiling): Wire {
  const length = section.whole("length", 1, 32) ?? 2;
  const prefix = section.text("prefix") ?? "";
  const delimiter = section.text("delimiter") ?? ".";
  const little = endianOf(section, context) === "little";
  const parts = (section.list("parts") ?? []).map((part, index) =>
    partOf(part, `${section.at("parts")}[${index}]`, length * 8),
  );
  if (parts.length === 0) throw schemaError(section.at("parts"), "a bitfield_string needs parts");
  return {
    kind: "text",
    read: (state, label) => {
      const at = state.take(length, label);
      const bytes = state.bytes.subarray(at, at + length);
      const word = wordOf(little ? bytes.toReversed() : bytes);
      const texts = parts.map(({ offset, mask, radix }) => ((word >> offset) & mask).toString(radix));
      return prefix + texts.join(delimiter);
    },
    write: (state, raw, given) => {
      const word = typeof raw === "string" && raw !== "" ? parse(raw, prefix, delimiter, parts) : 0n;
      const bytes = Buffer.from(word.toString(16).padStart(length * 2, "0"), "hex");
      state.put(little ? bytes.toReversed() : bytes, undefined, given);
    },
  };
}

function wordOf(bytes: Uint8Array): bigint {
  let word = 0n;
  for (const byte of bytes) word = (word << 8n) | BigInt(byte);
  return word;
}

function parse(text: string, prefix: string, delimiter: string, parts: readonly Part[]): bigint {
  const body = text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
  const texts = delimiter === "" ? [body] : body?.split(delimiter);
  if (body === undefined || texts?.length !== parts.length)
    throw badValue(`"${text}" is not ${parts.length} numbers joined by "${delimiter}" after "${prefix}"`);
  let word = 0n;
  for (const [index, { offset, mask, radix }] of parts.entries()) {
    const digits = texts[index] ?? "";
    if (!(radix === 16 ? /^[0-9a-f]{1,64}$/i : /^\d{1,80}$/).test(digits))
      throw badValue(`"${digits}" is no number`);
    const value = BigInt(radix === 16 ? `0x${digits}` : digits);
    if (value > mask) throw badValue(`${digits} does not fit its bits`);
    word |= value << offset;
  }
  return word;
}

function partOf(part: unknown, path: string, bits: number): Part {
  const [first, second, format = "decimal"] = Array.isArray(part) ? part : [];
  const offset = numberOf(first);
  const width = numberOf(second);
  if (!isCount(offset, 0) || !isCount(width, 1) || offset + width > bits)
    throw schemaError(path, `[offset, width] within ${bits} bits is needed here, not ${describe(part)}`);
  if (format !== "decimal" && format !== "hex")
    throw schemaError(path, `the format ${describe(format)} is neither decimal nor hex`);
  return {
    offset: BigInt(offset),
    mask: (1n << BigInt(width)) - 1n,
    radix: format === "hex" ? 16 : 10,
  };
}

function isCount(value: number | undefined, least: number): value is number {
  return value !== undefined && Number.isInteger(value) && value >= least;
}
