import {
  compileExpression,
  type Expression,
  ExpressionError,
  type ExpressionType,
  type ExpressionValue,
  Fault,
  type Scope,
} from "../codec/expression/expression.ts";
import type { Path } from "../codec/yaml.ts";
import type { Point } from "../model/device.ts";
import type { Formula } from "../model/formula.ts";
import type { Value } from "../model/value.ts";
import type { Report } from "./compile.ts";
import type { Chosen, Options } from "./option.ts";

/** What formulas of one profile have in common. */
export interface FormulaContext {
  readonly report: Report;
  /** Choices are names too: their values are known when the profile is compiled. */
  readonly options: Options;
  readonly chosen: Chosen;
  /** Points that only other choices have: why a name is not there. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** What a formula may name: the choices of the device, and points, bits as `<point>.<bit>`. */
export function scopeOf(
  { options }: Pick<FormulaContext, "options">,
  points: readonly Point[],
): Map<string, ExpressionType> {
  const scope = new Map<string, ExpressionType>();
  for (const [name, { values }] of options) scope.set(name, values);
  for (const point of points) addNames(scope, point);
  return scope;
}

export function addNames(scope: Map<string, ExpressionType>, point: Point): void {
  const type = typeOf(point);
  if (type !== undefined) scope.set(point.name, type);
  for (const bit of point.bits?.values() ?? []) scope.set(`${point.name}.${bit}`, "boolean");
}

/** What a formula sees of a point; undefined for bytes, and for bits, which are several. */
export function typeOf(point: Point): ExpressionType | undefined {
  const labels = point.write?.labels ?? point.labels;
  if (point.bits) return undefined;
  if (labels)
    return [...labels.values(), ...(point.otherLabel ? [point.otherLabel] : [])].map(({ en }) => en);
  if (point.kind === "id") return "text";
  switch (point.rawKind) {
    case "boolean":
    case "text":
      return point.rawKind;
    case "bytes":
      return undefined;
    default:
      return "number";
  }
}

export interface CompiledFormula {
  readonly formula: Formula;
  readonly type: Expression["type"];
}

/**
 * Compiles what stands at `path`; what is wrong with it is reported, with its place inside the
 * expression, and the result is then undefined. `own` is the type of `value`, where that has a meaning.
 */
export function compileFormula(
  context: FormulaContext,
  path: Path,
  text: string,
  scope: Scope,
  { own, wanted }: { own?: ExpressionType | undefined; wanted?: Expression["type"] | undefined } = {},
): CompiledFormula | undefined {
  const { report, chosen, elsewhere } = context;
  const known = own === undefined ? scope : new Map([...scope, ["value", own]]);
  try {
    const expression = compileExpression(text, known, wanted);
    const names = expression.names.map(({ name }) => name.replace(".", "/"));
    const given = own === undefined ? chosen : { ...chosen, value: "" };
    const needs = names.filter((name) => !Object.hasOwn(given, name));
    return {
      formula: { text, needs, evaluate: evaluator(expression, names, chosen) },
      type: expression.type,
    };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { code, message, hint, start, end } = error;
    const reason = code === "unknown-name" ? elsewhere.get(text.slice(start, end)) : undefined;
    report(path, "value", {
      code,
      message,
      hint: reason ?? hint ?? (code === "bad-expression" ? usual : undefined),
      within: [start, end],
    });
    return undefined;
  }
}

const usual = 'an expression looks like: clamp(value, 10, 100), or: mode == "on" && level < 90';

function evaluator(expression: Expression, names: readonly string[], chosen: Chosen): Formula["evaluate"] {
  return (inputs) => {
    const values: ExpressionValue[] = [];
    for (const name of names) {
      const value = plain(inputs.get(name) ?? chosen[name]);
      if (value === undefined) return { problem: `"${name}" has no value now` };
      values.push(value);
    }
    const result = expression.evaluate(values);
    return result instanceof Fault ? { problem: result.reason } : { value: result };
  };
}

/** The language has one type of number: what is larger than 2^53 is the nearest double. */
function plain(value: Value | undefined): ExpressionValue | undefined {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? undefined : value;
}
