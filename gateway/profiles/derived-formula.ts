import {
  compileExpression,
  type Expression,
  ExpressionError,
  type ExpressionType,
  Fault,
  type Scope,
} from "../codec/expression/expression.ts";
import type { Path } from "../codec/yaml.ts";
import type { Point } from "../model/device.ts";
import type { Formula } from "../model/formula.ts";
import type { Value } from "../model/value.ts";
import type { RawKind } from "../model/write-rule.ts";
import type { Report } from "./compile.ts";

/** The name of a bit in expressions, where `/` divides. */
const inExpression = (reading: string): string => reading.replace("/", ".");
const inReadings = (name: string): string => name.replace(".", "/");

/** What expressions may say of a point: its names, and their types. */
export function namesOf(point: Point, rawKind: RawKind): [string, ExpressionType][] {
  if (point.bits)
    return Array.from(point.bits.values(), (bit) => [inExpression(`${point.name}/${bit}`), "boolean"]);
  if (point.labels) {
    const labels = [...point.labels.values(), ...(point.otherLabel ? [point.otherLabel] : [])];
    return [[point.name, [...new Set(labels.map(({ en }) => en))]]];
  }
  if (rawKind === "boolean") return [[point.name, "boolean"]];
  if (rawKind === "text" || point.kind === "id") return [[point.name, "text"]];
  return rawKind === "bytes" ? [] : [[point.name, "number"]];
}

export interface CompiledFormula {
  readonly formula: Formula;
  readonly type: Expression["type"];
}

/**
 * Compiles what stands at `path`; what is wrong with it is reported, with its place inside the
 * expression, and the result is then undefined. `own` is the type of `value` where that has a meaning.
 */
export function compileFormula(
  report: Report,
  path: Path,
  text: string,
  scope: Scope,
  { own, wanted }: { own?: ExpressionType | undefined; wanted?: Expression["type"] | undefined } = {},
): CompiledFormula | undefined {
  let expression: Expression;
  try {
    expression = compileExpression(
      text,
      own === undefined ? scope : new Map([...scope, ["value", own]]),
      wanted,
    );
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { code, message, hint, start, end } = error;
    report(path, "value", { code, message, hint, within: [start, end] });
    return undefined;
  }
  const names = expression.names.map(({ name }) => inReadings(name));
  const needs = own === undefined ? names : names.filter((name) => name !== "value");
  return { formula: { text, needs, evaluate: evaluator(expression, names) }, type: expression.type };
}

function evaluator(expression: Expression, names: readonly string[]): Formula["evaluate"] {
  return (inputs) => {
    const values: (number | boolean | string)[] = [];
    for (const name of names) {
      const value = plain(inputs.get(name));
      if (value === undefined) return { problem: `"${name}" has no value` };
      values.push(value);
    }
    const result = expression.evaluate(values);
    return result instanceof Fault ? { problem: result.reason } : { value: result };
  };
}

/** The language has one type of number: what is larger than 2^53 is the nearest double. */
function plain(value: Value | undefined): number | boolean | string | undefined {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? undefined : value;
}
