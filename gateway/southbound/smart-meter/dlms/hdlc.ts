import { crc16X25 } from "../../../codec/crc.ts";
import { FormatError } from "../../../codec/format-error.ts";

/** Flag between frames. */
export const flag = 0x7e;
const escapeByte = 0x7d;
/** Longest frame that its length field can say, without flags. */
export const maxFrameBytes = 0x7ff;
/** Format, two addresses of four bytes, control, HCS. */
const maxHeaderBytes = 13;

/** A frame of format type 3 (IEC 62056-46, 6.4.1). */
export interface HdlcFrame {
  /** More frames of the same content follow. */
  readonly segmented: boolean;
  readonly destination: number;
  readonly source: number;
  readonly control: number;
  /** Empty for frames without content. */
  readonly information: Uint8Array;
}

/** Bytes of the whole frame, without flags, as its first two bytes say; undefined when they are no format type 3. */
export function frameLength(bytes: Uint8Array, start = 0): number | undefined {
  const first = bytes[start] ?? 0;
  if (first >> 4 !== 0xa) return undefined;
  const length = ((first & 0x07) << 8) | (bytes[start + 1] ?? 0);
  return length >= 7 ? length : undefined;
}

/**
 * Whether `bytes` can still become a frame: format, addresses and HCS, as far as they are there.
 * Lets a deframer give up a false start after a dozen bytes.
 */
export function canBegin(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return true;
  if (bytes[0]! >> 4 !== 0xa) return false;
  if (bytes.length < 2) return true;
  const length = frameLength(bytes);
  if (length === undefined) return false;
  if (bytes.length < maxHeaderBytes && bytes.length < length) return true;
  const header = headerLength(bytes);
  if (header === undefined || header + 2 > length) return false;
  if (header + 2 === length) return true;
  return crc16X25(bytes, 0, header) === littleEndian(bytes, header);
}

/**
 * A frame without its flags, both checksums proved. Pure. Throws FormatError `bad-frame` or
 * `bad-checksum`.
 */
export function decodeHdlc(bytes: Uint8Array): HdlcFrame {
  const length = frameLength(bytes);
  if (length !== bytes.length)
    throw new FormatError("not an HDLC frame of format type 3", { code: "bad-frame" });
  const destination = address(bytes, 2);
  const source = destination && address(bytes, destination.next);
  if (!destination || !source || source.next + 3 > length)
    throw new FormatError("the addresses of an HDLC frame do not end", { code: "bad-frame" });
  const header = source.next + 1;
  if (crc16X25(bytes, 0, length - 2) !== littleEndian(bytes, length - 2))
    throw new FormatError("the FCS of an HDLC frame is wrong", { code: "bad-checksum" });
  const isEmpty = header + 2 === length;
  if (!isEmpty && (header + 4 > length || crc16X25(bytes, 0, header) !== littleEndian(bytes, header)))
    throw new FormatError("the HCS of an HDLC frame is wrong", { code: "bad-checksum" });
  return {
    segmented: (bytes[0]! & 0x08) !== 0,
    destination: destination.value,
    source: source.value,
    control: bytes[source.next]!,
    information: isEmpty ? new Uint8Array(0) : bytes.slice(header + 2, length - 2),
  };
}

/** Takes out byte stuffing (ISO/IEC 13239, 4.5.2.2): 7D, and the byte after it, bit 5 inverted. */
export function unstuff(bytes: Uint8Array): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === escapeByte) at += 1;
    if (at < bytes.length) plain[length++] = byte === escapeByte ? bytes[at]! ^ 0x20 : byte;
  }
  return plain.subarray(0, length);
}

function headerLength(bytes: Uint8Array): number | undefined {
  const destination = address(bytes, 2);
  const source = destination && address(bytes, destination.next);
  return source && source.next + 1;
}

/** One, two or four bytes of seven bits; the last one is odd. */
function address(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let count = 1; count <= 4; count += 1) {
    const byte = bytes[start + count - 1];
    if (byte === undefined) return undefined;
    value = value * 128 + (byte >> 1);
    if (byte & 1) return count === 3 ? undefined : { value, next: start + count };
  }
  return undefined;
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}
