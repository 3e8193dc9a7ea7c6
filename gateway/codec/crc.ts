/** Reflected CRC: one table look-up per byte, low bit first. */
function table(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

/** Of CRC-16/MODBUS and CRC-16/ARC, which begin with different values. */
const ibmTable = table(0xa001);
const x25Table = table(0x8408);
const castagnoliTable = table(0x82f63b78);

/**
 * CRC-16 of Modbus RTU over `bytes[start..end)` (Modbus over Serial Line V1.02, 6.2.2). On the wire
 * the low byte comes first. Over a frame with its CRC the result is 0.
 */
export function crc16Modbus(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return reflected(ibmTable, 0xffff, bytes, start, end);
}

/** CRC-16/ARC of `bytes[start..end)`, as a P1 telegram ends with (DSMR P1 companion standard 5.0.2, 6.2). */
export function crc16Arc(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return reflected(ibmTable, 0, bytes, start, end);
}

/** CRC-16/X-25 of `bytes[start..end)`: HCS and FCS of HDLC (ISO/IEC 13239, 4.2.5). On the wire the low byte comes first. */
export function crc16X25(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return reflected(x25Table, 0xffff, bytes, start, end) ^ 0xffff;
}

function reflected(known: Uint32Array, seed: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = seed;
  for (let index = start; index < end; index += 1) crc = (crc >>> 8) ^ known[(crc ^ bytes[index]!) & 0xff]!;
  return crc;
}

/**
 * LRC of Modbus ASCII over the bytes of the message, not its characters (Modbus over Serial Line
 * V1.02, 6.2.1): two's complement of their sum in 8 bits. Over a message with its LRC the result is 0.
 */
export function lrc8(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let sum = 0;
  for (let index = start; index < end; index += 1) sum += bytes[index]!;
  return -sum & 0xff;
}

/** CRC-32C (Castagnoli; RFC 3720 appendix B.4). `seed` is the result of the bytes before, for pieces. */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end = bytes.length): number {
  let crc = ~seed;
  for (let index = start; index < end; index += 1) {
    crc = (crc >>> 8) ^ castagnoliTable[(crc ^ bytes[index]!) & 0xff]!;
  }
  return ~crc >>> 0;
}
