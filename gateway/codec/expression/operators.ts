import { bitwise, divide, finite, remainder, shiftLeft, shiftRight } from "./functions.ts";
import type { BinaryOperator } from "./parse.ts";

export type ExpressionValue = number | boolean | string;
/** The value of each name, in the order in which the expression uses them. */
export type Values = readonly ExpressionValue[];

/** Up to three operands without a list. */
export function called(
  run: (...operands: number[]) => number,
  operands: readonly ((values: Values) => number)[],
): (values: Values) => number {
  const [a, b, c] = operands;
  if (a && operands.length === 1) return (values) => run(a(values));
  if (a && b && operands.length === 2) return (values) => run(a(values), b(values));
  if (a && b && c && operands.length === 3) return (values) => run(a(values), b(values), c(values));
  return (values) => run(...operands.map((one) => one(values)));
}

export function comparison(
  operator: BinaryOperator,
  a: (values: Values) => number,
  b: (values: Values) => number,
): ((values: Values) => boolean) | undefined {
  switch (operator) {
    case "<":
      return (values) => a(values) < b(values);
    case "<=":
      return (values) => a(values) <= b(values);
    case ">":
      return (values) => a(values) > b(values);
    case ">=":
      return (values) => a(values) >= b(values);
    default:
      return undefined;
  }
}

const and = bitwise((a, b) => a & b);
const or = bitwise((a, b) => a | b);
const exclusiveOr = bitwise((a, b) => a ^ b);

export function arithmetic(
  operator: BinaryOperator,
  a: (values: Values) => number,
  b: (values: Values) => number,
): (values: Values) => number {
  switch (operator) {
    case "+":
      return (values) => finite(a(values) + b(values));
    case "-":
      return (values) => finite(a(values) - b(values));
    case "*":
      return (values) => finite(a(values) * b(values));
    case "/":
      return (values) => divide(a(values), b(values));
    case "%":
      return (values) => remainder(a(values), b(values));
    case "&":
      return (values) => and(a(values), b(values));
    case "|":
      return (values) => or(a(values), b(values));
    case "^":
      return (values) => exclusiveOr(a(values), b(values));
    case "<<":
      return (values) => shiftLeft(a(values), b(values));
    case ">>":
      return (values) => shiftRight(a(values), b(values));
    default:
      throw new RangeError(`no arithmetic: ${operator}`);
  }
}
