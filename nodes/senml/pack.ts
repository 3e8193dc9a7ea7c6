import { type DecodeOptions, decode, encode, rfc8949EncodeOptions } from "cborg";
import { ShallowTokenizer } from "./shallow-tokenizer.ts";

// SenML in CBOR (RFC 8428 section 6), as the gateway sends it (docs/telemetry.md) and as others write it.

const label = {
  baseVersion: -1,
  baseName: -2,
  baseTime: -3,
  baseUnit: -4,
  baseValue: -5,
  baseSum: -6,
  name: 0,
  unit: 1,
  value: 2,
  text: 3,
  boolean: 4,
  sum: 5,
  time: 6,
  data: 8,
} as const;

/** RFC 8428 section 4.4: the version that we know; a pack of a later one may mean something else. */
const version = 10;
/** Below this a time is relative to now (RFC 8428 section 4.5.3). */
const relativeBelowS = 2 ** 28;
const mostRecords = 100_000;

/** One value, or the quality of a point that has none. */
export interface PackReading {
  /** The whole SenML name. */
  readonly name: string;
  readonly device: string;
  readonly point: string;
  readonly value?: number | boolean | string;
  /** Of a sum record, such as a meter's: its integral over time (RFC 8428 section 4.2). */
  readonly sum?: number;
  readonly unit?: string;
  readonly quality: string;
  /** ISO 8601 UTC. */
  readonly time?: string;
}

export interface DecodedPack {
  readonly readings: readonly PackReading[];
  /** String-keyed fields of the first record: gateway, audience, run, seq of a pack of ours. */
  readonly header: Readonly<Record<string, number | string>>;
  /** Packs that will never come (docs/telemetry.md, Accounting). */
  readonly gaps: readonly Readonly<Record<string, number | string>>[];
}

/** @param now Unix ms, for relative times. Throws RangeError where bytes are no SenML pack, or one that must not be understood halfway. */
export function decodePack(bytes: Uint8Array, now: number): DecodedPack {
  const records = recordsIn(bytes);
  const readings: PackReading[] = [];
  const gaps: Record<string, number | string>[] = [];
  let base = { name: "", time: 0, unit: undefined as string | undefined, value: 0, sum: 0 };
  for (const record of records) {
    checkKeys(record);
    base = {
      name: textAt(record, label.baseName) ?? base.name,
      time: numberAt(record, label.baseTime) ?? base.time,
      unit: textAt(record, label.baseUnit) ?? base.unit,
      value: numberAt(record, label.baseValue) ?? base.value,
      sum: numberAt(record, label.baseSum) ?? base.sum,
    };
    const name = base.name + (textAt(record, label.name) ?? "");
    const gap = record.get("gap");
    if (gap instanceof Map) {
      gaps.push({ ...plain(gap), reason: textAt(record, label.text) ?? "" });
      continue;
    }
    const value = resolved(record, base.value);
    const total = numberAt(record, label.sum);
    if (value === undefined && total === undefined) continue;
    const seconds = base.time + (numberAt(record, label.time) ?? 0);
    const ms = Math.round(seconds * 1000) + (seconds < relativeBelowS ? now : 0);
    const time = Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
    const unit = typeof value === "number" ? (textAt(record, label.unit) ?? base.unit) : undefined;
    readings.push({
      ...namesOf(name, value),
      ...(total === undefined ? {} : { sum: total + base.sum }),
      ...(unit === undefined ? {} : { unit }),
      ...(time === undefined ? {} : { time }),
    });
  }
  return { readings, header: plain(records[0]), gaps };
}

/** What `encodePack` takes: `name`, or `device` and `point`. */
export interface WrittenReading {
  readonly name?: string | undefined;
  readonly device?: string | undefined;
  readonly point?: string | undefined;
  readonly value: number | boolean | string | Uint8Array;
  readonly unit?: string | undefined;
  /** Unix ms. */
  readonly time?: number | undefined;
}

/** Deterministic CBOR (RFC 8949 section 4.2.1). `base` goes before names that are made of a device: `urn:dev:ops:32473-city-`. */
export function encodePack(readings: readonly WrittenReading[], base: string): Uint8Array {
  let lastBase: string | undefined;
  let lastTime: number | undefined;
  const records = readings.map((reading) => {
    const record = new Map<number, number | boolean | string | Uint8Array>();
    const whole = reading.name ?? `${base}${reading.device}:${reading.point}`;
    const colon = whole.lastIndexOf(":") + 1;
    if (whole.slice(0, colon) !== (lastBase ?? "")) record.set(label.baseName, whole.slice(0, colon));
    if (colon < whole.length) record.set(label.name, whole.slice(colon));
    if (reading.time !== lastTime && reading.time !== undefined)
      record.set(label.baseTime, reading.time / 1000);
    lastBase = whole.slice(0, colon);
    lastTime = reading.time ?? lastTime;
    if (reading.unit !== undefined && typeof reading.value === "number") record.set(label.unit, reading.unit);
    record.set(valueLabel(reading.value), reading.value);
    return record;
  });
  return encode(records, rfc8949EncodeOptions);
}

function valueLabel(value: WrittenReading["value"]): number {
  if (typeof value === "number") return label.value;
  if (typeof value === "boolean") return label.boolean;
  return typeof value === "string" ? label.text : label.data;
}

type CborRecord = ReadonlyMap<unknown, unknown>;

const decoding: DecodeOptions = { useMaps: true, rejectDuplicateMapKeys: true, allowBigInt: true };

function recordsIn(bytes: Uint8Array): readonly CborRecord[] {
  let decoded: unknown;
  try {
    const tokenizer = new ShallowTokenizer(bytes, decoding);
    decoded = decode(bytes, { ...decoding, tokenizer });
  } catch (cause) {
    throw new RangeError(`no CBOR: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (!Array.isArray(decoded) || decoded.length === 0)
    throw new RangeError("no SenML pack: not a list of records");
  if (decoded.length > mostRecords) throw new RangeError(`more than ${mostRecords} records`);
  if (!decoded.every((record) => record instanceof Map))
    throw new RangeError("no SenML pack: a record is no map");
  return decoded;
}

function checkKeys(record: CborRecord): void {
  for (const key of record.keys())
    if (typeof key === "string" && key.endsWith("_"))
      throw new RangeError(`the field ${key} must be understood, and is not`);
  const written = numberAt(record, label.baseVersion);
  if (written !== undefined && written > version)
    throw new RangeError(`SenML version ${written} is not known`);
}

function resolved(record: CborRecord, base: number): number | boolean | string | undefined {
  const number = record.get(label.value);
  // A 64-bit counter beyond what a number holds is told as its digits.
  if (typeof number === "bigint") return String(number + BigInt(Math.trunc(base)));
  if (number !== undefined) return (numberAt(record, label.value) ?? 0) + base;
  const text = textAt(record, label.text);
  if (text !== undefined) return text;
  const boolean = record.get(label.boolean);
  if (typeof boolean === "boolean") return boolean;
  const data = record.get(label.data);
  return data instanceof Uint8Array ? Buffer.from(data).toString("hex") : undefined;
}

/** `urn:dev:ops:<pen>-<product>-<device>:<point>` (RFC 9039); of other names the last part is the point. */
function namesOf(name: string, value: PackReading["value"]) {
  const colon = name.lastIndexOf(":");
  const owner = colon === -1 ? "" : name.slice(0, colon);
  const device = /^urn:dev:ops:\d+-[^-]*-(.+)$/.exec(owner)?.[1] ?? owner;
  const point = name.slice(colon + 1);
  if (point.endsWith("/quality") && typeof value === "string")
    return { name, device, point: point.slice(0, -"/quality".length), quality: value };
  return { name, device, point, ...(value === undefined ? {} : { value }), quality: "good" };
}

/** Text keys with numbers and texts. */
function plain(record: CborRecord | undefined): Record<string, number | string> {
  const header: Record<string, number | string> = {};
  for (const [key, value] of record ?? [])
    if (typeof key === "string" && (typeof value === "number" || typeof value === "string"))
      header[key] = value;
  return header;
}

function textAt(record: CborRecord, key: number): string | undefined {
  const value = record.get(key);
  if (value === undefined || typeof value === "string") return value;
  throw new RangeError(`no SenML pack: label ${key} is no text`);
}

function numberAt(record: CborRecord, key: number): number | undefined {
  const value = record.get(key);
  if (value === undefined) return undefined;
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new RangeError(`no SenML pack: label ${key} is no number`);
}
