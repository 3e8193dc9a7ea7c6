import type { Compiling } from "../context/compiling.ts";
import { absent, type Decoding } from "../context/decoding.ts";
import type { Node, OutputType } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { describe, numberOf, type Section, schemaError } from "../section.ts";
import { compileModifiers } from "../value/modifiers.ts";
import { sequence } from "../value/pipeline.ts";
import { compileReport } from "../value/report.ts";
import { compileTransform } from "../value/transform.ts";
import { compileGuard } from "./guard.ts";
import { outputOf } from "./value-field.ts";
import { compileOperand, numeric } from "./variable.ts";

const operators = ["add", "sub", "mul", "div", "mod", "idiv"] as const;

/** The result of a computation; undefined when the field is left out, `absent` when its source is. */
type Source = (state: Decoding) => unknown;

/** `type: number` and `type: integer`: a value that takes no bytes. Throws ConfigError. */
export function compileComputed(section: Section, context: Compiling, whole: boolean): Node {
  const report = compileReport(section, context);
  const source = compileSource(section, context, report.label);
  const { put, omit, sentinel, label } = report;
  const type: OutputType =
    section.has("value") && typeof section.get("value") === "string" ? "text" : whole ? "integer" : "number";
  return {
    decode: (state, out) => {
      const value = source(state);
      if (value === undefined) return omit(state);
      if (value === absent) return sentinel(state);
      if (whole && typeof value === "number" && Number.isFinite(value) && !Number.isInteger(value))
        throw badValue(`${label}: ${value} is not a whole number`);
      put(state, out, value);
    },
    encode: () => undefined,
    outputs: outputOf(section, report, type),
    claims: [],
    weight: 1,
  };
}

function compileSource(section: Section, context: Compiling, label: string): Source {
  if (section.has("formula"))
    throw schemaError(
      section.at("formula"),
      "formulas are deprecated in the language and not read here",
      "write compute, polynomial or transform",
    );
  if (section.has("ref")) return compileRef(section, context, label);
  const compute = section.section("compute");
  if (compute) return compileCompute(section, compute, context, label);
  if (!section.has("value")) throw schemaError(section.path, "a computed field needs ref, compute or value");
  const value = section.get("value");
  if (typeof value === "object")
    throw schemaError(section.at("value"), `${describe(value)} cannot be a value`);
  return () => value;
}

/** `ref`: polynomial, then mult, div, add, then transform. `else` of a guard is final. */
function compileRef(section: Section, context: Compiling, label: string): Source {
  const operand = compileOperand(section.get("ref"), section.at("ref"), context);
  const guard = compileGuard(section, context);
  const polynomial = compilePolynomial(section);
  const rest = sequence(compileModifiers(section), compileTransform(section, context.notes));
  const compute = (vars: readonly unknown[]): unknown => {
    const value = operand(vars);
    if (value === absent) return absent;
    if (typeof value === "string" || (!polynomial && !rest)) return value ?? 0;
    const number = numeric(value, label);
    const result = polynomial ? polynomial(number) : number;
    return rest ? rest.apply(result) : result;
  };
  if (!guard) return ({ vars }) => compute(vars);
  return ({ vars }) => {
    const holds = guard.holds(vars);
    return holds === undefined ? absent : holds ? compute(vars) : guard.otherwise;
  };
}

/** `compute`: the operation, then transform, which runs on a guard's `else` too. */
function compileCompute(section: Section, compute: Section, context: Compiling, label: string): Source {
  const op = compute.word("op", operators) ?? "add";
  const left = compileOperand(compute.get("a"), compute.at("a"), context);
  const right = compileOperand(compute.get("b"), compute.at("b"), context);
  const guard = compileGuard(section, context);
  const transform = compileTransform(section, context.notes);
  const operation = operations[op];
  return ({ vars }) => {
    const holds = guard ? guard.holds(vars) : true;
    if (holds === undefined) return absent;
    let result: unknown = guard?.otherwise;
    if (holds) {
      const a = left(vars);
      const b = right(vars);
      if (a === absent || b === absent) return absent;
      result = operation(numeric(a, label), numeric(b, label));
    }
    return transform && typeof result === "number" ? transform.apply(result) : result;
  };
}

/** Undefined for a zero divisor. `mod` and `idiv` cut both to whole numbers and divide floored. */
const operations: Readonly<Record<(typeof operators)[number], (a: number, b: number) => number | undefined>> =
  {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => (b === 0 ? undefined : a / b),
    mod: (a, b) => {
      const divisor = Math.trunc(b);
      if (divisor === 0) return undefined;
      const rest = Math.trunc(a) % divisor;
      return rest !== 0 && rest < 0 !== divisor < 0 ? rest + divisor : rest;
    },
    idiv: (a, b) => {
      const divisor = Math.trunc(b);
      return divisor === 0 ? undefined : Math.floor(Math.trunc(a) / divisor);
    },
  };

/** Coefficients from the highest power down to the constant. */
function compilePolynomial(section: Section): ((value: number) => number) | undefined {
  const coefficients = section.list("polynomial")?.map(numberOf);
  if (!coefficients) return undefined;
  const numbers = coefficients.filter((one) => one !== undefined);
  if (numbers.length < 2 || numbers.length !== coefficients.length)
    throw schemaError(
      section.at("polynomial"),
      "a polynomial has two or more numbers, the highest power first",
    );
  return (value) => {
    let result = 0;
    for (const coefficient of numbers) result = result * value + coefficient;
    return result;
  };
}
