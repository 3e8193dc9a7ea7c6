import { crc32 } from "node:zlib";

// The bytes of a journal. Header: "SNJOURNL", version u16, 0 u16, salt u32, CRC-32 of these u32. Record:
// marker u16, length u32, CRC-32 u32 over length and body, body. All big-endian. The CRC begins with
// the salt and the record's own position, so that neither another file's record nor one that moved ever passes.

export const headerBytes = 20;
export const recordOverhead = 10;
/** Most bytes of one record. */
export const recordBytes = 65_536;
const version = 1;
const magic = Buffer.from("SNJOURNL", "ascii");
const marker = 0x5e4a;

export function encodeHeader(salt: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeUInt16BE(version, 8);
  header.writeUInt32BE(salt, 12);
  header.writeUInt32BE(crc32(header.subarray(0, 16)), 16);
  return header;
}

/** The salt; `newer` of a later version; undefined when it is no header. */
export function readHeader(bytes: Buffer): number | "newer" | undefined {
  if (bytes.length < headerBytes || !bytes.subarray(0, 8).equals(magic)) return undefined;
  if (bytes.readUInt16BE(8) > version) return "newer";
  if (crc32(bytes.subarray(0, 16)) !== bytes.readUInt32BE(16)) return undefined;
  return bytes.readUInt32BE(12);
}

export function encodeRecord(body: Uint8Array, salt: number, at: number): Buffer {
  const record = Buffer.allocUnsafe(recordOverhead + body.length);
  record.writeUInt16BE(marker, 0);
  record.writeUInt32BE(body.length, 2);
  record.set(body, recordOverhead);
  record.writeUInt32BE(checksum(record, 0, body.length, salt, at), 6);
  return record;
}

export interface Scan {
  readonly records: readonly Uint8Array[];
  /** Where the last intact record ends. */
  readonly end: number;
  readonly lostBytes: number;
  readonly rotten: boolean;
}

/** All intact records of a file, also those behind damage. */
export function scanRecords(bytes: Buffer, salt: number): Scan {
  const records: Uint8Array[] = [];
  let end = headerBytes;
  let rotten = false;
  let kept = headerBytes;
  for (let at = headerBytes; at + recordOverhead <= bytes.length; ) {
    const length = lengthAt(bytes, at, salt);
    if (length === undefined) {
      const next = bytes.indexOf(markerBytes, at + 1);
      if (next === -1) break;
      at = next;
      continue;
    }
    if (at !== end) rotten = true;
    records.push(Uint8Array.from(bytes.subarray(at + recordOverhead, at + recordOverhead + length)));
    at += recordOverhead + length;
    end = at;
    kept += recordOverhead + length;
  }
  return { records, end, lostBytes: bytes.length - kept, rotten };
}

/**
 * The salt of a file whose header is lost: what two of its records say alike. A CRC can be run backwards, so
 * that each record tells with which salt it would be right; of two that agree by chance there is one in 2^32.
 */
export function saltOfRecords(bytes: Buffer): number | undefined {
  const said = new Set<number>();
  // What is no record may say anything: a file of nothing but markers is not searched for ever.
  let effort = 64 * recordBytes;
  for (let at = bytes.indexOf(markerBytes); at >= 0 && effort > 0; at = bytes.indexOf(markerBytes, at + 1)) {
    if (at + recordOverhead > bytes.length) break;
    const length = bytes.readUInt32BE(at + 2);
    if (length > recordBytes || at + recordOverhead + length > bytes.length) continue;
    effort -= length;
    const body = bytes.subarray(at + recordOverhead, at + recordOverhead + length);
    const head = bytes.subarray(at + 2, at + 6);
    const seed = crcBefore(head, crcBefore(body, bytes.readUInt32BE(at + 6)));
    const salt = (seed ^ Math.imul(at, 0x9e3779b1)) >>> 0;
    if (said.has(salt)) return salt;
    said.add(salt);
  }
  return undefined;
}

/** The CRC-32 that `bytes` made `after` of. */
function crcBefore(bytes: Uint8Array, after: number): number {
  let register = ~after >>> 0;
  for (let at = bytes.length - 1; at >= 0; at--) {
    const place = crcPlaces[register >>> 24]!;
    register = (((register ^ crcTable[place]!) << 8) | (place ^ bytes[at]!)) >>> 0;
  }
  return ~register >>> 0;
}

/** Of the reflected polynomial 0xedb88320, as in zlib. */
const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** Where in the table an entry with this first byte stands. */
const crcPlaces = new Uint8Array(256);
for (const [place, entry] of crcTable.entries()) crcPlaces[entry >>> 24] = place;

const markerBytes = Buffer.from([marker >> 8, marker & 0xff]);

function lengthAt(bytes: Buffer, at: number, salt: number): number | undefined {
  if (bytes.readUInt16BE(at) !== marker) return undefined;
  const length = bytes.readUInt32BE(at + 2);
  if (length > recordBytes || at + recordOverhead + length > bytes.length) return undefined;
  return checksum(bytes, at, length, salt, at) === bytes.readUInt32BE(at + 6) ? length : undefined;
}

function checksum(bytes: Buffer, start: number, length: number, salt: number, at: number): number {
  const seed = (salt ^ Math.imul(at, 0x9e3779b1)) >>> 0;
  const body = bytes.subarray(start + recordOverhead, start + recordOverhead + length);
  return crc32(body, crc32(bytes.subarray(start + 2, start + 6), seed));
}
