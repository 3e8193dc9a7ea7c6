import { inflateSync, zstdDecompressSync } from "node:zlib";
import { Decoder } from "cbor-x";

// SenML in CBOR (RFC 8428) as a city would read it: written from the RFC and our published contract,
// with a common CBOR library, so that it proves what the gateway sends instead of repeating its code.

export interface CityReading {
  /** bn + n */
  readonly name: string;
  readonly unit?: string | undefined;
  readonly value: number | bigint | string | boolean | Uint8Array | undefined;
  /** Unix ms. */
  readonly time: number;
}

export interface CityGap {
  readonly run: string;
  readonly from: number;
  readonly to: number;
  readonly readings: number;
  readonly reason: string;
}

export interface CityPack {
  readonly gateway: string;
  readonly audience: string | undefined;
  readonly run: string;
  readonly seq: number;
  readonly seqTo: number;
  /** The times are the best that the gateway knew. */
  readonly estimated: boolean;
  readonly readings: readonly CityReading[];
  readonly gaps: readonly CityGap[];
}

const largest = 16 * 1024 * 1024;
// Times below 2^28 s are relative to now (section 4.5.3); a gateway must never send such.
const relativeBelow = 2 ** 28;
const decoder = new Decoder({ mapsAsObjects: false, useRecords: false });

/** The payload of a message, by the last level of its topic. Throws on anything unknown. */
export function unpack(format: string, payload: Uint8Array): Uint8Array {
  switch (format) {
    case "112":
      return payload;
    case "112-zstd":
      return zstdDecompressSync(payload, { maxOutputLength: largest });
    case "112-deflate":
      return inflateSync(payload, { maxOutputLength: largest });
    default:
      throw new Error(`unknown format ${format}`);
  }
}

/** A pack with its records resolved (section 4.6). Throws when it breaks the RFC or our contract. */
export function readPack(bytes: Uint8Array): CityPack {
  const records: unknown = decoder.decode(bytes);
  if (!Array.isArray(records) || records.length === 0) throw new Error("a pack is an array of records");
  const [head] = records;
  if (!(head instanceof Map)) throw new Error("a record is a map");
  const readings: CityReading[] = [];
  const gaps: CityGap[] = [];
  const base: Base = { name: "", time: 0, unit: undefined, value: 0 };
  for (const record of records) {
    if (!(record instanceof Map)) throw new Error("a record is a map");
    const reading = resolve(record, base);
    const gap = record.get("gap");
    if (gap instanceof Map) gaps.push(readGap(gap, reading));
    else if (reading) readings.push(reading);
  }
  const seq = count(head, "seq");
  return {
    gateway: text(head, "gw"),
    audience: head.has("aud") ? text(head, "aud") : undefined,
    run: text(head, "run"),
    seq,
    seqTo: head.has("seqTo") ? count(head, "seqTo") : seq,
    estimated: head.has("clk"),
    readings,
    gaps,
  };
}

interface Base {
  name: string;
  time: number;
  unit: string | undefined;
  value: number;
}

type SenmlRecord = Map<unknown, unknown>;

/** Applies and updates the base fields; undefined for a record without a value. */
function resolve(record: SenmlRecord, base: Base): CityReading | undefined {
  for (const key of record.keys())
    if (typeof key === "string" && key.endsWith("_")) throw new Error(`must be understood: ${key}`);
  if (record.has(-1) && record.get(-1) !== 10) throw new Error(`SenML version ${record.get(-1)}`);
  if (record.has(-2)) base.name = text(record, -2);
  if (record.has(-3)) base.time = decimal(record, -3);
  if (record.has(-4)) base.unit = text(record, -4);
  if (record.has(-5)) base.value = decimal(record, -5);
  const value = takeValue(record, base);
  if (value === undefined) return undefined;
  const name = base.name + (record.has(0) ? text(record, 0) : "");
  if (!/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/.test(name)) throw new Error(`not a SenML name: ${name}`);
  const time = base.time + (record.has(6) ? decimal(record, 6) : 0);
  if (time < relativeBelow) throw new Error(`${name}: a time that is relative to now`);
  const unit = record.has(1) ? text(record, 1) : base.unit;
  const numeric = typeof value === "number" || typeof value === "bigint";
  return { name, unit: numeric ? unit : undefined, value, time: Math.round(time * 1000) };
}

function takeValue(record: SenmlRecord, base: Base): CityReading["value"] {
  const found = [2, 3, 4, 8].filter((key) => record.has(key));
  if (found.length > 1) throw new Error("a record with two values");
  const value = found[0] === undefined ? undefined : record.get(found[0]);
  if (typeof value === "bigint") return base.value === 0 ? value : Number(value) + base.value;
  if (typeof value === "number") return value + base.value;
  if (value === undefined || typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof Uint8Array) return value;
  throw new Error("a value of no SenML type");
}

function readGap(gap: SenmlRecord, reading: CityReading | undefined): CityGap {
  return {
    run: text(gap, "run"),
    from: count(gap, "from"),
    to: count(gap, "to"),
    readings: count(gap, "lost"),
    reason: typeof reading?.value === "string" ? reading.value : "unknown",
  };
}

function text(map: SenmlRecord, key: string | number): string {
  const value = map.get(key);
  if (typeof value !== "string") throw new Error(`${key} is not a text`);
  return value;
}

function decimal(map: SenmlRecord, key: number): number {
  const value = map.get(key);
  if (typeof value !== "number" && typeof value !== "bigint") throw new Error(`${key} is not a number`);
  return Number(value);
}

function count(map: SenmlRecord, key: string): number {
  const value = Number(map.get(key));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${key} is not a count`);
  return value;
}
