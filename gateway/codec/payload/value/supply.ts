import type { Encoding } from "../context/encoding.ts";
import type { Input, Raw } from "../node.ts";
import type { Section } from "../section.ts";
import type { Pipeline } from "./pipeline.ts";
import { given, type Report } from "./report.ts";

export interface Supplied {
  /** Undefined where nobody gives one: then the field is written as nothing. */
  readonly value: unknown;
  /** Whether it may cover bits that another field has written. */
  readonly given: boolean;
}

/** Where the encoder takes a field's value from: presence bits, the caller, what follows from the rest, `default`. */
export function supply(
  section: Section,
  report: Report,
  otherwise: unknown = section.get("default"),
): (state: Encoding, input: Input) => Supplied {
  const { slots } = report;
  return (state, input) => {
    const key = report.inputKey(state);
    const value =
      slots.map((slot) => state.forced.get(slot)).find((forced) => forced !== undefined) ??
      given(input, key) ??
      (key === undefined
        ? slots.map((slot) => state.implied.get(slot)).find((one) => one !== undefined)
        : undefined) ??
      otherwise;
    for (const slot of slots) state.vars[slot] = value;
    return { value, given: value !== undefined };
  };
}

/**
 * The raw value that the encoder writes for a field. A missing one is its sentinel if it has one, else
 * the value 0 of a named field (with a warning) and the bits 0 of a hidden one. Throws PayloadError.
 */
export function rawOf(
  state: Encoding,
  input: Input,
  take: (state: Encoding, input: Input) => Supplied,
  report: Report,
  pipeline: Pipeline,
): { readonly raw: Raw; readonly given: boolean } {
  const supplied = take(state, input);
  if (supplied.value !== undefined) {
    for (const slot of report.slots) state.vars[slot] = pipeline.canonical(supplied.value);
    return { raw: pipeline.undo(supplied.value), given: supplied.given };
  }
  if (pipeline.sentinel !== undefined) return { raw: pipeline.sentinel, given: false };
  const text = pipeline.type === "text" || pipeline.type === "bytes";
  if (report.name === undefined) return { raw: text && !pipeline.labels ? "" : 0, given: false };
  state.warnings.push(`Missing field: ${report.label}`);
  return { raw: text && !pipeline.labels ? "" : pipeline.undo(0), given: false };
}
