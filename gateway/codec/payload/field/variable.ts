import type { Compiling } from "../context/compiling.ts";
import { absent } from "../context/decoding.ts";
import { badValue } from "../payload-error.ts";
import { describe, numberOf, schemaError, variableName } from "../section.ts";

/** A number, or the variable that holds one. */
export type Operand = (vars: readonly unknown[]) => unknown;

/** `$v`, or a number. Throws ConfigError. */
export function compileOperand(value: unknown, path: string, context: Compiling): Operand {
  if (typeof value === "string" && value.startsWith("$")) {
    const slot = context.slot(variableName(value));
    return (vars) => vars[slot];
  }
  const number = numberOf(value);
  if (number === undefined)
    throw schemaError(path, `a number or a variable such as $name is needed here, not ${describe(value)}`);
  return () => number;
}

/** A variable as a number; one that has no value counts as 0. Throws PayloadError. */
export function numeric(value: unknown, label: string): number {
  if (typeof value === "number") return value;
  if (value === undefined) return 0;
  if (typeof value === "boolean" || typeof value === "bigint") return Number(value);
  throw badValue(`${label}: ${describe(value)} is not a number`);
}

/** The slot of a variable that a construct is steered by, and how to read it. */
export function compileSelector(written: unknown, path: string, context: Compiling) {
  if (typeof written !== "string" || written === "")
    throw schemaError(path, `the name of a variable is needed here, not ${describe(written)}`);
  const name = variableName(written);
  const slot = context.slot(name);
  return {
    name,
    slot,
    /** Throws PayloadError when the variable has no value. */
    read: (vars: readonly unknown[]): unknown => {
      const value = vars[slot];
      if (value === undefined || value === absent) throw badValue(`$${name} has no value`);
      return value;
    },
  };
}
