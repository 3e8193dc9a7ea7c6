import {
  asList,
  asMessage,
  asSeconds,
  type Json,
  type Message,
  type Schema,
  type Seconds,
} from "./protobuf.ts";

/**
 * The proto3 JSON mapping: fields that hold their kind's zero are left out, bytes are base64, enums their
 * labels, timestamps RFC 3339 with the offset that ChirpStack writes, durations seconds with an `s`.
 */
export function toJson(schema: Schema, message: Message): { readonly [key: string]: Json } {
  const out: Record<string, Json> = {};
  for (const [name, [, kind]] of Object.entries(schema)) {
    const value = message[name];
    if (value === undefined) continue;
    if (kind === "timestamp") out[name] = rfc3339(asSeconds(name, value), "+00:00");
    else if (kind === "duration") out[name] = spanText(asSeconds(name, value));
    else if (kind === "struct") out[name] = asJson(asMessage(name, value));
    else if (kind === "map") {
      if (Object.keys(asMessage(name, value)).length > 0) out[name] = asJson(asMessage(name, value));
    } else if (typeof kind === "object" && "message" in kind)
      out[name] = toJson(kind.message, asMessage(name, value));
    else if (typeof kind === "object" && "repeated" in kind) {
      const list = asList(name, value).map((one) => toJson(kind.repeated, one));
      if (list.length > 0) out[name] = list;
    } else if (typeof kind === "object") {
      if (kind.enum[String(value)] !== 0) out[name] = String(value);
    } else if (value instanceof Uint8Array) {
      if (value.length > 0) out[name] = Buffer.from(value).toString("base64");
    } else if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") {
      // A float goes out with the digits that a float holds.
      if (value) out[name] = kind === "float" ? shortestFloat(Number(value)) : value;
    } else throw new TypeError(`${name}: not of the kind ${kind}`);
  }
  return out;
}

/** `2022-07-18T09:34:15.775023242` and the offset; no fraction for a whole second. */
export function rfc3339({ seconds, nanos }: Seconds, offset: "Z" | "+00:00"): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0")}`;
  return `${whole}${fraction}${offset}`;
}

function spanText({ seconds, nanos }: Seconds): string {
  const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
  return `${seconds}${fraction}s`;
}

function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(value)) return rounded;
  }
  return Math.fround(value);
}

function asJson(message: Message): { readonly [key: string]: Json } {
  return JSON.parse(JSON.stringify(message));
}
