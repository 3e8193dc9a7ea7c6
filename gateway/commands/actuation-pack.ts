import type { DecodedCbor } from "../codec/cbor-check.ts";

// A SenML pack that asks for something to be written (RFC 8428 section 4.9): what is not a value, and
// who asks, comes as MQTT 5 user properties.

/** SenML labels (RFC 8428 section 6). */
const label = { version: -1, name: 0, number: 2, text: 3, boolean: 4, data: 8 } as const;
const values: readonly number[] = [label.number, label.text, label.boolean, label.data];
/** What a record with bn, bt, bu, u or t would mean is not checked against the device: better refused than guessed. */
const taken: ReadonlySet<DecodedCbor> = new Set([label.version, label.name, ...values]);

/** User properties that stand for keys of a command's body, and how their text is meant. */
const properties: ReadonlyMap<string, "text" | "number"> = new Map([
  ["id", "text"],
  ["issuer", "text"],
  ["issuedAt", "number"],
  ["expiresAt", "number"],
  ["expiresIn", "number"],
  ["priority", "text"],
  ["reason", "text"],
]);

/**
 * The body of the command that a pack and its properties ask for; `readCommandBody` checks it. A text:
 * why the pack asks for nothing that can be done. Properties that are no keys of a command are left to
 * whoever they are for.
 */
export function bodyOfPack(
  pack: DecodedCbor,
  given: ReadonlyMap<string, string>,
  expiresInMs: number | undefined,
): Map<string, DecodedCbor> | string {
  if (!Array.isArray(pack) || pack.length !== 1) return "an actuation pack has exactly one record";
  const [record] = pack;
  if (!(record instanceof Map)) return "a SenML record is a map";
  for (const key of record.keys())
    if (!taken.has(key))
      return `an actuation record has n and one of v, vs, vb, vd: label ${String(key).slice(0, 40)} is not taken`;
  if (record.has(label.version) && record.get(label.version) !== 10) return "only SenML version 10 is read";
  const name = record.get(label.name);
  if (typeof name !== "string") return "`n` must be the name of the point";
  const found = values.filter((key) => record.has(key));
  const [kind] = found;
  if (kind === undefined || found.length > 1) return "exactly one of v, vs, vb and vd must be there";
  const value = record.get(kind);
  if (value === undefined || !fits(kind, value)) return "the value is of another type than its label says";
  const body = new Map<string, DecodedCbor>([
    ["point", name],
    ["value", value],
  ]);
  for (const [key, type] of properties) {
    const text = given.get(key);
    if (text === undefined) continue;
    if (type === "number" && !/^\d{1,16}$/.test(text)) return `user property ${key} must be a whole number`;
    body.set(key, type === "number" ? Number(text) : text);
  }
  if (!body.has("expiresAt") && !body.has("expiresIn") && expiresInMs !== undefined)
    body.set("expiresIn", expiresInMs);
  return body;
}

function fits(kind: number, value: DecodedCbor): boolean {
  if (kind === label.number) return typeof value === "number" || typeof value === "bigint";
  if (kind === label.text) return typeof value === "string";
  if (kind === label.boolean) return typeof value === "boolean";
  return value instanceof Uint8Array;
}
