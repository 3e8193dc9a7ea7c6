import { narrow } from "../model/decimal.ts";
import type { Value } from "../model/value.ts";
import { type DecodedCbor, decodeCbor } from "./cbor-check.ts";
import { FormatError } from "./format-error.ts";
import {
  type DecodedPack,
  type GapRecord,
  label,
  type PackHeader,
  type ResolvedRecord,
} from "./senml-pack.ts";

export interface DecodeOptions {
  /** Bytes of CBOR that are looked at; default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Records; default 100,000. */
  readonly maxRecords?: number | undefined;
  /** Take packs whose times count from boot (`boot_`), which nobody outside the gateway may. */
  readonly bootRelative?: boolean | undefined;
}

type Fields = Map<number | bigint | string, DecodedCbor>;

/** A name is at least one character, letters and digits first (RFC 8428 section 4.5.1). */
const legalName = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;

/** Below this many seconds a time counts from now (RFC 8428 section 4.5.3). */
const firstAbsolute = 2 ** 28;

/** Fields with an underscore at the end that we do understand. */
const understood = "boot_";

/** Base fields in force. */
interface Base {
  name: string;
  time: number;
  unit: string | undefined;
  value: number;
  sum: number | undefined;
  version: number | undefined;
}

/**
 * Untrusted bytes to resolved records (RFC 8428 section 4.6), those of others as well as ours. Fields
 * that are not known are skipped, except text keys ending in `_`, which refuse the pack (section 4.4).
 *
 * Throws FormatError with the codes of `checkCbor`, or `senml-form` (not an array of maps, no value, two
 * values), `senml-field` (a known field of the wrong type), `senml-name`, `senml-version`,
 * `senml-must-understand`, `senml-account`, `senml-boot-relative`.
 */
export function decodePack(bytes: Uint8Array, options: DecodeOptions = {}): DecodedPack {
  const maxRecords = options.maxRecords ?? 100_000;
  const pack = decodeCbor(bytes, {
    maxBytes: options.maxBytes ?? 2 ** 20,
    maxDepth: 4,
    maxItems: maxRecords * 13 + 64,
  });
  if (!Array.isArray(pack)) throw refuse("senml-form", "a pack is an array");
  if (pack.length > maxRecords) throw refuse("senml-form", `more than ${maxRecords} records`);
  const base: Base = { name: "", time: 0, unit: undefined, value: 0, sum: undefined, version: undefined };
  const records: ResolvedRecord[] = [];
  const gaps: GapRecord[] = [];
  let header: PackHeader | undefined;
  let time = 0;
  for (let index = 0; index < pack.length; index++) {
    const fields = pack[index];
    if (!(fields instanceof Map)) throw refuse("senml-form", `record ${index} is not a map`);
    if (fields.has(understood) && (index > 0 || !options.bootRelative)) {
      throw refuse("senml-boot-relative", "the times of this pack count from a boot and were never resolved");
    }
    checkExtensions(fields, index);
    takeBase(fields, base, index);
    if (index === 0) {
      header = readHeader(fields);
      time = finite(Math.round(base.time * 1000), "bt", index);
    }
    const record = resolve(fields, base, header?.boot !== undefined, index);
    const gap = fields.get("gap");
    if (gap !== undefined) gaps.push(readGap(gap, record));
    else if (record) records.push(record);
  }
  return { header, time, records, gaps };
}

function checkExtensions(fields: Fields, index: number): void {
  for (const key of fields.keys()) {
    if (typeof key === "string" && key.endsWith("_") && key !== understood) {
      throw refuse("senml-must-understand", `record ${index} needs "${key}" to be understood`);
    }
  }
}

function takeBase(fields: Fields, base: Base, index: number): void {
  const version = number(fields, label.baseVersion, index);
  if (version !== undefined) {
    // 10 is RFC 8428; 26 adds secondary units (RFC 9100); lower numbers are its drafts.
    if (!(Number.isInteger(version) && version > 0 && (version <= 10 || version === 26))) {
      throw refuse("senml-version", `bver ${version} is not known`);
    }
    if (
      version !== (base.version ?? version) ||
      (index > 0 && base.version === undefined && version !== 10)
    ) {
      throw refuse("senml-version", "bver changes inside the pack");
    }
    base.version = version;
  }
  base.name = text(fields, label.baseName, index) ?? base.name;
  base.time = number(fields, label.baseTime, index) ?? base.time;
  base.unit = text(fields, label.baseUnit, index) ?? base.unit;
  base.value = number(fields, label.baseValue, index) ?? base.value;
  base.sum = number(fields, label.baseSum, index) ?? base.sum;
}

/** The record with the base fields applied, or undefined when it brought nothing but base fields. */
function resolve(fields: Fields, base: Base, boot: boolean, index: number): ResolvedRecord | undefined {
  const local = text(fields, label.name, index);
  const seconds = number(fields, label.time, index);
  const value = readValue(fields, base, index);
  const ownSum = number(fields, label.sum, index);
  const sum = ownSum === undefined ? base.sum : finite(ownSum + (base.sum ?? 0), "s", index);
  if (value === undefined && sum === undefined) {
    if (local === undefined && seconds === undefined) return undefined;
    throw refuse("senml-form", `record ${index} has neither value nor sum`);
  }
  const name = base.name + (local ?? "");
  if (!legalName.test(name)) throw refuse("senml-name", `record ${index} has no legal name: "${name}"`);
  const time = base.time + (seconds ?? 0);
  const updateTime = number(fields, label.updateTime, index);
  const unit = text(fields, label.unit, index) ?? base.unit;
  const numeric = typeof value === "number" || typeof value === "bigint" || sum !== undefined;
  return {
    name,
    ...(numeric && unit !== undefined ? { unit } : {}),
    ...(value === undefined ? {} : { value }),
    ...(sum === undefined ? {} : { sum }),
    time: finite(Math.round(time * 1000), "t", index) + 0,
    timeBase: boot ? "boot" : time < firstAbsolute ? "now" : "unix",
    ...(updateTime === undefined ? {} : { updateTime: finite(updateTime * 1000, "ut", index) }),
  };
}

function readValue(fields: Fields, base: Base, index: number): Value | undefined {
  const v = fields.get(label.value);
  const vs = text(fields, label.text, index);
  const vb = fields.get(label.boolean);
  const vd = fields.get(label.data);
  if (
    Number(v !== undefined) + Number(vs !== undefined) + Number(vb !== undefined) + Number(vd !== undefined) >
    1
  ) {
    throw refuse("senml-form", `record ${index} has two values`);
  }
  if (vs !== undefined) return vs;
  if (vb !== undefined) {
    if (typeof vb !== "boolean") throw wrongType("vb", index);
    return vb;
  }
  if (vd !== undefined) {
    if (!(vd instanceof Uint8Array)) throw wrongType("vd", index);
    return vd;
  }
  if (v === undefined) return undefined;
  if (typeof v === "bigint") return base.value === 0 ? narrow(v) : finite(Number(v) + base.value, "v", index);
  if (typeof v !== "number") throw wrongType("v", index);
  return finite(v + base.value, "v", index);
}

function readHeader(fields: Fields): PackHeader | undefined {
  const gateway = fields.get("gw");
  if (gateway === undefined) return undefined;
  const run = fields.get("run");
  const audience = fields.get("aud");
  const seq = count(fields.get("seq"));
  const seqTo = fields.has("seqTo") ? count(fields.get("seqTo")) : seq;
  const boot = fields.get(understood);
  const clock = fields.get("clk");
  if (
    typeof gateway !== "string" ||
    typeof run !== "string" ||
    typeof audience !== "string" ||
    seq === undefined ||
    seqTo === undefined ||
    seqTo < seq ||
    !(boot === undefined || typeof boot === "string") ||
    !(clock === undefined || typeof clock === "string")
  ) {
    throw refuse("senml-account", "gw, aud, run, seq or seqTo is missing or of the wrong type");
  }
  return {
    gateway,
    audience,
    run,
    seq,
    seqTo,
    ...(boot === undefined ? {} : { boot }),
    ...(clock === undefined ? {} : { estimated: clock === "estimated" }),
  };
}

function readGap(gap: DecodedCbor, record: ResolvedRecord | undefined): GapRecord {
  if (!(gap instanceof Map)) throw refuse("senml-account", "gap is not a map");
  const run = gap.get("run");
  const from = count(gap.get("from"));
  const to = count(gap.get("to"));
  const readings = count(gap.get("lost"));
  const reason = record?.value;
  if (
    !record ||
    typeof reason !== "string" ||
    typeof run !== "string" ||
    from === undefined ||
    to === undefined ||
    to < from ||
    readings === undefined
  ) {
    throw refuse("senml-account", "a gap record is incomplete");
  }
  return { run, from, to, readings, reason, time: record.time };
}

/** A safe integer from 0, however long its encoding was. */
function count(value: DecodedCbor | undefined): number | undefined {
  const plain = typeof value === "bigint" ? narrow(value) : value;
  return typeof plain === "number" && Number.isSafeInteger(plain) && plain >= 0 ? plain : undefined;
}

function number(fields: Fields, key: number, index: number): number | undefined {
  const value = fields.get(key);
  if (value === undefined) return undefined;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrongType(key, index);
  return value;
}

/** Two finite numbers may add up to one that is not. */
function finite(value: number, field: string, index: number): number {
  if (!Number.isFinite(value)) throw wrongType(field, index);
  return value;
}

function text(fields: Fields, key: number, index: number): string | undefined {
  const value = fields.get(key);
  if (value !== undefined && typeof value !== "string") throw wrongType(key, index);
  return value;
}

function wrongType(field: number | string, index: number): FormatError {
  return refuse("senml-field", `field ${field} of record ${index} has the wrong type`);
}

function refuse(code: string, what: string): FormatError {
  return new FormatError(`SenML refused: ${what}`, { code });
}
