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
