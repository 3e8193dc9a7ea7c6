import type { Rational } from "./decimal.ts";
import type { Text } from "./device.ts";
import type { Formula } from "./formula.ts";
import type { RawValue, Value } from "./value.ts";

// How a point is written, as data compiled from a profile. Nothing here writes: `write.ts` turns a
// commanded value into raw values, the command desk sends them and keeps rates, budgets and failsafes.

/** What an address yields and takes. */
export type RawKind = "integer" | "float" | "boolean" | "text" | "bytes";

/** One step of a sequence. */
export type WriteStep<Address = unknown> =
  /** A point of the same device; without `value` the commanded one. */
  | { readonly kind: "set"; readonly point: string; readonly value?: Value | undefined }
  /** A place that is no point, with its raw value. */
  | { readonly kind: "raw"; readonly address: Address; readonly raw: RawValue }
  | { readonly kind: "wait"; readonly waitMs: number };

/** How it is known that a write was carried out: what is read back must be the value written. */
export interface VerifyRule<Address = unknown> {
  /** Where to read, in the form of the written point; undefined when `point` says it, or where the point itself is read. */
  readonly address?: Address | undefined;
  /** Another point that shows the value. */
  readonly point?: string | undefined;
  readonly withinMs: number;
  /** Of the scaled value. */
  readonly tolerance: number;
  /** Writes after the first one. */
  readonly retries: number;
}

export interface WriteRule<Address = unknown> {
  readonly address: Address;
  readonly rawKind: RawKind;
  /** Of the scaled value, both ends included. */
  readonly range?: readonly [number, number] | undefined;
  /** The only values taken, in the words of the point. */
  readonly allowed?: readonly Value[] | undefined;
  /** Labels by raw value, where what is written differs from what is read. */
  readonly labels?: ReadonlyMap<number, Text> | undefined;
  /** Values are multiples of it, counted from 0; without it a value is rounded to what the device can hold. */
  readonly step?: Rational | undefined;
  /** Turns the commanded `value` into the one that is written. */
  readonly value?: Formula | undefined;
  readonly steps: readonly WriteStep<Address>[];
  /** Sequences of single values; they go before `steps`. */
  readonly stepsByValue?: ReadonlyMap<Value, readonly WriteStep<Address>[]> | undefined;
  /** Undefined: nothing shows it. */
  readonly verify?: VerifyRule<Address> | undefined;
  readonly rate?: { readonly count: number; readonly perMs: number } | undefined;
  /** Writes that the device's memory bears. A value that is there already is not written again. */
  readonly budget?:
    | { readonly perDay?: number | undefined; readonly lifetime?: number | undefined }
    | undefined;
  /** Must be true at the time of writing. */
  readonly interlock?: Formula | undefined;
  /** The device falls back when it is not written again in this time. */
  readonly keepaliveMs?: number | undefined;
  /** What is written when nobody commands any more. */
  readonly failsafe?: { readonly afterMs: number; readonly value: Value } | undefined;
  /**
   * What the gateway does with a commanded point when it starts again: nothing (`hold`, also when
   * undefined), write the failsafe value, or write the last commanded value once more.
   */
  readonly restart?: "hold" | "failsafe" | "last" | undefined;
  /** Longest life of a command. */
  readonly expiryMs?: number | undefined;
  /** Whether a second person, or the same one again, must confirm. */
  readonly confirm: "none" | "two-step";
}

/** One write at (re)connect, done only when the device does not hold the value yet. */
export interface SetupStep<Address = unknown> {
  /** The point that is set; undefined for a place that is no point. */
  readonly point?: string | undefined;
  readonly address: Address;
  readonly raw: RawValue;
  /** For people: as written in the profile. */
  readonly value: Value;
  readonly verify?: VerifyRule<Address> | undefined;
}

/** What proves that it is this model: a reading, and what it must be. */
export interface IdentifyRule {
  /** Name of the point, also of one that is read for this purpose only (`DeviceProfile.identifyPoints`). */
  readonly point: string;
  readonly test: IdentifyTest;
}

export type IdentifyTest =
  | { readonly in: readonly Value[] }
  | { readonly prefix: string }
  /** Numbers, or versions such as 1.10.2 compared number by number; from (included), below (not included). */
  | { readonly from?: number | string | undefined; readonly below?: number | string | undefined };

/** Not to be used for what is new. */
export interface Deprecation {
  /** Version of the profile. */
  readonly since: string;
  /** What to use instead: another profile or another point. */
  readonly use?: string | undefined;
  readonly reason?: string | undefined;
}

/** A closed choice that is made per device. */
export interface ProfileOption {
  readonly values: readonly string[];
  /** Undefined: every device must choose. */
  readonly standard?: string | undefined;
  readonly title?: Text | undefined;
  readonly doc?: string | undefined;
}
