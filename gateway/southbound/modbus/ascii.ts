import { lrc8 } from "../../codec/crc.ts";
import type { Found, LineFraming } from "./framing.ts";

const colon = 0x3a;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** `:`, 2 x 1 address, 2 x 252 and function, 2 x LRC, CR LF. */
const longest = 513;
const shortest = 9;

/** `:` and address, PDU, LRC as hex digits, then CR LF (Modbus over Serial Line V1.02, 2.5.2). */
export function encodeAscii(unit: number, pdu: Uint8Array): Uint8Array {
  const body = new Uint8Array(pdu.length + 2);
  body[0] = unit;
  body.set(pdu, 1);
  body[pdu.length + 1] = lrc8(body, 0, pdu.length + 1);
  const frame = new Uint8Array(2 * body.length + 3);
  frame[0] = colon;
  body.forEach((byte, index) => {
    frame[1 + 2 * index] = digit(byte >>> 4);
    frame[2 + 2 * index] = digit(byte & 15);
  });
  frame[frame.length - 2] = carriageReturn;
  frame[frame.length - 1] = lineFeed;
  return frame;
}

/** The frame that `bytes` is, or undefined when it is not exactly one with a good LRC. */
export function decodeAscii(bytes: Uint8Array): { unit: number; pdu: Uint8Array } | undefined {
  const found = frameAt(bytes, 0, bytes.length);
  return found && found.end === bytes.length ? { unit: found.unit, pdu: found.pdu } : undefined;
}

/** A colon always starts anew, so a cut frame cannot swallow the next one. */
function findAscii(bytes: Uint8Array, from: number, end: number, checked: number): Found | undefined {
  for (let start = from; start + shortest <= end; start++) {
    if (bytes[start] !== colon) continue;
    const found = frameAt(bytes, start, end);
    if (found && found.end > checked) return found;
  }
  return undefined;
}

function frameAt(bytes: Uint8Array, start: number, end: number): Found | undefined {
  if (bytes[start] !== colon) return undefined;
  const limit = Math.min(end, start + longest);
  let at = start + 1;
  while (at < limit && nibble(bytes[at]) >= 0) at++;
  const digits = at - start - 1;
  if (digits < 6 || digits % 2 !== 0) return undefined;
  if (at + 2 > end || bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed) return undefined;
  const body = new Uint8Array(digits / 2);
  for (let index = 0; index < body.length; index++)
    body[index] = (nibble(bytes[start + 1 + 2 * index]) << 4) | nibble(bytes[start + 2 + 2 * index]);
  if (lrc8(body, 0, body.length - 1) !== body[body.length - 1]) return undefined;
  return { start, end: at + 2, unit: body[0] ?? 0, pdu: body.subarray(1, body.length - 1) };
}

function digit(value: number): number {
  return value < 10 ? 0x30 + value : 0x37 + value;
}

/** Upper case only, as the standard has it: a flipped case bit must not pass. */
function nibble(character: number | undefined): number {
  if (character === undefined) return -1;
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  return character >= 0x41 && character <= 0x46 ? character - 0x37 : -1;
}

export const ascii: LineFraming = {
  encode: encodeAscii,
  find: findAscii,
  isDamaged: (bytes, end, unit, code, pduLength) =>
    end === 2 * (pduLength + 2) + 3 &&
    bytes[end - 1] === lineFeed &&
    ((nibble(bytes[1]) << 4) | nibble(bytes[2])) === unit &&
    ((nibble(bytes[3]) << 4) | nibble(bytes[4])) === code,
  frameLength: (pduLength) => 2 * (pduLength + 2) + 3,
  silentCharacters: 0,
};
