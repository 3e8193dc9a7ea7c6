// A little long: one case per kind of node of the language.
import { alternatives, suggest } from "../suggest.ts";
import { complement, Fault, functions } from "./functions.ts";
import { arithmetic, called, comparison, type ExpressionValue, type Values } from "./operators.ts";
import type { Node } from "./parse.ts";
import { ExpressionError, type Place } from "./scan.ts";

/** A list of texts: the only ones that a name can have, so that a misspelt one is found at load. */
export type ExpressionType = "number" | "boolean" | "text" | readonly string[];
/** What the names of an expression stand for. */
export type Scope = ReadonlyMap<string, ExpressionType>;

/** A node with its type, as a function: a constant has no need of values. */
export type Compiled =
  | { readonly type: "number"; readonly run: (values: Values) => number; readonly constant: boolean }
  | { readonly type: "boolean"; readonly run: (values: Values) => boolean; readonly constant: boolean }
  | {
      readonly type: "text";
      readonly run: (values: Values) => string;
      readonly constant: boolean;
      readonly allowed?: readonly string[] | undefined;
    };

type Of<Type extends Compiled["type"]> = Extract<Compiled, { type: Type }>;

/** How to get one type from another, by what is wanted and what there is. */
const conversions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  boolean: { number: "compare it, for example: > 0", text: 'compare it, for example: == "on"' },
  number: {
    boolean: "choose numbers for it: ... ? 1 : 0",
    text: 'choose numbers for it: ... == "on" ? 1 : 0',
  },
  text: {
    number: 'choose texts for it: ... > 0 ? "on" : "off"',
    boolean: 'choose texts for it: ... ? "on" : "off"',
  },
};

const typeWords = { number: "a number", boolean: "true or false", text: "a text" } as const;

/** Finds types and builds functions. */
export class Compiler {
  readonly #scope: Scope;
  /** Every name in order of its first use, and where that is. */
  readonly names = new Map<string, Place>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Throws ExpressionError where types do not fit, and where constants have no result. */
  compile(node: Node): Compiled {
    const compiled = this.#compile(node);
    if (!compiled.constant || node.kind === "number" || node.kind === "text" || node.kind === "boolean") {
      return compiled;
    }
    return folded(compiled, node);
  }

  /** As `compile`, of one type. `user` is what needs it, for the message. */
  expect<Type extends Compiled["type"]>(type: Type, node: Node, user: string): Of<Type> {
    const compiled = this.compile(node);
    if (isOf(compiled, type)) return compiled;
    const hint = conversions[type]?.[compiled.type];
    throw mismatch(`${user} needs ${typeWords[type]}, and this is ${typeWords[compiled.type]}`, node, hint);
  }

  #compile(node: Node): Compiled {
    switch (node.kind) {
      case "number": {
        const { value } = node;
        return { type: "number", run: () => value, constant: true };
      }
      case "boolean": {
        const { value } = node;
        return { type: "boolean", run: () => value, constant: true };
      }
      case "text": {
        const { value } = node;
        return { type: "text", run: () => value, constant: true };
      }
      case "name":
        return this.#name(node.name, node);
      case "unary":
        return this.#unary(node);
      case "binary":
        return this.#binary(node);
      case "member":
        return this.#member(node);
      case "choice":
        return this.#choice(node);
      case "call":
        return this.#call(node);
    }
  }

  #name(name: string, place: Place): Compiled {
    const type = this.#scope.get(name);
    if (type === undefined) throw this.#unknown(name, place);
    if (!this.names.has(name)) this.names.set(name, { start: place.start, end: place.end });
    const slot = [...this.names.keys()].indexOf(name);
    const constant = false;
    if (type === "number") return { type, constant, run: (values) => numberAt(values, slot) };
    if (type === "boolean") return { type, constant, run: (values) => values[slot] === true };
    const allowed = type === "text" ? undefined : type;
    return { type: "text", constant, allowed, run: (values) => String(values[slot]) };
  }

  #unknown(name: string, place: Place): ExpressionError {
    const known = [...this.#scope.keys()];
    const parts = known.filter((one) => one.startsWith(`${name}.`));
    if (parts.length > 0) {
      return new ExpressionError(`"${name}" has parts`, place, {
        code: "unknown-name",
        hint: `write ${alternatives(parts)}`,
      });
    }
    if (functions.has(name)) {
      const { form } = functions.get(name)!;
      return new ExpressionError(`"${name}" is a function`, place, {
        code: "unknown-name",
        hint: `write ${form}`,
      });
    }
    const near = suggest(name, known);
    const all = known.length > 0 ? `known here: ${alternatives(known)}` : undefined;
    return new ExpressionError(`unknown name "${name}"`, place, {
      code: "unknown-name",
      hint: near === undefined ? all : `did you mean "${near}"?`,
    });
  }

  #unary({ operator, operand }: Extract<Node, { kind: "unary" }>): Compiled {
    if (operator === "!") {
      const { run, constant } = this.expect("boolean", operand, '"!"');
      return { type: "boolean", constant, run: (values) => !run(values) };
    }
    const { run, constant } = this.expect("number", operand, `"${operator}"`);
    if (operator === "~") return { type: "number", constant, run: (values) => complement(run(values)) };
    return { type: "number", constant, run: (values) => -run(values) };
  }

  #binary({ operator, left, right, sign }: Extract<Node, { kind: "binary" }>): Compiled {
    if (operator === "==" || operator === "!=") {
      const equal = this.#equal(operator, left, right, sign);
      if (operator === "==") return equal;
      return { type: "boolean", constant: equal.constant, run: (values) => !equal.run(values) };
    }
    if (operator === "&&" || operator === "||") {
      const { run: a, constant: constantA } = this.expect("boolean", left, `"${operator}"`);
      const { run: b, constant: constantB } = this.expect("boolean", right, `"${operator}"`);
      const constant = constantA && constantB;
      if (operator === "&&") return { type: "boolean", constant, run: (values) => a(values) && b(values) };
      return { type: "boolean", constant, run: (values) => a(values) || b(values) };
    }
    const { run: a, constant: constantA } = this.expect("number", left, `"${operator}"`);
    const { run: b, constant: constantB } = this.expect("number", right, `"${operator}"`);
    const constant = constantA && constantB;
    const run = comparison(operator, a, b);
    if (run) return { type: "boolean", constant, run };
    return { type: "number", constant, run: arithmetic(operator, a, b) };
  }

  #equal(operator: string, left: Node, right: Node, sign: Place): Of<"boolean"> {
    const a = this.compile(left);
    const b = this.compile(right);
    if (a.type !== b.type) {
      const message = `"${operator}" compares ${typeWords[a.type]} with ${typeWords[b.type]}`;
      throw mismatch(message, sign, "both sides must be of one kind");
    }
    this.#checkText(a, b, right);
    this.#checkText(b, a, left);
    const { run: runA } = a;
    const { run: runB } = b;
    const constant = a.constant && b.constant;
    return { type: "boolean", constant, run: (values) => runA(values) === runB(values) };
  }

  /** A text that the other side can never be is a slip. */
  #checkText(closed: Compiled, written: Compiled, place: Place): void {
    if (closed.type !== "text" || closed.allowed === undefined) return;
    if (written.type !== "text" || !written.constant) return;
    const text = written.run([]);
    if (closed.allowed.includes(text)) return;
    const near = suggest(text, closed.allowed);
    const hint = `one of ${alternatives(closed.allowed)}`;
    throw new ExpressionError(`it is never ${JSON.stringify(text)}`, place, {
      code: "never-equal",
      hint: near === undefined ? hint : `did you mean "${near}"? (${hint})`,
    });
  }

  #member({ item, list }: Extract<Node, { kind: "member" }>): Compiled {
    const wanted = this.compile(item);
    const entries = list.map((node) => {
      const entry = this.expect(wanted.type, node, "the list");
      this.#checkText(wanted, entry, node);
      return entry;
    });
    const { run } = wanted;
    if (entries.every((entry) => entry.constant)) {
      const known = new Set<ExpressionValue>(entries.map((entry) => entry.run([])));
      return { type: "boolean", constant: wanted.constant, run: (values) => known.has(run(values)) };
    }
    return {
      type: "boolean",
      constant: false,
      run: (values) => {
        const value = run(values);
        return entries.some((entry) => entry.run(values) === value);
      },
    };
  }

  #choice({ condition, yes, no }: Extract<Node, { kind: "choice" }>): Compiled {
    const { run: test, constant: constantTest } = this.expect("boolean", condition, '"?"');
    const a = this.compile(yes);
    if (a.type === "number") {
      const b = this.expect("number", no, 'after ":" the choice');
      const constant = constantTest && a.constant && b.constant;
      return { type: "number", constant, run: (values) => (test(values) ? a.run(values) : b.run(values)) };
    }
    if (a.type === "boolean") {
      const b = this.expect("boolean", no, 'after ":" the choice');
      const constant = constantTest && a.constant && b.constant;
      return { type: "boolean", constant, run: (values) => (test(values) ? a.run(values) : b.run(values)) };
    }
    const b = this.expect("text", no, 'after ":" the choice');
    const constant = constantTest && a.constant && b.constant;
    const allowed = union(a, b);
    return {
      type: "text",
      constant,
      allowed,
      run: (values) => (test(values) ? a.run(values) : b.run(values)),
    };
  }

  #call({ name, at, operands, start, end }: Extract<Node, { kind: "call" }>): Compiled {
    const known = functions.get(name);
    if (!known) {
      const near = suggest(name, functions.keys());
      throw new ExpressionError(`unknown function "${name}"`, at, {
        code: "unknown-name",
        hint:
          near === undefined
            ? `there are ${alternatives([...functions.keys()], 20).replace(" or ", " and ")}`
            : `did you mean "${near}"?`,
      });
    }
    const { least, most, form, run } = known;
    if (operands.length < least || operands.length > most) {
      const count = operands.length === 1 ? "1 value" : `${operands.length} values`;
      throw new ExpressionError(
        `"${name}" cannot take ${count}`,
        { start, end },
        { code: "bad-expression", hint: `write ${form}` },
      );
    }
    const compiled = operands.map((node) => this.expect("number", node, `"${name}"`));
    const constant = compiled.every((one) => one.constant);
    return {
      type: "number",
      constant,
      run: called(
        run,
        compiled.map((one) => one.run),
      ),
    };
  }
}

function isOf<Type extends Compiled["type"]>(compiled: Compiled, type: Type): compiled is Of<Type> {
  return compiled.type === type;
}

function mismatch(message: string, { start, end }: Place, hint?: string): ExpressionError {
  return new ExpressionError(message, { start, end }, { code: "wrong-type", hint });
}

function numberAt(values: Values, slot: number): number {
  const value = values[slot];
  if (typeof value === "number") return value;
  throw new TypeError(`value ${slot} of the expression is ${typeof value}, not a number`);
}

/** The texts that either side can be, when both are known. */
function union(...sides: readonly Of<"text">[]): readonly string[] | undefined {
  const texts = sides.map((side) => side.allowed ?? (side.constant ? [side.run([])] : undefined));
  return texts.every((one) => one !== undefined) ? texts.flat() : undefined;
}

/** A constant part, computed once. */
function folded(compiled: Compiled, place: Place): Compiled {
  try {
    if (compiled.type === "number") {
      const value = compiled.run([]);
      return { ...compiled, run: () => value };
    }
    if (compiled.type === "boolean") {
      const value = compiled.run([]);
      return { ...compiled, run: () => value };
    }
    const value = compiled.run([]);
    return { ...compiled, run: () => value };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new ExpressionError(`this never has a result: ${error.reason}`, place, {
      code: "bad-expression",
      hint: "it names no point, so it can be computed by hand",
    });
  }
}
