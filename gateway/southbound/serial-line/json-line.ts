import { readInteger, readNumber, readTime } from "./fields.ts";
import type { Captured } from "./matcher.ts";
import type { JsonShape, JsonType } from "./settings.ts";

/** The JSON object in a line (RFC 8259), or undefined when there is none. The caller bounds its length. */
export function parseJsonLine(text: string): object | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function hasShape(value: object, { has, lacks }: JsonShape): boolean {
  return (
    has.every((path) => valueAt(value, path) !== undefined) &&
    lacks.every((path) => valueAt(value, path) === undefined)
  );
}

/** What an object holds at a path such as `gps.0.lat`; undefined when it holds nothing there. */
export function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((level, key) => {
    if (typeof level !== "object" || level === null) return undefined;
    return Object.hasOwn(level, key) ? Reflect.get(level, key) : undefined;
  }, value);
}

/** A JSON value as one of a type. A number may stand in quotes; null says that there is none. */
export function captureJson(value: unknown, type: JsonType): Captured | undefined {
  if (value === undefined) return undefined;
  if (value === null || value === "") return { kind: "absent", text: JSON.stringify(value) };
  const raw = readJson(value, type);
  return raw === undefined
    ? { kind: "bad", detail: `${JSON.stringify(value).slice(0, 60)} is no ${type}` }
    : { kind: "value", raw };
}

function readJson(value: unknown, type: JsonType) {
  switch (type) {
    case "text":
      return typeof value === "string" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "time":
      return typeof value === "string" ? (readTime(value) ?? readNumber(value)) : numberIn(value);
    case "integer":
      if (typeof value === "string") return readInteger(value.trim());
      return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
    case "number":
      return typeof value === "string" ? readNumber(value.trim()) : numberIn(value);
  }
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
