import { crc16Modbus } from "../../codec/crc.ts";
import type { Found, LineFraming } from "./framing.ts";
import { replyLength } from "./pdu.ts";

/** Shortest and longest frame: address, function, CRC; the serial line's 256 bytes. */
const shortest = 4;
const longest = 256;

/** Address, PDU, CRC low byte first (Modbus over Serial Line V1.02, 2.5.1). */
export function encodeRtu(unit: number, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  const crc = crc16Modbus(frame, 0, pdu.length + 1);
  frame[pdu.length + 1] = crc & 0xff;
  frame[pdu.length + 2] = crc >>> 8;
  return frame;
}

/** The frame that `bytes` is, or undefined when it is not exactly one with a good CRC. */
export function decodeRtu(bytes: Uint8Array): { unit: number; pdu: Uint8Array } | undefined {
  if (bytes.length < shortest || bytes.length > longest || !crcFits(bytes, 0, bytes.length)) return undefined;
  return { unit: bytes[0] ?? 0, pdu: bytes.subarray(1, bytes.length - 2) };
}

function crcFits(bytes: Uint8Array, start: number, end: number): boolean {
  const crc = crc16Modbus(bytes, start, end - 2);
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >>> 8;
}

/**
 * The first whole reply in `bytes[from..end)`: every offset is tried, so garbage in front costs
 * nothing but itself. Candidates that ended at or before `checked` are known not to fit.
 */
function findRtu(bytes: Uint8Array, from: number, end: number, checked: number): Found | undefined {
  for (let start = from; start + shortest <= end; start++) {
    const length = replyLength(bytes, start + 1, end);
    if (length <= 0) continue;
    const stop = start + length + 3;
    if (stop > end || stop <= checked || !crcFits(bytes, start, stop)) continue;
    return { start, end: stop, unit: bytes[start] ?? 0, pdu: bytes.subarray(start + 1, stop - 2) };
  }
  return undefined;
}

export const rtu: LineFraming = {
  encode: encodeRtu,
  find: findRtu,
  isDamaged: (bytes, end, unit, code, pduLength) =>
    end === pduLength + 3 && bytes[0] === unit && bytes[1] === code,
  frameLength: (pduLength) => pduLength + 3,
  silentCharacters: 3.5,
};
