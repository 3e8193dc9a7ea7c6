import type { Compiling } from "../context/compiling.ts";
import { absent } from "../context/decoding.ts";
import { numberOf, Section, schemaError, variableName } from "../section.ts";

const comparisons = {
  gt: (a: number, b: number) => a > b,
  gte: (a: number, b: number) => a >= b,
  lt: (a: number, b: number) => a < b,
  lte: (a: number, b: number) => a <= b,
  eq: (a: number, b: number) => a === b,
  ne: (a: number, b: number) => a !== b,
} as const;
const words = ["gt", "gte", "lt", "lte", "eq", "ne"] as const;

/** Conditions under which a computed field is computed, and what it is otherwise. */
export interface Guard {
  /** Undefined when a variable that it asks is absent. */
  holds(vars: readonly unknown[]): boolean | undefined;
  /** Undefined: the field is left out. */
  readonly otherwise: unknown;
}

/**
 * Of two comparisons in one condition only the first counts, and a condition whose field is written
 * without `$` is skipped: what the language's reference does; both are noted. Throws ConfigError.
 */
export function compileGuard(section: Section, context: Compiling): Guard | undefined {
  const guard = section.section("guard");
  if (!guard) return undefined;
  const conditions = (guard.list("when") ?? []).flatMap((item, index) => {
    const one = new Section(item, `${guard.at("when")}[${index}]`);
    const condition = compileCondition(one, context);
    return condition ? [condition] : [];
  });
  return {
    holds: (vars) => {
      for (const { slot, compare, than } of conditions) {
        const value = vars[slot];
        if (value === absent) return undefined;
        const number = value === undefined ? 0 : typeof value === "string" ? Number.NaN : Number(value);
        if (!compare(number, than)) return false;
      }
      return true;
    },
    otherwise: guard.get("else"),
  };
}

function compileCondition(one: Section, context: Compiling) {
  const field = one.text("field");
  if (field === undefined) throw schemaError(one.path, "a condition needs a field");
  const [word, second] = words.filter((key) => one.has(key));
  if (word === undefined) throw schemaError(one.path, `a condition needs one of ${words.join(", ")}`);
  if (second !== undefined) context.notes.push(`${one.path}: only ${word} counts, ${second} does nothing`);
  const than = numberOf(one.get(word));
  if (than === undefined) throw schemaError(one.at(word), "a number is needed here");
  if (!field.startsWith("$")) {
    context.notes.push(`${one.at("field")}: "${field}" is written without $: the condition does nothing`);
    return undefined;
  }
  return { slot: context.slot(variableName(field)), compare: comparisons[word], than };
}
