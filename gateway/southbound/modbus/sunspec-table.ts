import { alternatives, suggest } from "../../codec/suggest.ts";
import { ConfigError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import { modelTexts, sameLayout } from "./sunspec-models.ts";

/** Where a map may begin, in this order (SunSpec Device Information Model Specification). */
export const standardBases: readonly number[] = [40_000, 50_000, 0];

/** One row per type of the SunSpec information model: how it lies in registers, and what "not implemented" is. */
interface TypeRow {
  /** A word of codec/numbers. */
  readonly codec: string;
  /** Undefined: as many as the point says. */
  readonly registers?: number;
  readonly isAbsent: (raw: RawValue) => boolean;
}

const equals = (sentinel: RawValue) => (raw: RawValue) => raw === sentinel;
// A bit field whose highest bit is set says nothing; all ones are a case of it.
const highest = (bit: number) => (raw: RawValue) => typeof raw === "number" && raw >= 2 ** bit;
const isNone = (raw: RawValue) => Number.isNaN(raw);
const u64None = 0xffff_ffff_ffff_ffffn;

/** SunSpec Information Model Specification, "data types and their values when not implemented". */
const types = {
  int16: { codec: "s16", registers: 1, isAbsent: equals(-0x8000) },
  uint16: { codec: "u16", registers: 1, isAbsent: equals(0xffff) },
  count: { codec: "u16", registers: 1, isAbsent: equals(0xffff) },
  acc16: { codec: "u16", registers: 1, isAbsent: equals(0) },
  enum16: { codec: "u16", registers: 1, isAbsent: equals(0xffff) },
  bitfield16: { codec: "u16", registers: 1, isAbsent: highest(15) },
  sunssf: { codec: "s16", registers: 1, isAbsent: equals(-0x8000) },
  pad: { codec: "u16", registers: 1, isAbsent: () => true },
  int32: { codec: "s32", registers: 2, isAbsent: equals(-0x8000_0000) },
  uint32: { codec: "u32", registers: 2, isAbsent: equals(0xffff_ffff) },
  acc32: { codec: "u32", registers: 2, isAbsent: equals(0) },
  enum32: { codec: "u32", registers: 2, isAbsent: equals(0xffff_ffff) },
  bitfield32: { codec: "u32", registers: 2, isAbsent: highest(31) },
  int64: { codec: "s64", registers: 4, isAbsent: equals(-0x8000_0000_0000_0000n) },
  uint64: { codec: "u64", registers: 4, isAbsent: equals(u64None) },
  acc64: { codec: "u64", registers: 4, isAbsent: equals(0) },
  float32: { codec: "f32", registers: 2, isAbsent: isNone },
  float64: { codec: "f64", registers: 4, isAbsent: isNone },
  string: { codec: "utf8", isAbsent: equals("") },
} as const satisfies Record<string, TypeRow>;

export type SunspecType = keyof typeof types;
export const sunspecTypes = Object.keys(types).filter(isType);

export function isType(name: string): name is SunspecType {
  return Object.hasOwn(types, name);
}

export function typeRow(type: SunspecType): TypeRow {
  return types[type];
}

export interface ModelPoint {
  readonly name: string;
  readonly type: SunspecType;
  readonly registers: number;
  /** The point that holds its power of ten. */
  readonly scale?: string | undefined;
}

export interface ModelGroup {
  readonly name: string;
  /** A number, the name of a point of the model, or undefined: to the model's end. */
  readonly count: number | string | undefined;
  readonly points: readonly ModelPoint[];
  readonly groups: readonly ModelGroup[];
}

const parsed = new Map<number, ModelGroup>();

export const knownModels: readonly number[] = [...Object.keys(modelTexts), ...Object.keys(sameLayout)]
  .map(Number)
  .sort((a, b) => a - b);

/** The layout of a model, taken apart once; undefined for a model that the table does not have. */
export function modelOf(id: number): ModelGroup | undefined {
  const known = parsed.get(id);
  if (known) return known;
  const text = modelTexts[sameLayout[id] ?? id];
  if (text === undefined) return undefined;
  const header = "ID uint16,L uint16";
  const model = groupOf(String(id), 1, `${header},${text}`);
  parsed.set(id, model);
  return model;
}

function groupOf(name: string, count: ModelGroup["count"], text: string): ModelGroup {
  const points: ModelPoint[] = [];
  const groups: ModelGroup[] = [];
  for (const entry of entriesOf(text)) {
    const group = /^(\w+)\[(\w*)\]\((.*)\)$/.exec(entry);
    if (group) {
      const [, inner = "", times = "", body = ""] = group;
      groups.push(groupOf(inner, times === "" ? undefined : /^\d/.test(times) ? Number(times) : times, body));
    } else points.push(pointOf(entry));
  }
  return { name, count, points, groups };
}

function pointOf(entry: string): ModelPoint {
  const [name = "", written = "", scale] = entry.split(" ");
  const [type = "", length] = written.split("*");
  if (!isType(type)) throw new RangeError(`no SunSpec type: ${entry}`);
  return { name, type, registers: typeRow(type).registers ?? Number(length), scale };
}

/** Splits at the commas outside of brackets. */
function entriesOf(text: string): string[] {
  const entries: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at];
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (sign !== undefined && (sign !== "," || depth > 0)) continue;
    entries.push(text.slice(start, at));
    start = at + 1;
  }
  return entries;
}

/** A register that must be at least so large for a point to be there: how often its group repeats. */
export interface Guard {
  readonly at: number;
  readonly name: string;
  readonly least: number;
}

/** Where a point lies in its model; registers from the model's ID on, which is at 0. */
export interface SunspecPlace {
  readonly model: number;
  /** Which of several models of this id, from 1. */
  readonly instance: number;
  /** As people say it: `module.DCA[2]`. */
  readonly name: string;
  readonly type: SunspecType;
  readonly start: number;
  readonly registers: number;
  /** The register that holds the power of ten. */
  readonly scaleAt?: number | undefined;
  readonly guards: readonly Guard[];
}

/**
 * The place of `path` (`W`, `module.DCA`), with one index per repeating group on the way, each from 1.
 * Throws ConfigError for a model, point or index that does not exist, and for a place that differs
 * from device to device.
 */
export function placeOf(
  model: number,
  instance: number,
  path: string,
  indexes: readonly number[],
): SunspecPlace {
  const root = modelOf(model);
  if (!root)
    throw new ConfigError(`model ${model} is not in the table of SunSpec models`, {
      code: "unknown-model",
      hint: `say where the point lies: {model: ${model}, offset: ..., type: int16}; the table has ${knownModels.join(", ")}`,
    });
  const names = path.split(".");
  const left = [...indexes];
  const guards: Guard[] = [];
  let group = root;
  let start = 0;
  for (const name of names.slice(0, -1)) {
    const inner = group.groups.find((one) => one.name === name);
    if (!inner)
      throw unknown(
        model,
        "group",
        name,
        group.groups.map((one) => one.name),
      );
    start += pointRegisters(group);
    for (const before of group.groups.slice(0, group.groups.indexOf(inner)))
      start += timesOf(before, model) * elementRegisters(before, model);
    if (inner.count !== 1) {
      const index = left.shift();
      if (index === undefined)
        throw new ConfigError(`${path} of model ${model} repeats: say which, with index`, {
          code: "missing-index",
        });
      if (typeof inner.count === "number" && index > inner.count)
        throw new ConfigError(`${name} of model ${model} repeats ${inner.count} times`, {
          code: "no-such-index",
        });
      // The first needs no length of those before it.
      if (index > 1) start += (index - 1) * elementRegisters(inner, model);
      if (typeof inner.count === "string")
        guards.push({ at: offsetIn(root, inner.count), name: inner.count, least: index });
    }
    group = inner;
  }
  if (left.length > 0)
    throw new ConfigError(
      `${path} of model ${model} has ${indexes.length - left.length} indexes, not ${indexes.length}`,
      {
        code: "no-such-index",
      },
    );
  const name = names.at(-1) ?? "";
  const point = group.points.find((one) => one.name === name);
  if (!point || point.type === "pad")
    throw unknown(
      model,
      "point",
      path,
      group.points.filter(({ type }) => type !== "pad").map((one) => one.name),
    );
  return {
    model,
    instance,
    name: indexes.length === 0 ? path : `${path}[${indexes.join(",")}]`,
    type: point.type,
    start: start + offsetIn(group, name),
    registers: point.registers,
    scaleAt: point.scale === undefined ? undefined : offsetIn(root, point.scale),
    guards,
  };
}

function unknown(model: number, what: string, name: string, known: readonly string[]): ConfigError {
  const last = name.split(".").at(-1) ?? name;
  const near = suggest(last, known);
  return new ConfigError(`model ${model} has no ${what} ${last}`, {
    code: `unknown-${what}`,
    hint: near === undefined ? `one of ${alternatives(known.slice(0, 60))}` : `did you mean "${near}"?`,
  });
}

function pointRegisters(group: ModelGroup): number {
  return group.points.reduce((sum, { registers }) => sum + registers, 0);
}

/** Of one element of a group, with all in it. */
function elementRegisters(group: ModelGroup, model: number): number {
  return group.groups.reduce(
    (sum, inner) => sum + timesOf(inner, model) * elementRegisters(inner, model),
    pointRegisters(group),
  );
}

function timesOf({ name, count }: ModelGroup, model: number): number {
  if (typeof count === "number") return count;
  throw new ConfigError(
    `where this lies in model ${model} depends on how often ${name} repeats, which differs between devices`,
    { code: "place-varies", hint: "only the first of the outer group can be read" },
  );
}

function offsetIn(group: ModelGroup, name: string): number {
  let offset = 0;
  for (const point of group.points) {
    if (point.name === name) return offset;
    offset += point.registers;
  }
  throw new RangeError(`${group.name} has no ${name}`);
}
