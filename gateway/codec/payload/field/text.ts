import type { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import { maxPayloadBytes } from "../context/encoding.ts";
import { badValue } from "../payload-error.ts";
import { describe, type Section, schemaError } from "../section.ts";
import type { Wire } from "./value-field.ts";

interface TextType {
  readonly kind: "text" | "bytes";
  decode(bytes: Buffer): string;
  /** Throws PayloadError. */
  encode(value: unknown, length: number | undefined, state: Encoding): Uint8Array;
}

const trailingNuls = /\0+$/;

/** One row per type of text or bytes. */
const types: Readonly<Record<string, TextType>> = {
  ascii: {
    kind: "text",
    decode: (bytes) => {
      const text = bytes.toString("latin1");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is legal here
      return text.replace(/[^\x00-\x7f]/g, "\ufffd").replace(trailingNuls, "");
    },
    encode: (value, length, state) => {
      const text = textOf(value);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is legal here
      if (!/^[\x00-\x7f]*$/.test(text)) throw badValue(`${JSON.stringify(text)} is not ASCII`);
      return sizedText(text, length, state);
    },
  },
  string: {
    kind: "text",
    decode: (bytes) => bytes.toString("utf8").replace(trailingNuls, ""),
    encode: (value, length, state) => sizedText(textOf(value), length, state),
  },
  hex: { kind: "bytes", decode: (bytes) => bytes.toString("hex"), encode: encodeHex },
  "hex:upper": { kind: "bytes", decode: (bytes) => bytes.toString("hex").toUpperCase(), encode: encodeHex },
  base64: {
    kind: "text",
    decode: (bytes) => bytes.toString("base64"),
    encode: (value, length, state) => {
      const text = textOf(value);
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw badValue("this is not base64");
      return sized(Buffer.from(text, "base64"), length, state);
    },
  },
};

/** The length of a field: bytes, or undefined for all that is left. Throws ConfigError. */
export function lengthOf(section: Section, otherwise: number): number | undefined {
  const written = section.get("length");
  if (written === "remaining") return undefined;
  if (typeof written === "string" && written.startsWith("$"))
    throw schemaError(section.at("length"), "a length from a variable is not in the language");
  return section.whole("length", 0, maxPayloadBytes) ?? otherwise;
}

/** `ascii`, `string`, `hex`, `bytes`, `base64`. Undefined when `type` is none of them. Throws ConfigError. */
export function textWire(type: string, section: Section): Wire | undefined {
  const row = type === "bytes" ? bytesType(section) : Object.hasOwn(types, type) ? types[type] : undefined;
  if (!row) return undefined;
  const length = lengthOf(section, 1);
  return {
    kind: row.kind,
    read: (state, label) => {
      const at = length === undefined ? rest(state) : state.take(length, label);
      return row.decode(state.buffer.subarray(at, state.pos));
    },
    write: (state, raw, given) => state.put(row.encode(raw, length, state), undefined, given),
  };
}

function rest(state: Decoding): number {
  const at = state.pos;
  state.pos = Math.max(at, state.end);
  return Math.min(at, state.end);
}

function bytesType(section: Section): TextType {
  const format = section.word("format", ["hex", "hex:upper", "base64"]) ?? "hex";
  const separator = section.text("separator");
  const row = types[format]!;
  if (separator === undefined || format === "base64") return row;
  return {
    kind: "bytes",
    decode: (bytes) => (row.decode(bytes).match(/../g) ?? []).join(separator),
    encode: (value, length, state) =>
      encodeHex(
        typeof value === "string" && separator !== "" ? value.replaceAll(separator, "") : value,
        length,
        state,
      ),
  };
}

function encodeHex(value: unknown, length: number | undefined, state: Encoding): Uint8Array {
  const digits = textOf(value).replace(/[ :-]/g, "");
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits))
    throw badValue(`${JSON.stringify(digits.slice(0, 60))} is not hex`);
  return sized(Buffer.from(digits, "hex"), length, state);
}

/** Cuts at a whole character, pads with NULs. */
function sizedText(text: string, length: number | undefined, state: Encoding): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  if (length === undefined || bytes.length <= length) return sized(bytes, length, state);
  let end = length;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  state.inexact = true;
  state.warnings.push(`${JSON.stringify(text.slice(0, 60))} is cut to ${length} bytes`);
  return sized(bytes.subarray(0, end), length, state);
}

function sized(bytes: Uint8Array, length: number | undefined, state: Encoding): Uint8Array {
  if (length === undefined || bytes.length === length) return bytes;
  if (bytes.length > length) {
    state.inexact = true;
    state.warnings.push(`${bytes.length} bytes are cut to ${length}`);
  }
  const fitted = new Uint8Array(length);
  fitted.set(bytes.subarray(0, length));
  return fitted;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw badValue(`${describe(value)} is not a text`);
}
