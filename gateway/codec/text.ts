import type { RawValue } from "../model/value.ts";
import { doesNotFit, type Reader, ValueError, type WireType, wrongKind } from "./wire-type.ts";

/**
 * Characters and plain bytes. A text ends at its first NUL and loses the blanks that pad it;
 * what is no character of its encoding comes back as U+FFFD. `hex` is lower case.
 */
export const textTypes: readonly WireType[] = [
  text("ascii", (bytes) => decodeAscii(bytes), encodeAscii),
  text("utf8", (bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), encodeUtf8),
  {
    name: "hex",
    kind: "text",
    size: undefined,
    signed: false,
    read: (places) => (bytes, offset) => Buffer.from(gather(bytes, offset, places)).toString("hex"),
    write: writeHex,
  },
  {
    name: "bytes",
    kind: "bytes",
    size: undefined,
    signed: false,
    read: (places) => (bytes, offset) => gather(bytes, offset, places),
    write: writeBytes,
  },
];

function text(
  name: string,
  decode: (bytes: Uint8Array) => string,
  encode: (text: string) => Uint8Array,
): WireType {
  const read = (places: readonly number[]): Reader => {
    return (bytes, offset) => {
      const all = gather(bytes, offset, places);
      const end = all.indexOf(0);
      return decode(end < 0 ? all : all.subarray(0, end)).replace(/ +$/, "");
    };
  };
  const write = (value: RawValue, size: number): Uint8Array => {
    if (typeof value !== "string") throw wrongKind(value, name);
    const encoded = encode(value);
    if (encoded.length > size) throw doesNotFit(value, `${size} bytes of ${name}`);
    const bytes = new Uint8Array(size);
    bytes.set(encoded);
    return bytes;
  };
  return { name, kind: "text", size: undefined, signed: false, read, write };
}

function gather(bytes: Uint8Array, offset: number, places: readonly number[]): Uint8Array {
  const found = new Uint8Array(places.length);
  for (let index = 0; index < places.length; index += 1) found[index] = bytes[offset + places[index]!]!;
  return found;
}

function decodeAscii(bytes: Uint8Array): string {
  return String.fromCharCode(...Array.from(bytes, (byte) => (byte < 0x80 ? byte : 0xfffd)));
}

function encodeAscii(value: string): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a text, so it cannot be inside one
  if (!/^[\x01-\x7f]*$/.test(value)) throw doesNotFit(JSON.stringify(value), "ascii");
  return Buffer.from(value, "latin1");
}

function encodeUtf8(value: string): Uint8Array {
  if (value.includes("\0") || !value.isWellFormed()) throw doesNotFit(JSON.stringify(value), "utf8");
  return new TextEncoder().encode(value);
}

function writeHex(value: RawValue, size: number): Uint8Array {
  if (typeof value !== "string") throw wrongKind(value, "hex");
  const digits = value.replace(/ /g, "");
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
    throw new ValueError(`"${value}" is not pairs of hex digits`, { code: "bad-digit" });
  }
  return exactly(Buffer.from(digits, "hex"), size);
}

function writeBytes(value: RawValue, size: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongKind(value, "bytes");
  return exactly(value, size);
}

/** Plain bytes have no padding that a reader could tell from content. */
function exactly(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length !== size) {
    throw new ValueError(`${bytes.length} bytes given, ${size} needed`, { code: "does-not-fit" });
  }
  return Uint8Array.from(bytes);
}
