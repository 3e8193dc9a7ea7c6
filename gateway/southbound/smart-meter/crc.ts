/** Reflected CRC with 16 bits: one table look-up per byte, low bit first. */
function table(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

const arcTable = table(0xa001);
const x25Table = table(0x8408);

/** CRC-16/ARC of `bytes[start..end)`, as a P1 telegram ends with (DSMR P1 companion standard 5.0.2, 6.2). */
export function crc16Arc(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0;
  for (let index = start; index < end; index += 1)
    crc = (crc >>> 8) ^ arcTable[(crc ^ bytes[index]!) & 0xff]!;
  return crc;
}

/** CRC-16/X-25 of `bytes[start..end)`: HCS and FCS of HDLC (ISO/IEC 13239, 4.2.5). On the wire the low byte comes first. */
export function crc16X25(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff;
  for (let index = start; index < end; index += 1)
    crc = (crc >>> 8) ^ x25Table[(crc ^ bytes[index]!) & 0xff]!;
  return crc ^ 0xffff;
}
