import type { DecodedCbor } from "../codec/cbor-check.ts";
import { suggest } from "../codec/suggest.ts";
import { type Command, type CommandAction, commandId, type Expiry, priorities } from "../model/command.ts";
import { narrow } from "../model/decimal.ts";
import type { Value } from "../model/value.ts";
import type { RefusedMessage } from "./codec-seam.ts";

// The keys of a command (docs/telemetry.md, "Commands and results"). Strict on purpose: what moves a
// thing in a street is not guessed from something that is nearly a command.

const keys = [
  "id",
  "point",
  "action",
  "value",
  "confirms",
  "issuer",
  "issuedAt",
  "expiresAt",
  "expiresIn",
  "priority",
  "reason",
] as const;
type Key = (typeof keys)[number];
const known: ReadonlySet<unknown> = new Set(keys);

const actions: readonly CommandAction[] = ["write", "release", "confirm"];
const longestPoint = 200;
const longestIssuer = 64;
const longestReason = 200;
/** Characters of a text, or bytes. */
const longestValue = 1024;

/** Thrown and caught in this file: where a body is wrong. */
class Wrong extends Error {
  readonly code: RefusedMessage["refuse"];
  constructor(message: string, code: RefusedMessage["refuse"] = "bad-form") {
    super(message);
    this.code = code;
  }
}

/** What a sender gave beside the body, and where. */
export interface Surroundings {
  /** From the topic. */
  readonly device: string;
  /** Ms that the message itself may still wait: shortens a relative expiry, never lengthens it. */
  readonly expiresInMs?: number | undefined;
}

/** A decoded map as a command, or why it is none: the first thing that is wrong. */
export function readCommandBody(body: DecodedCbor, around: Surroundings): Command | RefusedMessage {
  if (!(body instanceof Map)) return { refuse: "bad-form", text: "a command is a CBOR map" };
  try {
    return read(body, around);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { refuse: error.code, text: error.message, ...readNames(body) };
  }
}

/** Who and what a body that may be wrong elsewhere names, as far as each can be read. */
export function readNames(body: DecodedCbor): Pick<RefusedMessage, "id" | "point" | "issuer"> {
  if (!(body instanceof Map)) return {};
  const of = (key: Key, fits: (text: string) => boolean) => {
    const value = body.get(key);
    return typeof value === "string" && fits(value) ? { [key]: value } : {};
  };
  return {
    ...of("id", (text) => commandId.test(text)),
    ...of("point", (text) => isName(text, longestPoint)),
    ...of("issuer", (text) => isName(text, longestIssuer)),
  };
}

function read(body: ReadonlyMap<DecodedCbor, DecodedCbor>, { device, expiresInMs }: Surroundings): Command {
  for (const key of body.keys()) if (!known.has(key)) throw new Wrong(unknownKey(key));
  const id = text(body, "id");
  if (!commandId.test(id)) throw new Wrong("`id` must be 1 to 64 of A-Z a-z 0-9 . _ : -");
  const point = name(body, "point", longestPoint);
  const issuer = name(body, "issuer", longestIssuer);
  const action = body.has("action") ? oneOf(body, "action", actions) : "write";
  const value = body.get("value");
  if (action === "write" && value === undefined) throw new Wrong("`value` is missing");
  if (action !== "write" && value !== undefined) throw new Wrong(`${action} takes no \`value\``);
  if (action !== "confirm" && body.has("confirms"))
    throw new Wrong("`confirms` belongs to `action`: confirm");
  const confirms = action === "confirm" ? text(body, "confirms") : undefined;
  if (confirms !== undefined && !commandId.test(confirms))
    throw new Wrong("`confirms` must be the id of the command that waits");
  const reason = body.has("reason") ? text(body, "reason") : undefined;
  if (reason !== undefined && (reason.length > longestReason || /\p{Cc}/u.test(reason)))
    throw new Wrong(`\`reason\` must be one line of at most ${longestReason} characters`);
  return {
    id,
    device,
    point,
    action,
    value: value === undefined ? undefined : writtenValue(value),
    confirms,
    issuer,
    issuedAt: body.has("issuedAt") ? whole(body, "issuedAt", "Unix ms") : undefined,
    expiry: expiryOf(body, expiresInMs),
    priority: body.has("priority") ? oneOf(body, "priority", priorities) : "operator",
    reason,
  };
}

type Body = ReadonlyMap<DecodedCbor, DecodedCbor>;

function expiryOf(body: Body, expiresInMs: number | undefined): Expiry {
  const at = body.has("expiresAt");
  if (at && body.has("expiresIn"))
    throw new Wrong("`expiresAt` and `expiresIn` exclude each other: which one counts?");
  if (at) return { at: whole(body, "expiresAt", "Unix ms") };
  if (!body.has("expiresIn"))
    throw new Wrong("no expiry: give `expiresAt` (Unix ms) or `expiresIn` (ms after receipt)", "no-expiry");
  const inMs = whole(body, "expiresIn", "ms after receipt");
  return { inMs: Math.min(inMs, expiresInMs ?? inMs) };
}

function writtenValue(value: DecodedCbor): Value {
  if (typeof value === "bigint") return narrow(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw new Wrong("`value` is not a finite number");
  if (value === null || Array.isArray(value) || value instanceof Map)
    throw new Wrong("`value` must be a number, a text, true, false or bytes");
  if ((typeof value === "string" || value instanceof Uint8Array) && value.length > longestValue)
    throw new Wrong(`\`value\` has at most ${longestValue} characters`);
  return value;
}

function text(body: Body, key: Key): string {
  const value = body.get(key);
  if (value === undefined) throw new Wrong(`\`${key}\` is missing`);
  if (typeof value !== "string") throw new Wrong(`\`${key}\` must be a text, not ${kindOf(value)}`);
  return value;
}

function name(body: Body, key: Key, longest: number): string {
  const found = text(body, key);
  if (!isName(found, longest))
    throw new Wrong(`\`${key}\` must be 1 to ${longest} characters, none of them a control character`);
  return found;
}

function isName(found: string, longest: number): boolean {
  return found.length > 0 && found.length <= longest && !/\p{Cc}/u.test(found);
}

function oneOf<T extends string>(body: Body, key: Key, words: readonly T[]): T {
  const found = text(body, key);
  const word = words.find((one) => one === found);
  if (word === undefined) throw new Wrong(`\`${key}\` must be one of ${words.join(", ")}`);
  return word;
}

/** Some encoders write whole numbers as floats, and 64-bit ones come as bigint. */
function whole(body: Body, key: Key, unit: string): number {
  const value = body.get(key);
  const number = typeof value === "bigint" ? narrow(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0)
    throw new Wrong(`\`${key}\` must be a whole number: ${unit}`);
  return number;
}

function kindOf(value: DecodedCbor): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a map";
  return typeof value === "boolean" ? "true or false" : "a number";
}

function unknownKey(key: DecodedCbor): string {
  const shown = typeof key === "string" ? key.slice(0, 40).replace(/\p{Cc}/gu, "?") : String(key);
  const meant = typeof key === "string" ? suggest(key, keys) : undefined;
  return `there is no key "${shown}" in a command${meant ? `: did you mean "${meant}"?` : `: there are ${keys.join(", ")}`}`;
}
