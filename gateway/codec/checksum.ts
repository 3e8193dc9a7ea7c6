import { crc16Modbus, lrc8 } from "./crc.ts";

/** One way to check a run of bytes. */
export interface Checksum {
  /** Bytes of the result; 0 for `none`. */
  readonly size: 0 | 1 | 2;
  /** The result over `bytes[start..end)`, an unsigned integer of `size` bytes. */
  compute(bytes: Uint8Array, start?: number, end?: number): number;
}

/** Bits in the other order: the polynomial 0x1021 of a reflected CRC is 0x8408. */
function reflectedTable(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

function reflectedCrc(size: 1 | 2, polynomial: number, first: number, last: number): Checksum {
  const table = reflectedTable(polynomial);
  return {
    size,
    compute(bytes, start = 0, end = bytes.length) {
      let crc = first;
      for (let index = start; index < end; index += 1)
        crc = (crc >>> 8) ^ table[(crc ^ bytes[index]!) & 0xff]!;
      return crc ^ last;
    },
  };
}

function plainCrc(size: 1 | 2, polynomial: number, first: number): Checksum {
  const top = size === 1 ? 0x80 : 0x8000;
  const mask = size === 1 ? 0xff : 0xffff;
  const shift = size === 1 ? 0 : 8;
  const table = Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte << shift;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest & top ? (rest << 1) ^ polynomial : rest << 1) & mask;
    return rest;
  });
  return {
    size,
    compute(bytes, start = 0, end = bytes.length) {
      let crc = first;
      for (let index = start; index < end; index += 1)
        crc = ((crc << 8) ^ table[((crc >>> shift) ^ bytes[index]!) & 0xff]!) & mask;
      return crc;
    },
  };
}

function folded(
  size: 1 | 2,
  step: (sum: number, byte: number) => number,
  finish = (sum: number) => sum,
): Checksum {
  const mask = size === 1 ? 0xff : 0xffff;
  return {
    size,
    compute(bytes, start = 0, end = bytes.length) {
      let sum = 0;
      for (let index = start; index < end; index += 1) sum = step(sum, bytes[index]!) & mask;
      return finish(sum) & mask;
    },
  };
}

const add = (sum: number, byte: number): number => sum + byte;

/**
 * The checksums that serial devices use, by the names of the catalogue of parametrised CRC algorithms
 * (reveng) where it has them:
 *
 * - `crc16-modbus`, `crc16-x25` (also ISO-HDLC, IBM-SDLC), `crc16-arc`, `crc16-ccitt-false` (IBM-3740)
 * - `crc8` (polynomial 0x07, SMBus), `crc8-dallas` (1-Wire, MAXIM-DOW)
 * - `sum8`, `sum16`: sum of the bytes; `xor8`: their exclusive or
 * - `complement`: two's complement of their sum in 8 bits, so that all bytes with it add up to 0;
 *   `lrc` is the same, by its Modbus name
 */
export const checksums = {
  none: { size: 0, compute: () => 0 },
  "crc16-modbus": { size: 2, compute: crc16Modbus },
  "crc16-x25": reflectedCrc(2, 0x8408, 0xffff, 0xffff),
  "crc16-arc": reflectedCrc(2, 0xa001, 0, 0),
  "crc16-ccitt-false": plainCrc(2, 0x1021, 0xffff),
  crc8: plainCrc(1, 0x07, 0),
  "crc8-dallas": reflectedCrc(1, 0x8c, 0, 0),
  sum8: folded(1, add),
  sum16: folded(2, add),
  xor8: folded(1, (sum, byte) => sum ^ byte),
  complement: folded(1, add, (sum) => -sum),
  lrc: { size: 1, compute: lrc8 },
} as const satisfies Record<string, Checksum>;

export type ChecksumName = keyof typeof checksums;

/** For schemas: every name, in the order of the menu. */
export const checksumNames = Object.keys(checksums) as [ChecksumName, ...ChecksumName[]];

/** A checksum by its name. */
export function checksumOf(name: ChecksumName): Checksum {
  return checksums[name];
}

export type ByteOrder = "big" | "little";

/** The bytes that a result is on the wire. `little`: least significant byte first, as Modbus sends its CRC. */
export function checksumBytes({ size }: Checksum, value: number, order: ByteOrder): Uint8Array {
  if (size === 0) return new Uint8Array(0);
  if (size === 1) return Uint8Array.of(value & 0xff);
  const high = (value >>> 8) & 0xff;
  return order === "big" ? Uint8Array.of(high, value & 0xff) : Uint8Array.of(value & 0xff, high);
}

/** The result that stands in `bytes` at `at`, or undefined when they end before. Inverse of `checksumBytes`. */
export function readChecksum(
  { size }: Checksum,
  bytes: Uint8Array,
  at: number,
  order: ByteOrder,
): number | undefined {
  if (at < 0 || at + size > bytes.length) return undefined;
  if (size === 0) return 0;
  const first = bytes[at]!;
  if (size === 1) return first;
  const second = bytes[at + 1]!;
  return order === "big" ? (first << 8) | second : (second << 8) | first;
}
