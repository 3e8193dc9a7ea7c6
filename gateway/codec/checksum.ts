import { crc16Arc, crc16Modbus, crc16X25, lrc8 } from "./crc.ts";

/**
 * The checksums that field devices put at the end of their frames. Names as profiles write them;
 * parameters of the CRCs as in the catalogue of parametrised CRC algorithms (Greg Cook, RevEng).
 */
export const checksumNames = [
  "crc16-modbus",
  "crc16-x25",
  "crc16-arc",
  "crc16-ccitt-false",
  "crc16-xmodem",
  "crc8",
  "crc8-dallas",
  "sum8",
  "sum16",
  "xor8",
  "complement",
  "not-sum",
  "lrc",
  "none",
] as const;
export type ChecksumName = (typeof checksumNames)[number];

export type ByteOrder = "big" | "little";

export interface Checksum {
  /** Bytes on the wire. */
  readonly size: 0 | 1 | 2;
  /** Byte order on the wire where nobody says otherwise. */
  readonly order: ByteOrder;
  /** Over `bytes[start..end)`. */
  compute(bytes: Uint8Array, start: number, end: number): number;
}

export const checksums: Readonly<Record<ChecksumName, Checksum>> = {
  "crc16-modbus": { size: 2, order: "little", compute: crc16Modbus },
  /** HDLC, M-Bus over HAN, ISO/IEC 13239. */
  "crc16-x25": { size: 2, order: "little", compute: crc16X25 },
  "crc16-arc": { size: 2, order: "little", compute: crc16Arc },
  /** CRC-16/IBM-3740, which most data sheets call CCITT. */
  "crc16-ccitt-false": { size: 2, order: "big", compute: plain16(0x1021, 0xffff) },
  "crc16-xmodem": { size: 2, order: "big", compute: plain16(0x1021, 0) },
  /** CRC-8/SMBUS: polynomial 0x07, begins with 0. */
  crc8: { size: 1, order: "big", compute: byTable8(plainTable8(0x07)) },
  /** CRC-8/MAXIM-DOW: polynomial 0x31 reflected, begins with 0. */
  "crc8-dallas": { size: 1, order: "big", compute: byTable8(reflectedTable(0x8c)) },
  sum8: { size: 1, order: "big", compute: (bytes, start, end) => sum(bytes, start, end) & 0xff },
  sum16: { size: 2, order: "big", compute: (bytes, start, end) => sum(bytes, start, end) & 0xffff },
  xor8: { size: 1, order: "big", compute: xor },
  /** Two's complement of the sum: the sum with it is 0. */
  complement: { size: 1, order: "big", compute: lrc8 },
  /** One's complement of the sum: the sum with it is 0xFF. */
  "not-sum": { size: 1, order: "big", compute: (bytes, start, end) => ~sum(bytes, start, end) & 0xff },
  /** Of Modbus ASCII and of most data sheets that say LRC: the same sum as `complement`. */
  lrc: { size: 1, order: "big", compute: lrc8 },
  none: { size: 0, order: "big", compute: () => 0 },
};

/** Whether `bytes` hold at `at` the checksum of `bytes[start..end)`. What lies outside is no match. */
export function verifyChecksum(
  checksum: Checksum,
  bytes: Uint8Array,
  { start, end, at, order = checksum.order }: ChecksumPlace,
): boolean {
  if (start < 0 || end < start || end > bytes.length || at < 0 || at + checksum.size > bytes.length)
    return false;
  const value = checksum.compute(bytes, start, end);
  for (let index = 0; index < checksum.size; index++)
    if (bytes[at + index] !== byteOf(value, checksum.size, index, order)) return false;
  return true;
}

/** Writes the checksum of `bytes[start..end)` to `at`. Throws RangeError when that lies outside. */
export function writeChecksum(
  checksum: Checksum,
  bytes: Uint8Array,
  { start, end, at, order = checksum.order }: ChecksumPlace,
): void {
  if (start < 0 || end < start || end > bytes.length || at < 0 || at + checksum.size > bytes.length)
    throw new RangeError(`a checksum of ${start}..${end - 1} at ${at} is not inside ${bytes.length} bytes`);
  const value = checksum.compute(bytes, start, end);
  for (let index = 0; index < checksum.size; index++)
    bytes[at + index] = byteOf(value, checksum.size, index, order);
}

export interface ChecksumPlace {
  /** First byte that counts. */
  readonly start: number;
  /** The byte after the last that counts. */
  readonly end: number;
  /** First byte of the checksum itself. */
  readonly at: number;
  /** The checksum's own order unless given. */
  readonly order?: ByteOrder | undefined;
}

function byteOf(value: number, size: number, index: number, order: ByteOrder): number {
  return (value >>> (8 * (order === "big" ? size - 1 - index : index))) & 0xff;
}

function sum(bytes: Uint8Array, start: number, end: number): number {
  let total = 0;
  for (let index = start; index < end; index++) total += bytes[index]!;
  return total;
}

function xor(bytes: Uint8Array, start: number, end: number): number {
  let rest = 0;
  for (let index = start; index < end; index++) rest ^= bytes[index]!;
  return rest;
}

function reflectedTable(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

function plain16(polynomial: number, seed: number): Checksum["compute"] {
  const table = Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte << 8;
    for (let bit = 0; bit < 8; bit++) rest = rest & 0x8000 ? (rest << 1) ^ polynomial : rest << 1;
    return rest & 0xffff;
  });
  return (bytes, start, end) => {
    let crc = seed;
    for (let index = start; index < end; index++)
      crc = ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ bytes[index]!]!;
    return crc;
  };
}

function plainTable8(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 0x80 ? (rest << 1) ^ polynomial : rest << 1;
    return rest & 0xff;
  });
}

function byTable8(table: Uint16Array): Checksum["compute"] {
  return (bytes, start, end) => {
    let crc = 0;
    for (let index = start; index < end; index++) crc = table[crc ^ bytes[index]!]!;
    return crc;
  };
}
