import { Compiler, type ExpressionType, type Scope } from "./compile.ts";
import { Fault } from "./functions.ts";
import type { ExpressionValue } from "./operators.ts";
import { type Node, parse } from "./parse.ts";
import { ExpressionError, maxExpressionLength, type Place } from "./scan.ts";

export { ExpressionError, type ExpressionType, type ExpressionValue, Fault, maxExpressionLength, type Scope };

export interface ExpressionName extends Place {
  readonly name: string;
}

/** A checked expression, ready to be evaluated any number of times. */
export interface Expression {
  readonly text: string;
  readonly type: "number" | "boolean" | "text";
  /** The names that it uses, each once, in the order in which `evaluate` wants their values. */
  readonly names: readonly ExpressionName[];
  /**
   * The result, or a Fault when there is none (division by zero, a root of a negative number, an
   * overflow, a bit operation on a fraction): never NaN, an infinity or -0. `&&`, `||` and `?:` look
   * only at the side that decides. Throws TypeError when a value is not of its name's type.
   */
  evaluate(values: readonly ExpressionValue[]): ExpressionValue | Fault;
}

/**
 * Compiles an expression of the profile language: pure, without loops, and bounded by
 * `maxExpressionLength`, so that every evaluation ends. Numbers are doubles; integers too, so 1 / 2 is 0.5.
 *
 * Loosest first: `?:`, `||`, `&&`, one of `== != < <= > >= in [..]`, `|`, `^`, `&`, `<< >>`, `+ -`,
 * `* / %`, then `- ! ~`. Functions: `functions.ts`. Throws ExpressionError.
 *
 * @param scope the names that may be used
 * @param wanted the type that the whole must have
 */
// Own, not a library of the Common Expression Language. Node 24, ns per call of "sqrt(p * p + q * q)" and of
// "value == 0 ? 0 : clamp(value, 25, 100)": this 7 and 20, @marcbachmann/cel-js 8.0.0 137 and 100, @bufbuild/cel
// 0.6.1 445 and 233, cel-js 0.8.2 2700 and 3400; kB on disk with dependencies: 36, 290, 11,200, 8,500. Speed
// forbids none; meaning does (run on the first two): CEL has no & | ^ ~ << >>, refuses double == int (so that the second text above is
// an error), makes 1 / 2 silently 0, and lets 1 / 0.0 flow on, so that min(1 / 0.0, 100) is an invented 100.
export function compileExpression(text: string, scope: Scope, wanted?: Expression["type"]): Expression {
  const node = parse(text);
  const compiler = new Compiler(scope);
  const compiled =
    wanted === undefined ? compiler.compile(node) : compiler.expect(wanted, node, "what stands here");
  const { run, type } = compiled;
  return {
    text,
    type,
    names: Array.from(compiler.names, ([name, { start, end }]) => ({ name, start, end })),
    evaluate: (values) => {
      try {
        const result = run(values);
        return result === 0 ? 0 : result;
      } catch (error) {
        if (error instanceof Fault) return error;
        throw error;
      }
    },
  };
}

/** The names that an expression uses, each once, with its first place; types are not looked at. Throws ExpressionError. */
export function namesIn(text: string): readonly ExpressionName[] {
  const found = new Map<string, ExpressionName>();
  const visit = (node: Node): void => {
    if (node.kind === "name" && !found.has(node.name)) {
      found.set(node.name, { name: node.name, start: node.start, end: node.end });
    }
    for (const part of partsOf(node)) visit(part);
  };
  visit(parse(text));
  return [...found.values()];
}

function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "unary":
      return [node.operand];
    case "binary":
      return [node.left, node.right];
    case "member":
      return [node.item, ...node.list];
    case "choice":
      return [node.condition, node.yes, node.no];
    case "call":
      return node.operands;
    default:
      return [];
  }
}
