import { badValue } from "../payload-error.ts";
import type { Section } from "../section.ts";

/** A step of arithmetic and, where there is one, its way back. */
export interface Arithmetic {
  readonly apply: (value: number) => number;
  /** Throws PayloadError where there is no way back. */
  readonly undo: (value: number) => number;
  /** Whether the result is whole: always, when the value was, or not to be known. */
  readonly whole: "always" | "kept" | "lost";
}

/**
 * `mult`, `div` and `add` of a field or of a transform stage: ((value x mult) / div) + add in this
 * order, whatever the order of the keys. A zero divisor is left out. Undefined where none is given.
 */
export function compileModifiers(section: Section): Arithmetic | undefined {
  const mult = section.number("mult");
  const written = section.number("div");
  const div = written === 0 ? undefined : written;
  const add = section.number("add");
  if (mult === undefined && div === undefined && add === undefined) return undefined;
  return {
    apply: forward(mult, div, add),
    undo: (value) => {
      if (mult === 0) throw badValue("a multiplication by 0 cannot be undone");
      const shifted = add === undefined ? value : value - add;
      const divided = div === undefined ? shifted : shifted * div;
      return mult === undefined ? divided : divided / mult;
    },
    whole: div === undefined && Number.isInteger(mult ?? 1) && Number.isInteger(add ?? 0) ? "kept" : "lost",
  };
}

function forward(
  mult: number | undefined,
  div: number | undefined,
  add: number | undefined,
): (value: number) => number {
  if (mult === undefined) {
    if (div === undefined) return (value) => value + (add ?? 0);
    return add === undefined ? (value) => value / div : (value) => value / div + add;
  }
  if (div === undefined) return add === undefined ? (value) => value * mult : (value) => value * mult + add;
  return add === undefined ? (value) => (value * mult) / div : (value) => (value * mult) / div + add;
}
