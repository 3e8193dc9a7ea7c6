const table = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  table[byte] = crc;
}

/** CRC-16/MODBUS of `bytes[start..end)` (Modbus over Serial Line V1.02, 6.2.2); goes out low byte first. */
export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff;
  for (let index = start; index < end; index++)
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[index] ?? 0)) & 0xff] ?? 0);
  return crc;
}

/** The LRC of Modbus ASCII: the two's complement of the sum of the bytes (Modbus over Serial Line V1.02, 6.2.1). */
export function lrc8(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let sum = 0;
  for (let index = start; index < end; index++) sum += bytes[index] ?? 0;
  return -sum & 0xff;
}
