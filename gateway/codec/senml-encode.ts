// A little long: one pass over the records with the base fields in force; apart, the pieces would share all their state.
import type { Value } from "../model/value.ts";
import { CborWriter } from "./cbor.ts";
import { type GapRecord, label, type Pack, type PackHeader, type Series } from "./senml-pack.ts";

/** One device's series, those with numbers apart. */
interface Group {
  readonly base: string;
  readonly plain: Series[];
  readonly numeric: Series[];
}

/**
 * A pack as SenML-CBOR (RFC 8428 section 6) in deterministic encoding, grouped by series: records
 * without a unit come first, because `bu` has no reset; then the numbers, by device and unit. With
 * order `frame` the numbers of a device stand by instant instead, each instant a base time: larger, but
 * a fifth smaller once compressed, because instants then repeat one pattern. Names must be legal SenML names (section 4.5.1); whoever makes a series sees to that.
 *
 * Throws RangeError for a pack without records (nothing would carry its account), for series whose
 * values do not fit their unit, numbers that are not finite, integers beyond 64 bits and times that
 * are not whole milliseconds.
 */
export function encodePack(pack: Pack, order: "series" | "frame" = betterOrder(pack)): Uint8Array {
  const gaps = pack.gaps ?? [];
  let records = gaps.length;
  for (const series of pack.series) {
    if (series.values.length !== series.times.length) throw new RangeError("a series needs a time per value");
    records += series.values.length;
  }
  if (records === 0) throw new RangeError("a pack without records");

  const emitter = new Emitter(pack.header, pack.time, records);
  for (const gap of gaps) emitter.gap(gap);
  let last: Group | undefined;
  const rest: Group[] = [];
  for (const group of groupByBase(pack.series)) {
    // A device with few numbers says its units one by one, which is cheaper than its name twice.
    const inline = group.plain.length > 0 && unitsCost(group.numeric) < group.base.length + 3;
    if (group.plain.length > 0) {
      emitter.aim(inline ? [...group.plain, ...group.numeric] : group.plain);
      for (const series of group.plain) emitter.series(series, false);
      last = group;
    }
    if (inline) for (const series of group.numeric) emitter.series(series, false);
    else if (group.numeric.length > 0) rest.push(group);
  }
  if (last && rest.includes(last)) {
    // The device whose name is in force goes on.
    rest.splice(rest.indexOf(last), 1);
    rest.unshift(last);
  }
  for (const { numeric } of rest) {
    if (order === "frame") emitter.frames(numeric);
    else {
      emitter.aim(numeric);
      for (const series of emitter.byUnit(numeric)) emitter.series(series, true);
    }
  }
  return emitter.take();
}

/** Records per series from which on series are smaller than frames, before compression. */
const longSeries = 4;

/**
 * Series pay when they are long. Where most names come a few times, as in a live pack of many
 * devices, frames are smaller both before and after compression (`npm run bench -- --only wire`).
 */
function betterOrder(pack: Pack): "series" | "frame" {
  let records = 0;
  for (const { values } of pack.series) records += values.length;
  return records < longSeries * pack.series.length ? "frame" : "series";
}

/**
 * The `t` that, added to a base time, rounds to the right millisecond: whole seconds as an integer,
 * else the nearest multiple of 1/1024 s. Its error of at most 0.49 ms is gone after rounding, and
 * up to 2 s (f16) and 4.5 h (f32) it is a short float.
 */
export function relativeTime(ms: number): number {
  return ms % 1000 === 0 ? ms / 1000 : Math.round(ms * 1.024) / 1024;
}

/** Beyond this many ms a relative time would need an f64, as a new base time does. */
const farthest = 16_383_000;

// The buffer outlives the calls; encodePack is not re-entrant, and nothing in it waits.
const writer = new CborWriter(64 * 1024);

/** Writes records and remembers which base fields are in force. */
class Emitter {
  readonly #gateway: string;
  #header: PackHeader | undefined;
  #gap: GapRecord | undefined;
  #base = "";
  #unit = "";
  /** Base time in force, ms; 0 while none is. */
  #time = 0;
  /** The next record brings this base time. */
  #aim: number | undefined;

  constructor(header: PackHeader, time: number | undefined, records: number) {
    this.#aim = time;
    this.#header = header;
    this.#gateway = header.gateway;
    writer.reset();
    writer.array(records);
  }

  take(): Uint8Array {
    return writer.take();
  }

  /** These series come next: a time that several of them begin with becomes the base time where that saves bytes. */
  aim(group: readonly Series[]): void {
    const first = group[0]?.times[0];
    if (first === undefined || this.#header || first === this.#time) return;
    const offset = Math.abs(first - this.#time);
    const cost = offset % 1000 === 0 ? 3 : offset < 2000 ? 4 : 6;
    let shared = 0;
    for (const series of group) if (series.times[0] === first) shared++;
    if (shared * cost > 10) this.#aim = first;
  }

  /** The same series in an order that begins with the unit in force and changes it as rarely as possible. */
  byUnit(group: readonly Series[]): readonly Series[] {
    const { length } = group;
    if (length < 2) return group;
    const ordered = group.slice();
    let unit: string | undefined = this.#unit;
    for (let placed = 0; placed < length; ) {
      for (let at = placed; at < length; at++) {
        const series = ordered[at]!;
        if (series.unit !== unit) continue;
        ordered[at] = ordered[placed]!;
        ordered[placed++] = series;
      }
      unit = ordered[placed]?.unit;
    }
    return ordered;
  }

  series(series: Series, baseUnit: boolean): void {
    const { base, name, unit, times, values } = series;
    const count = values.length;
    // A series with many records carries its whole name in bn and none in its records.
    const own = count * (name.length + 2) > name.length + 2 * (base.length + 3);
    const bn = own ? base + name : base;
    const n = own ? "" : name;
    for (let index = 0; index < count; index++) {
      this.#record(bn, n, unit, baseUnit, values[index]!, times[index]!);
    }
  }

  /** The series' records by time; a time that more than one of them has becomes the base time. */
  frames(group: readonly Series[]): void {
    const records: { series: Series; index: number; time: number }[] = [];
    for (const series of this.byUnit(group)) {
      for (let index = 0; index < series.times.length; index++) {
        records.push({ series, index, time: series.times[index]! });
      }
    }
    records.sort((a, b) => a.time - b.time);
    for (let at = 0; at < records.length; at++) {
      const { series, index, time } = records[at]!;
      if (time !== this.#time && records[at + 1]?.time === time && !this.#header) this.#aim = time;
      this.#record(series.base, series.name, series.unit, true, series.values[index]!, time);
    }
  }

  gap(gap: GapRecord): void {
    this.#gap = gap;
    this.#record(`${this.#gateway}:`, "gap", undefined, false, gap.reason, gap.time);
  }

  #record(
    base: string,
    name: string,
    unit: string | undefined,
    baseUnit: boolean,
    value: Value,
    time: number,
  ): void {
    const header = this.#header;
    const gap = this.#gap;
    if (!Number.isSafeInteger(time)) throw new RangeError(`not a whole millisecond: ${time}`);
    let baseTime: number | undefined;
    if (header || this.#aim !== undefined || Math.abs(time - this.#time) > farthest) {
      baseTime = this.#aim ?? time;
      if (!Number.isSafeInteger(baseTime)) throw new RangeError(`not a whole millisecond: ${baseTime}`);
      this.#time = baseTime;
      this.#aim = undefined;
    }
    const offset = time - this.#time;
    const writeBase = base !== this.#base;
    const writeUnit = unit !== undefined && unit !== this.#unit;
    let fields = 1;
    if (name !== "") fields++;
    if (writeUnit) fields++;
    if (offset !== 0) fields++;
    if (writeBase) fields++;
    if (baseTime !== undefined) fields++;
    if (gap) fields++;
    if (header) fields += headerFields(header);
    writer.map(fields);
    if (name !== "") {
      writer.label(label.name);
      writer.text(name);
    }
    if (writeUnit && !baseUnit) {
      writer.label(label.unit);
      writer.text(unit);
    }
    if (typeof value === "number" || typeof value === "bigint") numeric(value, unit);
    else if (unit !== undefined) throw new RangeError(`a unit without a number: ${base}${name}`);
    else if (typeof value === "string") {
      writer.label(label.text);
      writer.text(value);
    } else if (typeof value === "boolean") {
      writer.label(label.boolean);
      writer.boolean(value);
    }
    if (offset !== 0) {
      writer.label(label.time);
      writer.number(relativeTime(offset));
    }
    if (value instanceof Uint8Array) {
      writer.label(label.data);
      writer.bytes(value);
    }
    if (writeBase) {
      writer.label(label.baseName);
      writer.text(base);
      this.#base = base;
    }
    if (baseTime !== undefined) {
      writer.label(label.baseTime);
      writer.number(baseTime / 1000);
    }
    if (writeUnit && baseUnit) {
      writer.label(label.baseUnit);
      writer.text(unit);
      this.#unit = unit;
    }
    if (header || gap) {
      writeExtras(header, gap);
      this.#header = undefined;
      this.#gap = undefined;
    }
  }
}

function numeric(value: number | bigint, unit: string | undefined): void {
  if (unit === undefined) throw new RangeError(`a number without a unit: ${value}`);
  writer.label(label.value);
  if (typeof value === "bigint") writer.bigint(value);
  else if (Number.isFinite(value)) writer.number(value);
  else throw new RangeError(`not a finite number: ${value}`);
}

function headerFields(header: PackHeader): number {
  return (
    4 +
    (header.seqTo === header.seq ? 0 : 1) +
    (header.boot === undefined ? 0 : 1) +
    (header.estimated ? 1 : 0)
  );
}

/** The string keys of a record, in bytewise order: by length, then by letters. */
function writeExtras(header: PackHeader | undefined, gap: GapRecord | undefined): void {
  if (header) {
    pair("gw", header.gateway);
    pair("aud", header.audience);
    if (header.estimated) pair("clk", "estimated");
  }
  if (gap) {
    writer.text("gap");
    writer.map(4);
    pair("to", gap.to);
    pair("run", gap.run);
    pair("from", gap.from);
    pair("lost", gap.readings);
  }
  if (header) {
    pair("run", header.run);
    pair("seq", header.seq);
    if (header.boot !== undefined) pair("boot_", header.boot);
    if (header.seqTo !== header.seq) pair("seqTo", header.seqTo);
  }
}

function pair(key: string, value: string | number): void {
  writer.text(key);
  if (typeof value === "string") writer.text(value);
  else writer.number(value);
}

function groupByBase(all: readonly Series[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  let group: Group | undefined;
  for (const series of all) {
    if (series.values.length === 0) continue;
    if (group?.base !== series.base) {
      group = groups.get(series.base);
      if (!group) {
        group = { base: series.base, plain: [], numeric: [] };
        groups.set(series.base, group);
      }
    }
    (series.unit === undefined ? group.plain : group.numeric).push(series);
  }
  return groups.values();
}

/** Bytes that units cost when each record says its own, beyond what base units would. */
function unitsCost(numeric: readonly Series[]): number {
  let cost = 0;
  const seen = new Set<string | undefined>();
  for (const { unit = "", values } of numeric) {
    cost += values.length * (unit.length + 2);
    if (!seen.has(unit)) cost -= unit.length + 2;
    seen.add(unit);
  }
  return cost;
}
