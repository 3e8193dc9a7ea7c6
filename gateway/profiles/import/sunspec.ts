import { ConfigError } from "../../model/errors.ts";
import { list, number, record, string } from "./fields.ts";
import { type Imported, type ImportedPoint, pointName, type Takes } from "./imported.ts";

// Model definitions of the SunSpec Alliance (github.com/sunspec/models, JSON encoding): groups of
// points, each with its registers, its unit and the point that holds its power of ten.

/** SunSpec's word -> ours; others are written alike. */
const units: Readonly<Record<string, string>> = {
  c: "Cel",
  pct: "%",
  secs: "s",
  mins: "min",
  hours: "h",
  "cos()": "/",
  pf: "/",
  ah: "Ah",
  var: "var",
  varh: "varh",
  ohms: "Ohm",
  degrees: "deg",
  vnompct: "%",
};
const counters = /^acc/;
/** What no point needs: where a model begins, and what only scales others. */
const plumbing = new Set(["sunssf", "pad"]);
const mostBits: Readonly<Record<string, number>> = { bitfield16: 15, bitfield32: 31 };

/** Where in the model a group of points lies. */
interface Place {
  /** Names of groups on the way, and the index of each that repeats. */
  readonly groups: readonly string[];
  readonly index: readonly number[];
  /** Register of its first point from the model's ID on; undefined where that differs from device to device. */
  readonly start: number | undefined;
}

interface Reading {
  readonly model: number;
  readonly taken: Set<string>;
  readonly leftOut: string[];
  readonly takes: Takes;
  /** Registers of the points of the model itself, by name: where powers of ten are. */
  readonly scales: ReadonlyMap<string, number>;
}

/** Reads a SunSpec model definition. Throws ConfigError for what is none. */
export function importSunspec(text: string, takes: Takes): Imported {
  const definition = parse(text);
  const group = record(definition.group);
  const model =
    number(definition.id) ?? number(listed(group.points).find(({ name }) => name === "ID")?.value);
  if (model === undefined || !Array.isArray(group.points))
    throw new ConfigError("this is no SunSpec model definition", {
      code: "nothing-to-import",
      hint: "take a model_<number>.json of github.com/sunspec/models",
    });
  const scales = new Map<string, number>();
  let at = 0;
  for (const point of listed(group.points)) {
    scales.set(string(point.name) ?? "", at);
    at += number(point.size) ?? 1;
  }
  const reading: Reading = { model, taken: new Set(), leftOut: [], takes, scales };
  const points = [...pointsOf(group, { groups: [], index: [], start: 0 }, reading)];
  if (points.length === 0)
    throw new ConfigError(`model ${model} has no point that can be read`, { code: "nothing-to-import" });
  return {
    title: string(group.label) ?? `SunSpec model ${model}`,
    manufacturer: "SunSpec Alliance (any maker)",
    models: [`any with SunSpec model ${model}`],
    protocol: "modbus",
    head: { addressing: "protocol" },
    points,
    leftOut: reading.leftOut,
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return record(JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ConfigError(`a SunSpec model definition is JSON: ${cause.message}`, { code: "syntax", cause });
  }
}

function listed(value: unknown): readonly Record<string, unknown>[] {
  return list(value).map(record);
}

function* pointsOf(group: Record<string, unknown>, place: Place, reading: Reading): Generator<ImportedPoint> {
  let at = place.start;
  for (const point of listed(group.points)) {
    const found = pointOf(point, place, at, reading);
    if (found) yield found;
    at = at === undefined ? undefined : at + (number(point.size) ?? 1);
  }
  for (const inner of listed(group.groups)) {
    const name = string(inner.name) ?? "";
    const repeats = inner.count !== undefined && inner.count !== 1;
    if (repeats)
      reading.leftOut.push(`${name} repeats: its first is here, copy it with another index for the others`);
    yield* pointsOf(
      inner,
      {
        groups: [...place.groups, name],
        index: repeats ? [...place.index, 1] : place.index,
        start: at,
      },
      reading,
    );
    const size = repeats ? undefined : registersOf(inner);
    at = at === undefined || size === undefined ? undefined : at + size;
  }
}

/** Undefined for a group whose length differs from device to device. */
function registersOf(group: Record<string, unknown>): number | undefined {
  let registers = 0;
  for (const point of listed(group.points)) registers += number(point.size) ?? 1;
  for (const inner of listed(group.groups)) {
    const size = inner.count === undefined || inner.count === 1 ? registersOf(inner) : undefined;
    if (size === undefined) return undefined;
    registers += size;
  }
  return registers;
}

function pointOf(
  point: Record<string, unknown>,
  place: Place,
  offset: number | undefined,
  { model, taken, leftOut, takes, scales }: Reading,
): ImportedPoint | undefined {
  const name = string(point.name) ?? "";
  const type = string(point.type) ?? "";
  const isHeader = place.groups.length === 0 && (name === "ID" || name === "L");
  if (isHeader || plumbing.has(type)) return undefined;
  const path = [...place.groups, name].join(".");
  const [only = 1, ...more] = place.index;
  const index = place.index.length === 0 ? {} : { index: more.length === 0 ? only : place.index };
  const scaled = typeof point.sf === "string" ? scales.get(point.sf) : undefined;
  const candidates = [
    { sunspec: { model, point: path, ...index } },
    {
      sunspec: {
        model,
        offset,
        type,
        ...(type === "string" ? { length: number(point.size) } : {}),
        ...(scaled === undefined ? {} : { scale: scaled }),
      },
    },
  ];
  const at = candidates.find((one) => takes(one));
  if (!at) {
    leftOut.push(`${path}: nothing here reads a ${type} at this place`);
    return undefined;
  }
  const label = string(point.label);
  return {
    name: pointName(path, taken),
    title: label ?? string(point.desc) ?? path,
    at,
    ...meaning(point, type, path, leftOut),
    // A power of ten that is the model's own.
    scale: typeof point.sf === "number" ? `1e${point.sf}` : undefined,
    class: point.static === "S" ? "once" : undefined,
    writable: point.access === "RW",
  };
}

/** Unit, kind, labels and bits. */
function meaning(
  point: Record<string, unknown>,
  type: string,
  path: string,
  leftOut: string[],
): Partial<ImportedPoint> {
  if (type === "string") return { kind: "text" };
  const symbols = listed(point.symbols).flatMap((symbol): [number, string][] => {
    const value = number(symbol.value);
    const label = string(symbol.label) ?? string(symbol.name);
    return value === undefined || label === undefined ? [] : [[value, label]];
  });
  if (type.startsWith("enum") && symbols.length > 0)
    return { kind: "state", values: Object.fromEntries(distinct(symbols)) };
  if (type.startsWith("bitfield") && symbols.length > 0) {
    const bits = symbols.filter(([bit]) => bit >= 0 && bit < (mostBits[type] ?? 0));
    if (bits.length < symbols.length) leftOut.push(`${path}: some of its bits lie outside of it`);
    const named = new Set<string>();
    return {
      kind: "state",
      bits: Object.fromEntries(bits.map(([bit, label]) => [bit, pointName(label, named)])),
    };
  }
  const unit = string(point.units)?.trim();
  return {
    unit: unit === undefined ? undefined : (units[unit.toLowerCase()] ?? (/^%/.test(unit) ? "%" : unit)),
    kind: counters.test(type) ? "counter" : undefined,
  };
}

/** Labels that stand for two values get the value behind them. */
function distinct(symbols: readonly [number, string][]): [string, string][] {
  const seen = new Set<string>();
  return symbols.map(([value, label]) => {
    const name = seen.has(label) ? `${label} (${value})` : label;
    seen.add(name);
    return [String(value), name];
  });
}
