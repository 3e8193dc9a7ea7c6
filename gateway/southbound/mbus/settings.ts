import type { Endpoint } from "../../transport/transport.ts";
import type { ReadRequest } from "../protocol.ts";
import type { ValueFunction } from "./records.ts";

/** Bytes sent before a reading, for meters and converters that sleep. */
export interface WakeUp {
  readonly byte: number;
  readonly forMs: number;
}

/** Milliseconds; undefined = what EN 13757-2 says. */
export interface MbusTiming {
  /** Longest wait for the first byte of an answer. */
  readonly timeout?: number | undefined;
  /** Typical wait, for the plan. */
  readonly turnaround?: number | undefined;
}

/** One line, normalised. */
export interface MbusConnection {
  readonly endpoint: Endpoint;
  /** Of the bus itself, also behind a TCP converter. */
  readonly baud: number;
  readonly timing: MbusTiming & { readonly connectDelay?: number | undefined };
  /** Repeats of a request without an answer. */
  readonly retries: number;
  readonly wakeUp?: WakeUp | undefined;
}

/** A secondary address; what is not given matches every meter. */
export interface SecondaryAddress {
  /** Eight hexadecimal digits, F standing for any. */
  readonly id: string;
  /** Three letters. */
  readonly manufacturer?: string | undefined;
  readonly version?: number | undefined;
  readonly medium?: number | undefined;
}

/** What gateway.yaml says about one meter. */
export type MbusDevice =
  | { readonly address: number; readonly secondary?: undefined }
  | { readonly address?: undefined; readonly secondary: SecondaryAddress };

/** What a profile says under `mbus:`. */
export interface MbusHead {
  /** Most telegrams of one reading: 1, or 16 where `all` is written. */
  readonly telegrams: number;
  /** Least ms from one reading of a meter to the next. */
  readonly minInterval?: number | undefined;
  /** What makes the meter begin with its first telegram. */
  readonly reset: "link" | "application" | "none";
  readonly wakeUp?: WakeUp | undefined;
  readonly timing: MbusTiming;
}

/** More of them in one reading are no meter's, but a meter that repeats itself. */
export const mostTelegrams = 16;

export const headerFields = [
  "id",
  "manufacturer",
  "version",
  "medium",
  "access",
  "status",
  "signature",
] as const;
export type HeaderField = (typeof headerFields)[number];

/** What a profile says under a point's `at:`, normalised. */
export type MbusAddress = QuantityAddress | TextAddress | KeyAddress | HeaderAddress;

interface RecordChoice {
  /** Unit that the raw value comes in. */
  readonly in?: string | undefined;
  /** The how-many-th record of this sort in its telegram, from 1; undefined: there must be one. */
  readonly nth?: number | undefined;
  /** Integers without a sign. */
  readonly unsigned: boolean;
}

interface RecordSort {
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
  readonly function: ValueFunction;
  /** Sorted. */
  readonly with: readonly string[];
}

export interface QuantityAddress extends RecordChoice, RecordSort {
  readonly by: "quantity";
  readonly quantity: string;
}
/** A record whose unit the meter spells out. */
export interface TextAddress extends RecordChoice, RecordSort {
  readonly by: "text";
  readonly text: string;
}
/** DIF, DIFEs, VIF and VIFEs as they stand in the telegram. */
export interface KeyAddress extends RecordChoice {
  readonly by: "key";
  /** `04 06` */
  readonly key: string;
}
export interface HeaderAddress {
  readonly by: "header";
  readonly field: HeaderField;
}

/** A whole reading of one meter. */
export interface MbusRequest extends ReadRequest<MbusAddress> {
  readonly meter: true;
}

/** Bits of one character: start, eight, even parity, stop. */
export const characterBits = 11;

/** How the meter is named to people. */
export function meterName({ address, secondary }: MbusDevice): string {
  if (!secondary) return `meter ${address}`;
  const { id, manufacturer = "", version, medium } = secondary;
  const more = [manufacturer, version, medium].filter((part) => part !== undefined && part !== "");
  return `meter ${[id, ...more].join(" ")}`;
}
