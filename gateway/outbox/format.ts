// A little long: every byte of the format, both directions side by side, in the one place that docs/outbox.md describes.
import { crc32 } from "node:zlib";
import { StorageError } from "../model/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { IdRanges } from "./id-ranges.ts";
import type { Mark, PackHead, PreviousRun, StoredPack } from "./outbox.ts";

// The bytes of a segment file. docs/outbox.md is the table; this file is its only reader and writer.

/** 2 added marks, to packs and to the state. What 1 wrote is read. */
export const formatVersion = 2;
export const headerBytes = 32;
export const recordHeadBytes = 9;
/** The length field has 21 bits. */
export const maxBodyBytes = 2 ** 21 - 1;
const magic = Buffer.from("SNOUTBOX", "ascii");

export interface SegmentHeader {
  readonly number: number;
  /** Length of the whole file. */
  readonly length: number;
  /** Random per use of the file: a record of an earlier use of the same file never passes its CRC. */
  readonly salt: number;
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const writer = new ByteWriter(headerBytes);
  writer.bytes(magic);
  writer.u16(formatVersion);
  writer.u16(headerBytes);
  writer.u32(header.number);
  writer.u32(header.length);
  writer.u32(header.salt);
  writer.u32(0);
  writer.u32(crc32(writer.buffer.subarray(0, 28)));
  return writer.buffer;
}

/** The header, `newer` when a later version of the format wrote it, or undefined when it is none. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | "newer" | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length < headerBytes || !buffer.subarray(0, 8).equals(magic)) return undefined;
  // The version comes before the CRC: a later format may check itself in another way.
  const version = buffer.readUInt16BE(8);
  if (version > formatVersion) return "newer";
  if (crc32(buffer.subarray(0, 28)) !== buffer.readUInt32BE(28)) return undefined;
  return { number: buffer.readUInt32BE(12), length: buffer.readUInt32BE(16), salt: buffer.readUInt32BE(20) };
}

export function newerFormat(file: string): StorageError {
  return new StorageError(`outbox segment ${file} has a newer format than this version knows`, {
    code: "outbox-newer-format",
    hint: "start the newer version again, or move the outbox folder away; nothing in it was changed",
  });
}

/** What older segments held when a segment began: lets them go without losing their bookkeeping. */
export interface LogState {
  /** No id from here on was given before. */
  readonly nextId: number;
  readonly segments: readonly {
    readonly number: number;
    /** Nothing at or after this offset was ever believed. */
    readonly end: number;
    /** Ids of packs of that segment that are settled. */
    readonly dead: IdRanges;
  }[];
  /** Oldest run first. */
  readonly runs: readonly PreviousRun[];
  /** Of packs in older segments, those that are gone included; oldest first. */
  readonly marks: readonly Mark[];
}

export interface GroupHead {
  /** 1, 2, 3 ... within the segment. */
  readonly group: number;
  /** Everything before this offset was synced when the group was written. */
  readonly durable: number;
  /** Of all its records, this one included. */
  readonly length: number;
  readonly firstId: number;
  readonly baseTime: number;
  readonly streams: readonly {
    readonly audience: string;
    readonly run: string;
    readonly bootId: string;
    readonly baseSeq: number;
  }[];
}

export type LogRecord =
  | { readonly type: "group"; readonly head: GroupHead }
  | { readonly type: "pack"; readonly id: number; readonly head: PackHead; readonly payload: Buffer }
  | { readonly type: "ack"; readonly ids: IdRanges }
  | { readonly type: "state"; readonly state: LogState };

const types = { group: 1, pack: 2, ack: 3, state: 4 } as const;
const urgentFlag = 1;
const bootFlag = 2;
const exactTimeFlag = 4;
const marksFlag = 8;

/** The two bytes that every record of a segment starts with: what a search for the next record looks for. */
export function markerOf(salt: number): number {
  return (salt >>> 16) ^ (salt & 0xffff) || 0xffff;
}

/** A group's records only pass under their own group head, so that a pack is never read as another audience's. */
function seedOf(salt: number, group: number): number {
  return (salt ^ Math.imul(group, 0x9e3779b1)) >>> 0;
}

export interface GroupToWrite {
  readonly salt: number;
  readonly group: number;
  readonly durable: number;
  readonly state?: LogState | undefined;
  readonly packs: readonly StoredPack[];
  readonly acks: IdRanges;
}

/** Where a pack's record lies, counted from the group's first byte. */
interface PlacedRecord {
  readonly offset: number;
  readonly length: number;
}

/** At least the bytes that `encodeGroup` will need. */
export function groupBound({ packs, acks, state }: Pick<GroupToWrite, "packs" | "acks" | "state">): number {
  let bound = 64 + recordHeadBytes + 17 + acks.ranges * 16;
  for (const pack of packs) {
    const texts =
      Buffer.byteLength(pack.audience) + Buffer.byteLength(pack.run) + Buffer.byteLength(pack.bootId);
    bound += recordHeadBytes + 48 + pack.bytes.length + texts + 11;
    for (const mark of pack.marks ?? []) bound += Buffer.byteLength(mark) + 2;
  }
  if (state) bound += stateBound(state);
  return bound;
}

export function stateBound(state: LogState): number {
  let bound = recordHeadBytes + 24;
  for (const segment of state.segments) bound += 24 + segment.dead.ranges * 16;
  for (const { run, audience } of state.runs)
    bound += Buffer.byteLength(run) + Buffer.byteLength(audience) + 10;
  return bound + marksBound(state.marks);
}

export function marksBound(marks: readonly Mark[]): number {
  let bound = 8;
  // As if each had another audience: that is what a bound may be.
  for (const { audience, mark } of marks) bound += Buffer.byteLength(audience) + Buffer.byteLength(mark) + 4;
  return bound;
}

/** One group: its head, the state if any, the packs, the acks. One buffer, to be written at once. */
export function encodeGroup(group: GroupToWrite): { bytes: Buffer; placed: PlacedRecord[] } {
  const { salt, packs, acks, state } = group;
  const writer = new ByteWriter(groupBound(group));
  const seed = seedOf(salt, group.group);
  const marker = markerOf(salt);
  const record = (type: keyof typeof types, recordSeed: number, body: () => void): PlacedRecord => {
    const start = writer.at;
    writer.at += recordHeadBytes;
    body();
    const length = writer.at - start - recordHeadBytes;
    if (length > maxBodyBytes) throw new RangeError(`outbox record of ${length} bytes`);
    const end = writer.at;
    writer.at = start;
    writer.u16(marker);
    writer.at += 4;
    writer.u24((types[type] << 21) | length);
    writer.at = start + 2;
    writer.u32(crc32(writer.buffer.subarray(start + 6, end), recordSeed));
    writer.at = end;
    return { offset: start, length: end - start };
  };

  const streams = new Map<string, { index: number; baseSeq: number; head: PackHead }>();
  const keyOf = (pack: PackHead) => `${pack.audience}\n${pack.run}\n${pack.bootId}`;
  let firstId = Number.MAX_SAFE_INTEGER;
  for (const pack of packs) {
    const key = keyOf(pack);
    const stream = streams.get(key);
    if (stream) stream.baseSeq = Math.min(stream.baseSeq, pack.seq);
    else streams.set(key, { index: streams.size, baseSeq: pack.seq, head: pack });
    firstId = Math.min(firstId, pack.id);
  }
  const baseTime = Math.trunc(packs[0]?.time.ms ?? 0);

  let lengthAt = 0;
  const headRecord = () => {
    writer.varint(group.group);
    writer.varint(group.durable);
    lengthAt = writer.at;
    writer.u32(0);
    writer.varint(packs.length === 0 ? 0 : firstId);
    writer.f64(baseTime);
    writer.varint(streams.size);
    for (const { head, baseSeq } of streams.values()) {
      writer.text(head.audience);
      writer.text(head.run);
      writer.text(head.bootId);
      writer.varint(baseSeq);
    }
  };
  const { length: headLength } = record("group", salt, headRecord);

  if (state) record("state", seed, () => writeState(writer, state));
  const placed = packs.map((pack) =>
    record("pack", seed, () => {
      const stream = streams.get(keyOf(pack))!;
      const delta = pack.time.ms - baseTime;
      const exact =
        !Number.isSafeInteger(delta) ||
        Math.abs(delta) > 2 ** 51 ||
        !Object.is(baseTime + delta, pack.time.ms);
      writer.varint(pack.id - firstId);
      writer.varint(stream.index);
      writer.varint(
        (pack.lane === "urgent" ? urgentFlag : 0) |
          (pack.time.base === "boot" ? bootFlag : 0) |
          (exact ? exactTimeFlag : 0) |
          (pack.marks ? marksFlag : 0),
      );
      writer.varint(pack.seq - stream.baseSeq);
      if (exact) writer.f64(pack.time.ms);
      else writer.varint(delta < 0 ? -2 * delta - 1 : 2 * delta);
      writer.varint(pack.readings);
      if (pack.marks) {
        writer.varint(pack.marks.length);
        for (const mark of pack.marks) writer.text(mark);
      }
      writer.bytes(pack.bytes);
    }),
  );
  if (acks.count > 0) record("ack", seed, () => writeRanges(writer, acks));

  // Only now is the group's length known: write it into the head and sign that again.
  const length = writer.at;
  writer.buffer.writeUInt32BE(length, lengthAt);
  writer.buffer.writeUInt32BE(crc32(writer.buffer.subarray(6, headLength), salt), 2);
  return { bytes: writer.buffer.subarray(0, length), placed };
}

/**
 * The record at `at`, or undefined when there is none that its CRC vouches for. `group` is the head
 * of the group we are in; without one only a group head is recognised.
 */
export function decodeRecord(
  buffer: Buffer,
  at: number,
  end: number,
  salt: number,
  group: GroupHead | undefined,
): { record: LogRecord; length: number } | undefined {
  if (at + recordHeadBytes > end || buffer.readUInt16BE(at) !== markerOf(salt)) return undefined;
  const field = buffer.readUIntBE(at + 6, 3);
  const type = field >>> 21;
  const length = recordHeadBytes + (field & maxBodyBytes);
  if (at + length > end) return undefined;
  if (type !== types.group && !group) return undefined;
  const seed = type === types.group || !group ? salt : seedOf(salt, group.group);
  if (crc32(buffer.subarray(at + 6, at + length), seed) !== buffer.readUInt32BE(at + 2)) return undefined;
  const record = decodeBody(type, new ByteReader(buffer, at + recordHeadBytes, at + length), group);
  return record && { record, length };
}

/** Lane and bytes of a pack whose record is all of `buffer` and whose head is known; undefined when it is damaged. */
export function decodePayload(
  buffer: Buffer,
  salt: number,
  group: number,
): { readonly lane: PackHead["lane"]; readonly payload: Buffer } | undefined {
  if (
    buffer.length < recordHeadBytes ||
    (buffer.readUIntBE(6, 3) & maxBodyBytes) + recordHeadBytes !== buffer.length
  )
    return undefined;
  if (buffer.readUIntBE(6, 3) >>> 21 !== types.pack) return undefined;
  if (crc32(buffer.subarray(6), seedOf(salt, group)) !== buffer.readUInt32BE(2)) return undefined;
  const reader = new ByteReader(buffer, recordHeadBytes, buffer.length);
  reader.varint();
  reader.varint();
  const flags = reader.varint();
  reader.varint();
  if (flags & exactTimeFlag) reader.f64();
  else reader.varint();
  reader.varint();
  if (flags & marksFlag) readMarks(reader);
  return { lane: flags & urgentFlag ? "urgent" : "live", payload: reader.rest() };
}

function decodeBody(type: number, reader: ByteReader, group: GroupHead | undefined): LogRecord | undefined {
  try {
    if (type === types.group) return { type: "group", head: readGroup(reader) };
    if (type === types.pack && group) return readPack(reader, group);
    if (type === types.ack) return { type: "ack", ids: readRanges(reader) };
    if (type === types.state) return { type: "state", state: readState(reader) };
    return undefined;
  } catch (error) {
    // A body that its CRC vouches for and that still makes no sense is damage like any other.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readGroup(reader: ByteReader): GroupHead {
  const group = reader.varint();
  const durable = reader.varint();
  const length = reader.u32();
  const firstId = reader.varint();
  const baseTime = reader.f64();
  const streams = Array.from({ length: countOf(reader) }, () => {
    const audience = reader.text();
    const run = reader.text();
    const bootId = reader.text();
    return { audience, run, bootId, baseSeq: reader.varint() };
  });
  return { group, durable, length, firstId, baseTime, streams };
}

function readPack(reader: ByteReader, group: GroupHead): LogRecord {
  const id = group.firstId + reader.varint();
  const stream = group.streams[reader.varint()];
  if (!stream) throw new RangeError("pack of an unknown stream");
  const flags = reader.varint();
  const seq = stream.baseSeq + reader.varint();
  let ms: number;
  if (flags & exactTimeFlag) ms = reader.f64();
  else {
    const folded = reader.varint();
    ms = group.baseTime + (folded % 2 === 1 ? -(folded + 1) / 2 : folded / 2);
  }
  const head: PackHead = {
    lane: flags & urgentFlag ? "urgent" : "live",
    audience: stream.audience,
    run: stream.run,
    seq,
    time: { base: flags & bootFlag ? "boot" : "unix", ms },
    bootId: stream.bootId,
    readings: reader.varint(),
    ...(flags & marksFlag ? { marks: readMarks(reader) } : {}),
  };
  return { type: "pack", id, head, payload: reader.rest() };
}

function readMarks(reader: ByteReader): string[] {
  return Array.from({ length: countOf(reader) }, () => reader.text());
}

function writeState(writer: ByteWriter, state: LogState): void {
  writer.varint(state.nextId);
  writer.varint(state.segments.length);
  for (const { number, end, dead } of state.segments) {
    writer.varint(number);
    writer.varint(end);
    writeRanges(writer, dead);
  }
  writer.varint(state.runs.length);
  for (const { run, audience, lastSeq } of state.runs) {
    writer.text(run);
    writer.text(audience);
    writer.varint(lastSeq);
  }
  const audiences = [...new Set(state.marks.map(({ audience }) => audience))];
  const places = new Map(audiences.map((audience, place) => [audience, place]));
  writer.varint(audiences.length);
  for (const audience of audiences) writer.text(audience);
  writer.varint(state.marks.length);
  for (const { audience, mark } of state.marks) {
    writer.varint(places.get(audience) ?? 0);
    writer.text(mark);
  }
}

function readState(reader: ByteReader): LogState {
  const nextId = reader.varint();
  const segments = Array.from({ length: countOf(reader) }, () => {
    const number = reader.varint();
    const end = reader.varint();
    return { number, end, dead: readRanges(reader) };
  });
  const runs = Array.from({ length: countOf(reader) }, () => {
    const run = reader.text();
    const audience = reader.text();
    return { run, audience, lastSeq: reader.varint() };
  });
  // Format 1 ends here.
  if (reader.at === reader.end) return { nextId, segments, runs, marks: [] };
  const audiences = Array.from({ length: countOf(reader) }, () => reader.text());
  const marks = Array.from({ length: countOf(reader) }, () => {
    const audience = audiences[reader.varint()];
    if (audience === undefined) throw new RangeError("mark of an unknown audience");
    return { audience, mark: reader.text() };
  });
  return { nextId, segments, runs, marks };
}

/** Count, then per range the distance from the end of the one before and the length less one. */
function writeRanges(writer: ByteWriter, ranges: IdRanges): void {
  writer.varint(ranges.ranges);
  let last = 0;
  for (const [from, to] of ranges) {
    writer.varint(from - last);
    writer.varint(to - from);
    last = to;
  }
}

function readRanges(reader: ByteReader): IdRanges {
  const ranges = new IdRanges();
  let last = 0;
  for (let left = countOf(reader); left > 0; left--) {
    const from = last + reader.varint();
    last = from + reader.varint();
    ranges.add(from, last);
  }
  return ranges;
}

/** A count of things of at least one byte each: never more than the bytes that are left. */
function countOf(reader: ByteReader): number {
  const count = reader.varint();
  if (count > reader.end - reader.at) throw new RangeError("count beyond the record's end");
  return count;
}
