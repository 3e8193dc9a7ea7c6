import {
  compileExpression,
  ExpressionError,
  type ExpressionType,
  type ExpressionValue,
  Fault,
  type Scope,
} from "../codec/expression/expression.ts";
import type { Path } from "../codec/yaml.ts";
import type { Point } from "../model/device.ts";
import type { Value } from "../model/value.ts";
import type { Formula } from "../model/write-rule.ts";
import type { Report } from "./compile.ts";

/** What an expression of the write side may name: the points that are read, and the choices of the device. */
export function writeScope(points: readonly Point[], chosen: Readonly<Record<string, string>>): Scope {
  const scope = new Map<string, ExpressionType>();
  for (const [option, value] of Object.entries(chosen)) scope.set(option, [value]);
  for (const point of points) {
    const type = typeOf(point);
    if (type !== undefined) scope.set(point.name, type);
  }
  return scope;
}

/** What an expression sees of a point; undefined for bits and bytes. */
export function typeOf(point: Point): ExpressionType | undefined {
  const labels = point.write?.labels ?? point.labels;
  if (point.bits) return undefined;
  if (labels)
    return [...labels.values(), ...(point.otherLabel ? [point.otherLabel] : [])].map(({ en }) => en);
  if (point.unit !== undefined) return "number";
  return point.kind === "text" ? "text" : "boolean";
}

/** An expression of the write side; undefined when it is wrong, and why is reported at `path`. */
export function compileFormula(
  text: string,
  scope: Scope,
  wanted: "number" | "boolean" | "text",
  chosen: Readonly<Record<string, string>>,
  path: Path,
  report: Report,
): Formula | undefined {
  try {
    const expression = compileExpression(text, scope, wanted);
    const names = expression.names.map((one) => one.name);
    const needs = names.filter((name) => name !== "value" && !Object.hasOwn(chosen, name));
    return {
      text,
      needs,
      evaluate: (inputs) => {
        const values: ExpressionValue[] = [];
        for (const name of names) {
          const value = plain(inputs.get(name) ?? chosen[name]);
          if (value === undefined) return { problem: `"${name}" has no value now` };
          values.push(value);
        }
        const result = expression.evaluate(values);
        return result instanceof Fault ? { problem: result.reason } : { value: result };
      },
    };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { code, message, hint, start, end } = error;
    const part = text.slice(start, end);
    const where = part === "" || message.includes(part) ? "" : ` (at "${part}")`;
    report(path, "value", { code, message: `${message}${where}`, hint: hint ?? usual });
    return undefined;
  }
}

const usual = 'an expression looks like: clamp(value, 10, 100), or: mode == "on" && level < 90';

function plain(value: Value | undefined): ExpressionValue | undefined {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? undefined : value;
}
