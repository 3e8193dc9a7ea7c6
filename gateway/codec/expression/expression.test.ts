import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compileExpression,
  ExpressionError,
  type ExpressionType,
  type ExpressionValue,
  Fault,
  maxExpressionLength,
} from "./expression.ts";

const scope = new Map<string, ExpressionType>([
  ["p", "number"],
  ["q", "number"],
  ["r", "number"],
  ["lockout", "boolean"],
  ["serial", "text"],
  ["mode", ["off", "on", "auto"]],
  ["alarms.overvoltage", "boolean"],
]);

function evaluate(text: string, values: Readonly<Record<string, ExpressionValue>> = {}): unknown {
  const expression = compileExpression(text, scope);
  const result = expression.evaluate(expression.names.map(({ name }) => values[name]!));
  return result instanceof Fault ? `fault: ${result.reason}` : result;
}

/** The mistake with what the caret would underline. */
function refusal(text: string): { at: string; message: string; hint: string | undefined } {
  try {
    compileExpression(text, scope);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { at: text.slice(error.start, error.end), message: error.message, hint: error.hint };
  }
  throw new Error(`${text} is not refused`);
}

describe("compileExpression", () => {
  it.each<[string, unknown]>([
    ["1 / 2", 0.5],
    ["7 % 3", 1],
    ["-7 % 3", -1],
    ["2 + 3 * 4", 14],
    ["(2 + 3) * 4", 20],
    ["10 - 2 - 3", 5],
    ["-2 * -3", 6],
    ["0 * -1", 0],
    ["0x10 + 1e2 + .5", 116.5],
    ["1 < 2 && 2 < 3 || false", true],
    ["!(1 > 2) == true", true],
    ["6 & 3 == 2", true],
    ["1 | 2 ^ 3 & 2", 1],
    ["1 << 4 >> 2", 4],
    ["~0", -1],
    ["0xFFFFFFFF & 0xF0000000", 0xf0000000],
    ["0xFFFFFFFF >> 4", 0x0fffffff],
    ["1 << 40 | 1", 2 ** 40 + 1],
    ["-1 & 0xFF", 255],
    ["3 in [1, 2, 3]", true],
    ["'on' in ['off', \"on\"]", true],
    ["1 > 2 ? 3 : 4 > 3 ? 5 : 6", 5],
    ["min(3, 1, 2)", 1],
    ["max(3, 1, 2)", 3],
    ["clamp(140, 25, 100)", 100],
    ["round(2.5)", 3],
    ["round(-2.5)", -3],
    ["round(1.25, 1)", 1.3],
    ["floor(-0.5)", -1],
    ["ceil(0.2)", 1],
    ["abs(-3)", 3],
    ["sqrt(2) * sqrt(2) > 1.99", true],
    ["log10(1000)", 3],
    ["log(1)", 0],
    ["pow(2, 10)", 1024],
    ["'it\\'s' == \"it's\"", true],
  ])("%s is %s", (text, result) => {
    expect(evaluate(text)).toBe(result);
  });

  it("takes the values in the order of its names", () => {
    const expression = compileExpression("q - p + q", scope);
    expect(expression.names.map(({ name, start, end }) => [name, start, end])).toEqual([
      ["q", 0, 1],
      ["p", 4, 5],
    ]);
    expect(expression.evaluate([5, 3])).toBe(7);
    expect(expression.type).toBe("number");
  });

  it("reads booleans, texts and parts of names", () => {
    expect(evaluate("!lockout && mode == 'auto'", { lockout: false, mode: "auto" })).toBe(true);
    expect(evaluate("alarms.overvoltage ? mode : 'off'", { "alarms.overvoltage": true, mode: "on" })).toBe(
      "on",
    );
    expect(evaluate("serial != 'A-17'", { serial: "A-17" })).toBe(false);
    expect(evaluate("p in [q, 3]", { p: 2, q: 2 })).toBe(true);
  });

  it.each<[string, Record<string, number>, string]>([
    ["p / q", { p: 1, q: 0 }, "division by zero"],
    ["min(p / q, 100)", { p: 1, q: 0 }, "division by zero"],
    ["p % q", { p: 1, q: 0 }, "division by zero"],
    ["p * q", { p: 1e200, q: 1e200 }, "the result is larger than a number can hold"],
    ["sqrt(p) > 3", { p: -1 }, "the square root of a negative number"],
    ["log10(p)", { p: 0 }, "the logarithm of a number that is not above 0"],
    ["pow(p, q)", { p: -8, q: 1 / 3 }, "a power that is no number"],
    ["p & 1", { p: 0.5 }, "a bit operation on what is not a whole number of at most 53 bits"],
    ["~p", { p: 2 ** 60 }, "a bit operation on what is not a whole number of at most 53 bits"],
    ["1 << p", { p: 64 }, "a shift by less than 0 or more than 63 bits"],
    ["1 << p", { p: 60 }, "a bit operation on what is not a whole number of at most 53 bits"],
    ["clamp(1, p, q)", { p: 3, q: 2 }, "clamp between limits whose lower one is above the upper one"],
    ["round(p, q)", { p: 3, q: 0.5 }, "rounding to digits that are not a whole number from 0 to 15"],
  ])("%s has no result for %j", (text, values, reason) => {
    expect(evaluate(text, values)).toBe(`fault: ${reason}`);
  });

  it("looks only at the side that decides", () => {
    expect(evaluate("q == 0 ? 0 : p / q", { p: 1, q: 0 })).toBe(0);
    expect(evaluate("q != 0 && p / q > 1", { p: 1, q: 0 })).toBe(false);
    expect(evaluate("q == 0 || p / q > 1", { p: 1, q: 0 })).toBe(true);
  });

  it.each<[string, string, string, string | undefined]>([
    ["", "", "the expression is empty", undefined],
    ["p +", "", "the expression ends too early", undefined],
    ["p + * q", "*", '"*" cannot stand here', undefined],
    ["p q", "q", '"q" cannot stand here', "an operator such as + or && is missing"],
    ["(p + q", "", '")" is missing', undefined],
    ["pp + q", "pp", 'unknown name "pp"', undefined],
    ["lockuot", "lockuot", 'unknown name "lockuot"', 'did you mean "lockout"?'],
    ["sqr(p)", "sqr", 'unknown function "sqr"', 'did you mean "sqrt"?'],
    ["max", "max", '"max" is a function', "write max(a, b, ...)"],
    ["alarms", "alarms", '"alarms" has parts', "write alarms.overvoltage"],
    ["clamp(p, 1)", "clamp(p, 1)", '"clamp" cannot take 2 values', "write clamp(x, least, most)"],
    ["p && lockout", "p", '"&&" needs true or false, and this is a number', "compare it, for example: > 0"],
    ["lockout + 1", "lockout", '"+" needs a number, and this is true or false', undefined],
    ["p == 'on'", "==", '"==" compares a number with a text', undefined],
    ["p in [1, 'x']", "'x'", "the list needs a number, and this is a text", undefined],
    ["mode == 'atuo'", "'atuo'", 'it is never "atuo"', 'did you mean "auto"? (one of off, on or auto)'],
    ["mode in ['on', 'cool']", "'cool'", 'it is never "cool"', "one of off, on or auto"],
    ["lockout ? 1 : 'x'", "'x'", 'after ":" the choice needs a number, and this is a text', undefined],
    ["1 < p < 3", "<", "comparisons cannot be chained", "write a < b && b < c"],
    ["p = 3", "=", '"=" is not known in expressions', "write =="],
    ["p ** 2", "**", '"**" is not known in expressions', "write pow(x, y)"],
    ["lockout and true", "and", '"and" is not known in expressions', "write &&"],
    ["not lockout", "not", '"not" is not known in expressions', "write !"],
    [
      "2kW",
      "2kW",
      '"2kW" is neither a number nor a name',
      "write a number without its unit, and * to multiply",
    ],
    ["p # q", "#", '"#" is not known in expressions', undefined],
    ["'on", "'on", "a text has no closing quote", undefined],
    ["p / (3 - 3) + 1 / 0", "1 / 0", "this never has a result: division by zero", undefined],
    ["p in []", "p in []", 'the list after "in" is empty', undefined],
    ["lockout ? 1", "", '":" and what holds otherwise are missing after "?"', undefined],
    ["__proto__", "__proto__", 'unknown name "__proto__"', undefined],
    ["constructor(1)", "constructor", 'unknown function "constructor"', undefined],
  ])("refuses %j at %j", (text, at, message, hint) => {
    const found = refusal(text);
    expect({ at: found.at, message: found.message }).toEqual({ at, message });
    if (hint !== undefined) expect(found.hint).toBe(hint);
  });

  it("is bounded in length and depth", () => {
    expect(refusal(`p${" + 1".repeat(200)}`).message).toBe(
      `an expression of 801 characters; at most ${maxExpressionLength} are read`,
    );
    expect(refusal(`${"(".repeat(200)}p${")".repeat(200)}`).message).toBe("nested deeper than 32 levels");
    expect(refusal(`${"-".repeat(100)}p`).message).toBe("nested deeper than 32 levels");
    expect(evaluate(`p${" + 1".repeat(120)}`, { p: 1 })).toBe(121);
  });

  it("has the type that is wanted, or says so", () => {
    expect(() => compileExpression("p + 1", scope, "boolean")).toThrow(
      "what stands here needs true or false, and this is a number",
    );
    expect(compileExpression("p > 1", scope, "boolean").type).toBe("boolean");
  });

  it("does not take a value of another type for a number", () => {
    expect(() => compileExpression("p + 1", scope).evaluate(["1"])).toThrow(TypeError);
  });
});

// ---- against JavaScript itself ----

/** A random tree as our text and as JavaScript's. */
interface Tree {
  readonly ours: string;
  readonly js: string;
}

const operand = fc.oneof(
  fc.constantFrom("p", "q", "r").map((name): Tree => ({ ours: name, js: `v.${name}` })),
  fc.integer({ min: 0, max: 99 }).map((value): Tree => ({ ours: String(value), js: String(value) })),
  fc
    .integer({ min: 0, max: 999 })
    .map((value): Tree => ({ ours: (value / 8).toString(), js: String(value / 8) })),
);

const trees = fc.letrec<{ number: Tree; boolean: Tree }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    operand,
    fc.tuple(tie("number"), fc.constantFrom("+", "-", "*", "/", "%"), tie("number")).map(([a, sign, b]) => ({
      ours: `(${a.ours} ${sign} ${b.ours})`,
      js: `finite(${a.js} ${sign} ${b.js})`,
    })),
    fc
      .tuple(tie("boolean"), tie("number"), tie("number"))
      .map(([c, a, b]) => ({ ours: `(${c.ours}?${a.ours}:${b.ours})`, js: `(${c.js}?${a.js}:${b.js})` })),
    tie("number").map((a) => ({ ours: `-${a.ours}`, js: `(-${a.js})` })),
    fc
      .tuple(fc.constantFrom("floor", "ceil", "abs"), tie("number"))
      .map(([name, a]) => ({ ours: `${name}(${a.ours})`, js: `Math.${name}(${a.js})` })),
    fc
      .tuple(fc.constantFrom("min", "max"), tie("number"), tie("number"))
      .map(([name, a, b]) => ({ ours: `${name}(${a.ours},${b.ours})`, js: `Math.${name}(${a.js},${b.js})` })),
  ),
  boolean: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc
      .tuple(tie("number"), fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("number"))
      .map(([a, sign, b]) => ({ ours: `(${a.ours}${sign}${b.ours})`, js: `(${a.js}${sign}${b.js})` })),
    fc
      .tuple(tie("boolean"), fc.constantFrom("&&", "||"), tie("boolean"))
      .map(([a, sign, b]) => ({ ours: `(${a.ours} ${sign} ${b.ours})`, js: `(${a.js} ${sign} ${b.js})` })),
    tie("boolean").map((a) => ({ ours: `!${a.ours}`, js: `(!${a.js})` })),
  ),
}));

type Variables = { p: number; q: number; r: number };
const numbers = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
const variables: fc.Arbitrary<Variables> = fc.record({ p: numbers, q: numbers, r: numbers });

const noResult = Symbol("no result");

/** JavaScript's answer, or `noResult` when a number on the way is not finite. */
function direct(js: string, values: Variables): unknown {
  const finite = (value: number): number => {
    if (Number.isFinite(value)) return value;
    throw noResult;
  };
  // The text is built above from a closed grammar.
  const run: (...given: unknown[]) => unknown = new Function("v", "finite", `return ${js};`) as never;
  try {
    return run(values, finite);
  } catch (error) {
    if (error === noResult) return noResult;
    throw error;
  }
}

describe("any expression", () => {
  it("gives what JavaScript gives, and nothing where a number on the way is not finite", () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.oneof(trees.number, trees.boolean), variables, ({ ours, js }, values) => {
        fc.pre(ours.length <= maxExpressionLength);
        let result: unknown;
        try {
          result = evaluate(ours, values);
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          // Only what can be known at load: too deep, or a constant part without a result.
          expect(error.message).toMatch(/nested deeper|never has a result/);
          return;
        }
        const wanted = direct(js, values);
        compared += 1;
        if (wanted === noResult) expect(result).toMatch(/^fault: (division by zero|the result is larger)/);
        else expect(result).toBe(wanted === 0 ? 0 : wanted);
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(300);
  });

  it("treats bits as BigInt does", () => {
    const integer = fc.oneof(
      fc.maxSafeInteger(),
      fc.integer(),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: -16, max: 16 }),
    );
    fc.assert(
      fc.property(integer, integer, (p, q) => {
        const both = { p, q };
        // Number.MIN_SAFE_INTEGER and its neighbours have results of one bit more.
        const fits = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : undefined);
        expect(evaluate("p & q", both)).toBe(fits(BigInt(p) & BigInt(q)) ?? -(2 ** 53));
        expect(evaluate("p | q", both)).toBe(fits(BigInt(p) | BigInt(q)) ?? -(2 ** 53));
        expect(evaluate("p ^ q", both)).toBe(fits(BigInt(p) ^ BigInt(q)) ?? -(2 ** 53));
        expect(evaluate("~p", both)).toBe(Number(~BigInt(p)));
        const by = Math.abs(q) % 64;
        expect(evaluate(`p >> ${by}`, both)).toBe(Number(BigInt(p) >> BigInt(by)));
        const left = BigInt(p) << BigInt(by);
        const shifted = evaluate(`p << ${by}`, both);
        if (typeof shifted === "number") expect(BigInt(shifted)).toBe(left);
        else expect(left > 2n ** 53n - 1n || left < -(2n ** 53n) + 1n).toBe(true);
      }),
    );
  });

  it("never throws anything else, whatever the text", () => {
    const piece = fc.constantFrom(
      ...["p", "q", "1", "0x", "1e", ".", "(", ")", "[", "]", "in", "?", ":", ",", "&&", "!", "=", "'", '"'],
      ...["\\", "min", "-", "/", "%", "~", "<<", " ", "\n", "é", "😀", "\u0000", "lockout", "mode", "'on'"],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        try {
          compileExpression(text, scope);
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          expect(error.start).toBeGreaterThanOrEqual(0);
          expect(error.end).toBeGreaterThanOrEqual(error.start);
          expect(error.end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });
});
