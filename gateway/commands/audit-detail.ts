import { createHash } from "node:crypto";
import { Secret } from "../model/secret.ts";

const maxDepth = 6;
const maxEntries = 64;
const maxTextChars = 1_000;
/** Of the JSON text of one entry's detail. */
const maxDetailBytes = 8_192;

/** Keys whose values are nobody's business, also misspelt or part of a longer one. */
const secretKey =
  /pass(?!ed|ive|age)|pwd|secret|token|psk|credential|private|authori[sz]ation|cookie|pin$|api.?key/i;
export const leftOut = "[left out]";

/**
 * Plain JSON of what somebody wants to have on record, bounded in depth, entries and bytes. What sounds
 * like a secret is left out, whatever it is. Never throws: an audit entry that fails would be worse
 * than one that says less. What is too large as a whole is told by its size and SHA-256.
 */
export function auditDetail(detail: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of entriesOf(detail))
    plain[key] = secretKey.test(key) ? leftOut : plainValue(value, 1);
  const text = JSON.stringify(plain);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxDetailBytes) return plain;
  const small = Object.entries(plain).filter(([, value]) => typeof value !== "object");
  const shortened = Object.fromEntries(
    small.map(([key, value]) => [key, typeof value === "string" ? value.slice(0, 60) : value]),
  );
  const sha256 = createHash("sha256").update(text).digest("hex");
  const told = { ...shortened, tooLarge: { bytes, sha256 } };
  return Buffer.byteLength(JSON.stringify(told)) <= maxDetailBytes ? told : { tooLarge: { bytes, sha256 } };
}

function plainValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return short(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "bigint":
      return short(value.toString());
    case "object":
      return value === null ? null : plainObject(value, depth);
    default:
      // Undefined, functions and symbols say nothing in JSON.
      return undefined;
  }
}

function plainObject(value: object, depth: number): unknown {
  if (value instanceof Secret) return leftOut;
  if (value instanceof Uint8Array) return short(Buffer.from(value.subarray(0, maxTextChars)).toString("hex"));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return short(value.message);
  if (depth >= maxDepth) return "[too deep]";
  if (Array.isArray(value)) {
    const shown = value.slice(0, maxEntries).map((one) => plainValue(one, depth + 1) ?? null);
    return value.length > maxEntries ? [...shown, `[${value.length - maxEntries} more]`] : shown;
  }
  const plain: Record<string, unknown> = {};
  for (const [key, one] of entriesOf(value)) {
    plain[key] = secretKey.test(key) ? leftOut : plainValue(one, depth + 1);
  }
  return plain;
}

function entriesOf(value: object): [string, unknown][] {
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  return Array.from(entries)
    .slice(0, maxEntries)
    .flatMap(([key, one]): [string, unknown][] =>
      one === undefined ? [] : [[short(String(key), 100), one]],
    );
}

function short(text: string, most = maxTextChars): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`;
}
