import {
  compilePayload,
  type OutputField,
  type Payload,
  readSchemaText,
  runVector,
} from "../../codec/payload/index.ts";
import { ConfigError } from "../../model/errors.ts";
import { type Imported, type ImportedExample, type ImportedPoint, pointName } from "./imported.ts";

// Device descriptions in the Payload Schema language (github.com/MultiTechSystems/device-payload-schema):
// the layout goes into the profile as it is, its outputs become points and its test vectors examples.

/** Reads a payload schema. Throws ConfigError for one that cannot be compiled, or that tells no name. */
export function importPayloadSchema(text: string): Imported {
  const payload = compilePayload(readSchemaText(text));
  const leftOut: string[] = payload.notes.map((note) => `the schema: ${note}`);
  const points = [...pointsOf(payload.fields(), "", new Set(), leftOut)];
  if (points.length === 0)
    throw new ConfigError("the schema names no value", {
      code: "nothing-to-import",
      hint: "a description of downlinks alone, or one whose names only the payload tells, makes no points",
    });
  return {
    title: payload.name,
    protocol: "lorawan",
    head: {},
    headText: `lorawan:\n  payload:\n${layoutText(text)}`,
    points,
    examples: examplesOf(payload, points),
    leftOut,
  };
}

function* pointsOf(
  fields: readonly OutputField[],
  prefix: string,
  taken: Set<string>,
  leftOut: string[],
): Generator<ImportedPoint> {
  for (const field of fields) {
    const path = `${prefix}${field.name}`;
    if (field.pattern) leftOut.push(`${path}: a name that only the payload tells`);
    else if (field.type === "list" || (field.repeats && field.type === "object"))
      leftOut.push(`${path}: a list; its records need "history", or one of them at: {field: "${path}[0]"}`);
    else if (field.time) leftOut.push(`${path}: the device's own time, which is no point of its own`);
    else if (field.type === "object") yield* pointsOf(field.fields ?? [], `${path}.`, taken, leftOut);
    else {
      if (field.repeats) leftOut.push(`${path}: a list where several records of one payload carry it`);
      if (field.type === "any") leftOut.push(`${path}: taken for a number; the schema does not say`);
      yield pointOf(field, path, taken);
    }
  }
}

function pointOf(field: OutputField, path: string, taken: Set<string>): ImportedPoint {
  const { type, description, hints, range, unit } = field;
  const number = type === "integer" || type === "number" || type === "any";
  return {
    name: pointName(path, taken),
    title: description ?? path,
    at: { field: path },
    unit: number ? unitOf(path, hints?.senml?.unit ?? unit) : undefined,
    kind: number ? undefined : type === "boolean" ? "state" : "text",
    resolution: number ? hints?.resolution : undefined,
    range: number ? range : undefined,
  };
}

/** Makers write % for humidity and for batteries alike. */
function unitOf(path: string, unit: string | undefined): string | undefined {
  return unit?.trim() === "%" && /hum/i.test(path) ? "%RH" : unit;
}

/** The schema below `payload:`, without its vectors. */
function layoutText(text: string): string {
  let kept = true;
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^(---|\.\.\.|%)/.test(line)) continue;
    if (/^[^\s#-]/.test(line)) kept = !line.startsWith("test_vectors:");
    if (kept) lines.push(line.trim() === "" ? "" : `    ${line}`);
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** Test vectors that the schema meets, as far as its values are points. */
function examplesOf(payload: Payload, points: readonly ImportedPoint[]): readonly ImportedExample[] {
  return payload.vectors.flatMap((vector): ImportedExample[] => {
    const { name, port, metadata } = vector;
    if (vector.kind !== "decode" || metadata || !runVector(payload, vector).ok) return [];
    const { data, quality = {} } = payload.decode(vector.payload, port === undefined ? {} : { port });
    const expect = points.flatMap(({ name: point, at }): [string, number | string | boolean][] => {
      const path = String(at.field);
      const value = valueAt(data, path);
      const good = (quality[path] ?? "good") === "good";
      return good && (typeof value === "number" || typeof value === "string" || typeof value === "boolean")
        ? [[point, value]]
        : [];
    });
    if (expect.length === 0) return [];
    const bytes = Array.from(vector.payload, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const given = { payload: bytes, ...(port === undefined ? {} : { fPort: port }) };
    return [{ name, given, expect: Object.fromEntries(expect) }];
  });
}

function valueAt(data: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (level, key) =>
        typeof level === "object" && level !== null && Object.hasOwn(level, key)
          ? Reflect.get(level, key)
          : undefined,
      data,
    );
}
