import type { ByteOrder, ChecksumName } from "../../codec/checksum.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { LineFraming } from "../line-deframer.ts";
import type { Step } from "./pattern.ts";

/** One line, normalised. */
export interface LineConnection {
  readonly endpoint: Endpoint;
  /** Pause after opening before the first request, ms. */
  readonly connectDelayMs: number;
}

/** What gateway.yaml says about one device. */
export interface LineDevice {
  /** What tells it from others on the same line; stands for `{address}`. */
  readonly address?: string | undefined;
}

/** Where the checksum of a line stands, and over what. Marks are text in Latin-1. */
export interface LineChecksum {
  readonly kind: Exclude<ChecksumName, "none">;
  /** The span begins behind the first such mark (`after`) or with it (`from`); at the line's begin without one. */
  readonly start: { readonly mark: string; readonly included: boolean } | undefined;
  /** It ends before the last such mark (`before`) or behind it (`through`); the checksum follows. */
  readonly end: { readonly mark: string; readonly included: boolean } | undefined;
  readonly as: "hex" | "decimal" | "binary";
  /** Undefined: the high byte first in digits, the checksum's own order in bytes. */
  readonly order: ByteOrder | undefined;
  /** Whether a line without one is taken too. */
  readonly optional: boolean;
}

/** `key=value` items in any order. */
export interface PairSet {
  readonly between: string;
  readonly assign: string;
  /** What stands in the place of a unit when a value is not valid. */
  readonly invalid: string | undefined;
  readonly items: ReadonlyMap<string, readonly Step[]>;
}

/** Which JSON objects are meant: by keys that are there and keys that are not. */
export interface JsonShape {
  readonly has: readonly string[];
  readonly lacks: readonly string[];
}

export interface PolledBy {
  /** Text, signs up to U+00FF; `{address}` may stand in it, and the place of one value that it carries. */
  readonly send: readonly Step[];
  readonly timeoutMs: number;
  /** Further attempts after one without an answer. */
  readonly retries: number;
}

/** One kind of message. */
export interface MessageSpec {
  readonly name: string;
  /** Forms of its line, the first that fits is meant; with `pairs`, of what precedes them. Empty with `json`. */
  readonly forms: readonly (readonly Step[])[];
  readonly pairs?: PairSet | undefined;
  readonly json?: JsonShape | undefined;
  readonly checksum?: LineChecksum | undefined;
  readonly absent: readonly string[];
  /** Values of fields without which nothing in the message is valid. */
  readonly valid: ReadonlyMap<string, readonly (number | string | boolean)[]>;
  readonly request?: PolledBy | undefined;
  /** Forms of the line by which the device refuses the request. */
  readonly refusals: readonly (readonly Step[])[];
}

/** What a profile says under `serial-line:`. */
export interface LineHead {
  readonly framing: LineFraming;
  readonly strip: ReadonlySet<number>;
  readonly encoding: "ascii" | "latin1" | "utf8";
  /** Used when gateway.yaml names none. */
  readonly address: string | undefined;
  readonly silentAfterMs: number;
  /** What the device needs before it answers, for the plan, ms. */
  readonly turnaroundMs: number;
  /** From one answer to the next request, ms. */
  readonly pauseMs: number;
  readonly messages: readonly MessageSpec[];
}

export const jsonTypes = ["number", "integer", "text", "boolean", "time"] as const;
export type JsonType = (typeof jsonTypes)[number];

/** What a profile says under a point's `at:`. */
export interface LineAddress {
  readonly message: string;
  /** A field that the message's pattern captures. */
  readonly field?: string | undefined;
  /** A place in a JSON object: keys and list indices with dots between. */
  readonly path?: string | undefined;
  /** Of a JSON value; a number in quotes is a number too. */
  readonly type: JsonType;
  /** Where a value is written: its place in the message's request. */
  readonly value?: string | undefined;
}
