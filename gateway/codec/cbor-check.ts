import { isUtf8 } from "node:buffer";
import { Decoder } from "cbor-x";
import { FormatError } from "./format-error.ts";

/** How much of a stranger's CBOR is looked at. */
export interface CborLimits {
  readonly maxBytes: number;
  /** Arrays, maps and tags inside one another; a bare number has depth 0. */
  readonly maxDepth: number;
  /** Data items of every kind, keys and containers included. */
  readonly maxItems: number;
  /** Tags that may occur; none unless said. */
  readonly tags?: readonly number[] | undefined;
}

/** What a decoded item can be when no tag is allowed. Integers whose encoding has 64 bits come as bigint. */
export type DecodedCbor =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | DecodedCbor[]
  | Map<number | bigint | string, DecodedCbor>;

interface Container {
  /** Items that must still come. */
  left: number;
  /** Keys seen so far, or undefined for an array or a tag. */
  readonly keys: Set<string> | undefined;
  /** Whether the next item of a map is a key. */
  key: boolean;
}

/**
 * One pass over untrusted bytes, without recursion and without building anything: exactly one
 * well-formed item (RFC 8949) within the limits. Map keys are integers or text, none twice; text is
 * valid UTF-8; no indefinite lengths; of the simple values only false, true and null. Longer forms of
 * a length than needed are taken: common encoders write them.
 *
 * Throws FormatError with code `cbor-too-large`, `cbor-too-deep`, `cbor-too-many-items`,
 * `cbor-truncated`, `cbor-trailing-bytes`, `cbor-reserved`, `cbor-indefinite-length`, `cbor-tag`,
 * `cbor-key`, `cbor-duplicate-key`, `cbor-text` or `cbor-simple-value`.
 */
export function checkCbor(bytes: Uint8Array, limits: CborLimits): void {
  if (bytes.length > limits.maxBytes) {
    throw refuse("cbor-too-large", `${bytes.length} bytes of CBOR, at most ${limits.maxBytes} allowed`, 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open: Container[] = [];
  let top: Container | undefined;
  let at = 0;
  let items = 0;
  do {
    const start = at;
    if (at >= bytes.length) throw truncated(start);
    if (++items > limits.maxItems) {
      throw refuse("cbor-too-many-items", `more than ${limits.maxItems} items`, start);
    }
    const major = bytes[at]! >> 5;
    const short = bytes[at]! & 0x1f;
    const size = short < 24 ? 0 : short < 28 ? 1 << (short - 24) : -1;
    if (short === 31) throw refuse("cbor-indefinite-length", "indefinite length", start);
    if (size < 0) throw refuse("cbor-reserved", "reserved length information", start);
    at += 1 + size;
    if (at > bytes.length) throw truncated(start);
    const argument =
      size === 0
        ? short
        : size === 1
          ? bytes[start + 1]!
          : size === 2
            ? view.getUint16(start + 1)
            : size === 4
              ? view.getUint32(start + 1)
              : view.getUint32(start + 1) * 0x100000000 + view.getUint32(start + 5);

    const isKey = top?.key === true;
    if (isKey && major !== 0 && major !== 1 && major !== 3) {
      throw refuse("cbor-key", "a map key that is neither integer nor text", start);
    }
    let opened: Container | undefined;
    if (major === 2 || major === 3) {
      if (argument > bytes.length - at) throw truncated(start);
      if (major === 3 && !isUtf8(bytes.subarray(at, at + argument))) {
        throw refuse("cbor-text", "text that is not UTF-8", start);
      }
      if (isKey) addKey(top?.keys, `"${text.toString("latin1", at, at + argument)}`, start);
      at += argument;
    } else if (major === 4 || major === 5) {
      const count = major === 4 ? argument : argument * 2;
      // Every item has at least one byte, so a length bomb ends here.
      if (count > bytes.length - at) throw truncated(start);
      opened = { left: count, keys: major === 5 ? new Set() : undefined, key: major === 5 };
    } else if (major === 6) {
      if (!limits.tags?.includes(argument)) throw refuse("cbor-tag", `tag ${argument}`, start);
      opened = { left: 1, keys: undefined, key: false };
    } else if (major === 7) {
      if (short < 20 || short === 23 || short === 24) {
        throw refuse("cbor-simple-value", `simple value ${argument}`, start);
      }
    } else if (isKey) {
      // The bytes of a 64-bit argument are compared exactly, the number is not.
      const exact = size === 8 ? view.getBigUint64(start + 1) : argument;
      addKey(top?.keys, `${major}${exact}`, start);
    }

    if (top) {
      top.left--;
      if (top.keys) top.key = !top.key;
    }
    if (opened) {
      if (open.length >= limits.maxDepth) {
        throw refuse("cbor-too-deep", `more than ${limits.maxDepth} levels`, start);
      }
      open.push(opened);
      top = opened;
    }
    while (top && top.left === 0) {
      open.pop();
      top = open.at(-1);
    }
  } while (top);
  if (at < bytes.length) {
    throw refuse("cbor-trailing-bytes", `${bytes.length - at} bytes after the end`, at);
  }
}

const decoder = new Decoder({ useRecords: false, mapsAsObjects: false, copyBuffers: true });

/** Checks untrusted bytes, then decodes them; maps come as Map, so no key can touch a prototype. Throws FormatError. */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): DecodedCbor {
  checkCbor(bytes, limits);
  return decoder.decode(bytes);
}

function addKey(keys: Set<string> | undefined, key: string, at: number): void {
  if (!keys) return;
  if (keys.has(key)) throw refuse("cbor-duplicate-key", "a map key twice", at);
  keys.add(key);
}

function truncated(at: number): FormatError {
  return refuse("cbor-truncated", "the bytes end in the middle of an item", at);
}

function refuse(code: string, what: string, at: number): FormatError {
  return new FormatError(`CBOR refused at byte ${at}: ${what}`, { code });
}
