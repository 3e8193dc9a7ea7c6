import { ExpressionError, type Place, scan, type Token } from "./scan.ts";

export type BinaryOperator =
  | "||"
  | "&&"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "|"
  | "^"
  | "&"
  | "<<"
  | ">>"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%";
export type UnaryOperator = "-" | "!" | "~";

/** What an expression means, before its types are known. */
export type Node = Place &
  (
    | { readonly kind: "number"; readonly value: number }
    | { readonly kind: "boolean"; readonly value: boolean }
    | { readonly kind: "text"; readonly value: string }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly operand: Node }
    | {
        readonly kind: "binary";
        readonly operator: BinaryOperator;
        readonly left: Node;
        readonly right: Node;
        /** Where the operator itself stands. */
        readonly sign: Place;
      }
    | { readonly kind: "member"; readonly item: Node; readonly list: readonly Node[] }
    | { readonly kind: "choice"; readonly condition: Node; readonly yes: Node; readonly no: Node }
    | { readonly kind: "call"; readonly name: string; readonly at: Place; readonly operands: readonly Node[] }
  );

/** Levels of parentheses, calls, signs and choices that an expression may have. */
export const maxExpressionDepth = 32;

// Loosest first. Bit operations bind tighter than comparisons: `status & 4 == 4` is what it looks like.
const levels: readonly (readonly BinaryOperator[])[] = [
  ["||"],
  ["&&"],
  ["==", "!=", "<", "<=", ">", ">="],
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];
const comparisons = 2;
const words: ReadonlyMap<string, string> = new Map([
  ["and", "&&"],
  ["or", "||"],
  ["not", "!"],
  ["mod", "%"],
  ["div", "/"],
]);

/** Reads an expression. Throws ExpressionError. */
export function parse(text: string): Node {
  const parser = new Parser(scan(text));
  const node = parser.choice();
  parser.expectEnd();
  return node;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  choice(): Node {
    return this.#deeper(() => {
      const condition = this.#binary(0);
      if (!this.#take("?")) return condition;
      const yes = this.choice();
      if (!this.#take(":")) this.#refuse('":" and what holds otherwise are missing after "?"');
      const no = this.choice();
      return { kind: "choice", condition, yes, no, start: condition.start, end: no.end };
    });
  }

  expectEnd(): void {
    if (this.#token.kind !== "end") this.#unexpected();
  }

  #binary(level: number): Node {
    const operators = levels[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    let compared = false;
    for (;;) {
      const sign = this.#token;
      const operator = operators.find((one) => sign.kind === "sign" && sign.text === one);
      const member = level === comparisons && sign.kind === "name" && sign.text === "in";
      if (operator === undefined && !member) return left;
      if (compared && level === comparisons) {
        throw new ExpressionError("comparisons cannot be chained", sign, {
          code: "bad-expression",
          hint: "write a < b && b < c",
        });
      }
      compared = true;
      this.#at += 1;
      if (operator === undefined) left = this.#member(left);
      else {
        const right = this.#binary(level + 1);
        left = { kind: "binary", operator, left, right, sign, start: left.start, end: right.end };
      }
    }
  }

  #member(item: Node): Node {
    if (!this.#take("[")) this.#refuse('a list is missing after "in": write in [1, 2, 3]');
    const list = this.#list("]");
    const end = this.#tokens[this.#at - 1]!.end;
    if (list.length === 0) {
      const message = 'the list after "in" is empty';
      throw new ExpressionError(message, { start: item.start, end }, { code: "bad-expression" });
    }
    return { kind: "member", item, list, start: item.start, end };
  }

  #unary(): Node {
    const sign = this.#token;
    const operator = (["-", "!", "~"] as const).find((one) => sign.kind === "sign" && sign.text === one);
    if (operator === undefined) return this.#primary();
    this.#at += 1;
    return this.#deeper(() => {
      const operand = this.#unary();
      return { kind: "unary", operator, operand, start: sign.start, end: operand.end };
    });
  }

  #primary(): Node {
    const token = this.#token;
    const { kind, text, start, end } = token;
    if (this.#take("(")) {
      const inner = this.choice();
      if (!this.#take(")")) this.#refuse('")" is missing');
      return inner;
    }
    if (kind === "end" || kind === "sign") this.#unexpected();
    this.#at += 1;
    if (token.value !== undefined) return { kind: "number", value: token.value, start, end };
    if (kind === "text") return { kind: "text", value: text, start, end };
    if (text === "true" || text === "false") return { kind: "boolean", value: text === "true", start, end };
    if (!this.#take("(")) return { kind: "name", name: text, start, end };
    const operands = this.#list(")");
    return { kind: "call", name: text, at: token, operands, start, end: this.#tokens[this.#at - 1]!.end };
  }

  /** What stands up to the closing sign, which is taken. */
  #list(close: ")" | "]"): Node[] {
    const nodes: Node[] = [];
    if (this.#take(close)) return nodes;
    do nodes.push(this.choice());
    while (this.#take(","));
    if (!this.#take(close)) this.#refuse(`"${close}" is missing`);
    return nodes;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(sign: string): boolean {
    const { kind, text } = this.#token;
    if (kind !== "sign" || text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #deeper<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > maxExpressionDepth) {
      throw new ExpressionError(`nested deeper than ${maxExpressionDepth} levels`, this.#token, {
        code: "bad-expression",
        hint: "split it into several computed points",
      });
    }
    const result = read();
    this.#depth -= 1;
    return result;
  }

  #unexpected(): never {
    const { kind, text } = this.#token;
    const before = this.#tokens[this.#at - 1];
    for (const word of [this.#token, before]) {
      const instead = word?.kind === "name" ? words.get(word.text) : undefined;
      if (!word || instead === undefined) continue;
      throw new ExpressionError(`"${word.text}" is not known in expressions`, word, {
        code: "bad-expression",
        hint: `write ${instead}`,
      });
    }
    if (kind === "end") {
      this.#refuse(this.#tokens.length === 1 ? "the expression is empty" : "the expression ends too early");
    }
    const two = before && before.kind !== "sign" && kind !== "sign";
    const shown = kind === "text" ? "a text" : `"${text}"`;
    this.#refuse(`${shown} cannot stand here`, two ? "an operator such as + or && is missing" : undefined);
  }

  #refuse(message: string, hint?: string): never {
    const { start, end } = this.#token;
    throw new ExpressionError(message, { start, end }, { code: "bad-expression", hint });
  }
}
