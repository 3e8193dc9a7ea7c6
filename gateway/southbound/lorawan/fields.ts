import { TransientError } from "../../model/errors.ts";

// Members of an event as the proto3 JSON mapping writes them: what is empty, 0 or false is left out,
// and 64-bit numbers are texts. Of a decoded protobuf message bytes and times come as they are.

export type Fields = Readonly<Record<string, unknown>>;

/** A text that is no JSON object, or larger than any event. */
export function badEvent(message: string, cause?: unknown): TransientError {
  return new TransientError(message, { code: "bad-event", cause });
}

/** Bytes that an event may have. */
export const maxEventBytes = 256 * 1024;

/** Throws TransientError (`bad-event`). */
export function parseJson(payload: Uint8Array): Fields {
  if (payload.length > maxEventBytes) throw badEvent(`an event of ${payload.length} bytes is not read`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw badEvent("an event is not JSON", cause);
  }
  const fields = asFields(value);
  if (!fields) throw badEvent("an event is not a JSON object");
  return fields;
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}

function member(fields: Fields | undefined, key: string): unknown {
  return fields && Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** Undefined when it is not there or no object. */
export function object(fields: Fields | undefined, key: string): Fields | undefined {
  return asFields(member(fields, key));
}

/** The objects of a list; none when it is not there. */
export function objects(fields: Fields | undefined, key: string): readonly Fields[] {
  const value = member(fields, key);
  return Array.isArray(value) ? value.map(asFields).filter((one) => one !== undefined) : [];
}

export function texts(fields: Fields | undefined, key: string): readonly string[] {
  const value = member(fields, key);
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** Undefined when it is not there, empty or no text. */
export function text(fields: Fields | undefined, key: string): string | undefined {
  const value = member(fields, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Undefined when it is not there; throws TransientError for what is no number. */
export function optionalNumber(fields: Fields | undefined, key: string): number | undefined {
  const value = member(fields, key);
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw badEvent(`${key} of an event is no number`);
}

/** 0 when it is left out. */
export function number(fields: Fields | undefined, key: string): number {
  return optionalNumber(fields, key) ?? 0;
}

export function flag(fields: Fields | undefined, key: string): boolean {
  return member(fields, key) === true;
}

/** RFC 3339 to Unix ms; undefined when it is not there or no time. */
export function time(fields: Fields | undefined, key: string): number | undefined {
  const value = member(fields, key);
  const ms = typeof value === "string" ? Date.parse(value) : value;
  return typeof ms === "number" && Number.isFinite(ms) ? ms : undefined;
}

/** Base64 of either alphabet; undefined when it is left out. Throws TransientError for what is neither. */
export function bytes(fields: Fields | undefined, key: string): Uint8Array | undefined {
  const value = member(fields, key);
  if (value === undefined || value === null || value instanceof Uint8Array) return value ?? undefined;
  if (typeof value !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value))
    throw badEvent(`${key} of an event is not base64`);
  return Uint8Array.from(Buffer.from(value, "base64"));
}
