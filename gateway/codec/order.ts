import { ConfigError } from "../model/errors.ts";

/** How a value's bytes lie on the wire, apart from most significant first. */
export interface ByteOrder {
  /** The two bytes of each 16-bit word change places. */
  readonly swapBytes: boolean;
  /** The word with the lowest weight comes first. */
  readonly swapWords: boolean;
}

/**
 * Every word that `order:` may hold. A is the byte of the highest weight, and the word is read in the
 * order of the wire: `CDAB` sends the low 16 bits first, each with its high byte first. Words of
 * four letters and more are a rule rather than a picture and fit values of every width.
 */
const orders: ReadonlyMap<string, ByteOrder> = new Map([
  ["AB", { swapBytes: false, swapWords: false }],
  ["BA", { swapBytes: true, swapWords: false }],
  ["ABCD", { swapBytes: false, swapWords: false }],
  ["CDAB", { swapBytes: false, swapWords: true }],
  ["BADC", { swapBytes: true, swapWords: false }],
  ["DCBA", { swapBytes: true, swapWords: true }],
  ["ABCDEF", { swapBytes: false, swapWords: false }],
  ["EFCDAB", { swapBytes: false, swapWords: true }],
  ["BADCFE", { swapBytes: true, swapWords: false }],
  ["FEDCBA", { swapBytes: true, swapWords: true }],
  ["ABCDEFGH", { swapBytes: false, swapWords: false }],
  ["GHEFCDAB", { swapBytes: false, swapWords: true }],
  ["BADCFEHG", { swapBytes: true, swapWords: false }],
  ["HGFEDCBA", { swapBytes: true, swapWords: true }],
]);

/** The words that `order:` may hold, for schemas and hints. */
export const orderNames: readonly string[] = [...orders.keys()];

/**
 * Reads an order word for a number of `size` bytes on the wire.
 * Throws ConfigError: `unknown-order`, or `ambiguous-order` when a two-letter word is given for more
 * than one 16-bit word (it would not say which word comes first).
 */
export function parseOrder(text: string, size: number): ByteOrder {
  const order = orders.get(text);
  if (!order) {
    throw new ConfigError(`unknown byte order "${text}"`, {
      code: "unknown-order",
      hint: `one of ${orderNames.join(", ")}`,
    });
  }
  if (text.length === 2 && size > 2) {
    throw new ConfigError(`byte order ${text} does not say which of ${size / 2} words comes first`, {
      code: "ambiguous-order",
      hint: text === "AB" ? "ABCD or CDAB" : "DCBA or BADC",
    });
  }
  return order;
}

/**
 * Offsets of a number's bytes on the wire, most significant first.
 * Throws ConfigError `order-needs-words` when an odd number of bytes is to be ordered by words.
 */
export function numberPlaces(order: ByteOrder, size: number): number[] {
  const places = Array.from({ length: size }, (_, index) => index);
  if (order.swapBytes && order.swapWords) return places.reverse();
  if (!order.swapBytes && !order.swapWords) return places;
  if (size === 1) return places;
  if (size % 2 === 1) {
    throw new ConfigError(`${size} bytes have no 16-bit words to order`, {
      code: "order-needs-words",
      hint: "ABCD (most significant byte first) or DCBA (least significant byte first)",
    });
  }
  return order.swapBytes
    ? places.map((place) => place ^ 1)
    : places.map((place) => size - 2 - (place & ~1) + (place & 1));
}

/** Offsets of the bytes of a text on the wire, first character first: a text has no word order. */
export function textPlaces(order: ByteOrder, size: number): number[] {
  return Array.from({ length: size }, (_, index) => (order.swapBytes ? index ^ 1 : index));
}
