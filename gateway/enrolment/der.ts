// The little of DER (ITU-T X.690) that a certificate request and an answer of certificates need.

/** One element as it stands in the bytes that were read. */
export interface Element {
  /** Identifier octet: class, constructed, number. */
  readonly tag: number;
  /** Tag, length and content. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag of a constructed context-specific element: `[number]`. */
export function context(number: number): number {
  return 0xa0 | number;
}

/** Bytes that are not DER, or not what was expected. */
export class DerError extends Error {}

/** More than any certificate or chain of ours. */
const maxBytes = 256 * 1024;
/** More than any list inside. */
const maxElements = 256;

/**
 * The elements that stand one behind the other in `bytes`. Definite lengths in their shortest form
 * only, no tag numbers above 30. Throws DerError.
 */
export function readElements(bytes: Uint8Array): Element[] {
  if (bytes.length > maxBytes) throw new DerError(`${bytes.length} bytes are too many`);
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (elements.length === maxElements) throw new DerError(`more than ${maxElements} elements in one`);
    const element = readOne(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** The only element of `bytes`; throws DerError for anything else. */
export function readElement(bytes: Uint8Array, tag?: number): Element {
  const [element, ...more] = readElements(bytes);
  if (!element || more.length > 0) throw new DerError("not one element");
  if (tag !== undefined) expectTag(element, tag);
  return element;
}

/** The elements inside one that must have this tag. */
export function inside(element: Element | undefined, tag: number): Element[] {
  return readElements(expectTag(element, tag).content);
}

export function expectTag(element: Element | undefined, tag: number): Element {
  if (element?.tag === tag) return element;
  const found = element === undefined ? "nothing" : `0x${element.tag.toString(16)}`;
  throw new DerError(`expected tag 0x${tag.toString(16)}, found ${found}`);
}

function readOne(bytes: Uint8Array, at: number): Element {
  const tag = bytes[at] ?? 0;
  if ((tag & 0x1f) === 0x1f) throw new DerError("a tag number above 30");
  const first = bytes[at + 1];
  if (first === undefined) throw new DerError("ends within a length");
  let length = first;
  let from = at + 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets < 1 || octets > 3) throw new DerError("a length of no definite or of too many octets");
    length = 0;
    for (let octet = 0; octet < octets; octet++) {
      const next = bytes[from++];
      if (next === undefined) throw new DerError("ends within a length");
      length = length * 256 + next;
    }
    if (length < (octets === 1 ? 0x80 : 256 ** (octets - 1))) throw new DerError("a length in a longer form");
  }
  if (from + length > bytes.length) throw new DerError("ends within an element");
  return { tag, whole: bytes.subarray(at, from + length), content: bytes.subarray(from, from + length) };
}

export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length > maxBytes) throw new DerError(`${length} bytes are too many`);
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const octets: number[] = [];
  for (let left = length; left > 0; left >>>= 8) octets.unshift(left & 0xff);
  return Buffer.concat([Buffer.from([tag, 0x80 | octets.length, ...octets]), content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(tags.sequence, ...parts);
}

/** Of whole bytes. */
export function bitString(bytes: Uint8Array): Buffer {
  return element(tags.bitString, Buffer.from([0]), bytes);
}

/** `2.5.4.3` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return element(tags.objectIdentifier, Buffer.from(octets));
}

/** Whether it is this object identifier. */
export function isIdentifier(found: Element | undefined, dotted: string): boolean {
  return found !== undefined && Buffer.compare(found.whole, objectIdentifier(dotted)) === 0;
}
