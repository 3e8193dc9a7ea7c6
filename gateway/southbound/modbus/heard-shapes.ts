import { maxPdu, replyLength } from "./pdu.ts";

// How long the PDUs of other people's frames are (Modbus Application Protocol V1.1b3, section 6): more functions
// than we ask ourselves, and only lengths that the standard allows, so that little that is no frame looks like one.
// 0 = more bytes are needed to know, -1 = nothing that we know starts here.

/** Exceptions that are defined (V1.1b3, section 7). */
const exceptions = new Set([1, 2, 3, 4, 5, 6, 8, 10, 11]);
/** Functions whose frames have a length that their first bytes tell. */
const functions = new Set([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43]);
const lastSubfunction = 20;

/** Length of the request PDU at `start`. */
export function heardRequestLength(bytes: Uint8Array, start: number, end: number): number {
  const code = bytes[start] ?? 0;
  const has = (count: number) => start + count <= end;
  const word = (at: number) => ((bytes[start + at] ?? 0) << 8) | (bytes[start + at + 1] ?? 0);
  const byte = (at: number) => bytes[start + at] ?? 0;
  const fits = (count: number, most: number) => count >= 1 && count <= most && word(1) + count <= 0x10000;
  switch (code) {
    case 1:
    case 2:
      return !has(5) ? 0 : fits(word(3), 2000) ? 5 : -1;
    case 3:
    case 4:
      return !has(5) ? 0 : fits(word(3), 125) ? 5 : -1;
    case 5:
      return !has(5) ? 0 : word(3) === 0 || word(3) === 0xff00 ? 5 : -1;
    case 6:
      return 5;
    case 7:
    case 11:
    case 12:
    case 17:
      return 1;
    case 8:
      return !has(3) ? 0 : word(1) <= lastSubfunction ? 5 : -1;
    case 15:
      return !has(6) ? 0 : fits(word(3), 1968) && byte(5) === Math.ceil(word(3) / 8) ? 6 + byte(5) : -1;
    case 16:
      return !has(6) ? 0 : fits(word(3), 123) && byte(5) === 2 * word(3) ? 6 + byte(5) : -1;
    case 20:
      return !has(2) ? 0 : byte(1) >= 7 && byte(1) <= 245 && byte(1) % 7 === 0 ? 2 + byte(1) : -1;
    case 21:
      return !has(2) ? 0 : byte(1) >= 9 && byte(1) <= 251 ? 2 + byte(1) : -1;
    case 22:
      return 7;
    case 23: {
      if (!has(10)) return 0;
      const written = word(7);
      return fits(word(3), 125) && written >= 1 && written <= 121 && byte(9) === 2 * written
        ? 10 + byte(9)
        : -1;
    }
    case 24:
      return 3;
    case 43:
      if (!has(3)) return 0;
      return byte(1) === 14 && byte(2) >= 1 && byte(2) <= 4 ? 4 : -1;
    default:
      return -1;
  }
}

/** Length of the reply PDU at `start`, exceptions included. */
export function heardReplyLength(bytes: Uint8Array, start: number, end: number): number {
  const code = bytes[start] ?? 0;
  const second = start + 1 < end ? bytes[start + 1] : undefined;
  if (code & 0x80) {
    if (!functions.has(code & 0x7f)) return -1;
    return second === undefined ? 0 : exceptions.has(second) ? 2 : -1;
  }
  switch (code) {
    case 3:
    case 4:
    case 23:
      if (second === undefined) return 0;
      return second >= 2 && second <= 250 && second % 2 === 0 ? 2 + second : -1;
    case 5:
    case 8:
      // The request comes back.
      return heardRequestLength(bytes, start, end);
    case 15:
    case 16: {
      if (start + 5 > end) return 0;
      const count = ((bytes[start + 3] ?? 0) << 8) | (bytes[start + 4] ?? 0);
      return count >= 1 && count <= (code === 15 ? 1968 : 123) ? 5 : -1;
    }
    case 7:
      return 2;
    case 11:
      return 5;
    case 12:
    case 20:
    case 21:
      if (second === undefined) return 0;
      return second >= 1 && 2 + second <= maxPdu ? 2 + second : -1;
    case 24: {
      if (start + 3 > end) return 0;
      const count = ((second ?? 0) << 8) | (bytes[start + 2] ?? 0);
      return count >= 2 && 3 + count <= maxPdu ? 3 + count : -1;
    }
    default:
      return replyLength(bytes, start, end);
  }
}
