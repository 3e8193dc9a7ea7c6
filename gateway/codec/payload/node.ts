import type { Decoding } from "./context/decoding.ts";
import type { Encoding } from "./context/encoding.ts";

/** Decoded values by name. */
export type Output = Record<string, unknown>;
/** Values to encode, by name. */
export type Input = Readonly<Record<string, unknown>>;
/** A value as the wire gave it. `bigint` only where a 64-bit integer leaves the safe range. */
export type Raw = number | bigint | boolean | string;

export type OutputType = "number" | "integer" | "text" | "boolean" | "bytes" | "list" | "object" | "any";

/** What other vocabularies call this value; carried, never interpreted here. */
export interface Hints {
  readonly semantic?: string;
  /** IPSO object, instance and resource. */
  readonly ipso?: { readonly object: number; readonly instance?: number; readonly resource?: number };
  readonly senml?: { readonly name?: string; readonly unit?: string };
  readonly unece?: string;
  readonly sensor?: string;
  readonly resolution?: number;
}

/** One name that a layout can report. */
export interface OutputField {
  /** The key of `data`; with `pattern` a template such as "ch_${n}_temp". */
  readonly name: string;
  readonly pattern?: true;
  /** `bytes` come as lower-case hex text. */
  readonly type: OutputType;
  readonly unit?: string;
  readonly description?: string;
  readonly range?: readonly [number, number];
  readonly labels?: readonly (string | number | boolean)[];
  readonly hints?: Hints;
  /** The value is a time in Unix seconds. */
  readonly time?: true;
  /** Several records of one payload may carry it: then it is a list of such values. */
  readonly repeats?: true;
  /** Members of an object, or of the elements of a list. */
  readonly fields?: readonly OutputField[];
  /** Ports on which it appears, where the schema tells ports apart. */
  readonly ports?: readonly (number | "default")[];
}

/** A name by which the encoder of tagged records recognises a case. */
export interface Claim {
  readonly name: string;
  /** Whether one record holds this list; if not, it holds one element of it. */
  holds(list: readonly unknown[]): boolean;
}

/** One compiled item of a field list, or a whole list: both directions together. */
export interface Node {
  /** Reads at the cursor and reports into `out`. Throws PayloadError, which ends the decoding. */
  decode(state: Decoding, out: Output): void;
  /** Before anything is written: values that follow from others (presence bits, hidden discriminators). */
  prepare?(state: Encoding, input: Input): void;
  /** Writes at the cursor. Problems go to `state.errors`; throws PayloadError for its own field only. */
  encode(state: Encoding, input: Input): void;
  readonly outputs: readonly OutputField[];
  readonly claims: readonly Claim[];
  /** Values that it can yield at most in one pass, without repetitions inside. */
  readonly weight: number;
}
