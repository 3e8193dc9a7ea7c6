import { ConfigError } from "../../model/errors.ts";

/** A part of the expression's text: offsets in characters, the second one not included. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** What is wrong with an expression, and where in its text. */
export class ExpressionError extends ConfigError implements Place {
  readonly start: number;
  readonly end: number;
  constructor(message: string, { start, end }: Place, details: { code: string; hint?: string | undefined }) {
    super(message, details);
    this.start = start;
    this.end = end;
  }
}

export interface Token extends Place {
  readonly kind: "number" | "text" | "name" | "sign" | "end";
  /** The sign or name as written; a text without its quotes. */
  readonly text: string;
  /** Of a number. */
  readonly value?: number;
}

/** Most characters of one expression. */
export const maxExpressionLength = 500;

// A name may have parts: `alarms.overvoltage` is one bit of a bit field.
const namePattern = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y;
const numberPattern = /0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const textPattern = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;
const signPattern = /<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>!~&|^?:(),[\]]/y;
const spacePattern = /\s*/y;

/** What people write who know another language, and what it is here. */
const otherSigns: readonly (readonly [RegExp, string])[] = [
  [/===/y, "=="],
  [/!==/y, "!="],
  [/\*\*/y, "pow(x, y)"],
  [/>>>/y, ">>"],
  [/<>/y, "!="],
  [/=/y, "=="],
];

/** Cuts an expression into tokens, the last one of kind `end`. Throws ExpressionError. */
export function scan(text: string): readonly Token[] {
  if (text.length > maxExpressionLength) {
    throw new ExpressionError(
      `an expression of ${text.length} characters; at most ${maxExpressionLength} are read`,
      { start: 0, end: text.length },
      { code: "expression-too-long", hint: "split it into several computed points" },
    );
  }
  const tokens: Token[] = [];
  let at = match(spacePattern, text, 0).length;
  while (at < text.length) {
    const token = next(text, at);
    tokens.push(token);
    at = token.end + match(spacePattern, text, token.end).length;
  }
  tokens.push({ kind: "end", text: "", start: text.trimEnd().length, end: text.length });
  return tokens;
}

function next(text: string, start: number): Token {
  const number = match(numberPattern, text, start);
  if (number !== "") {
    const end = start + number.length;
    const value = Number(number);
    const tail = match(namePattern, text, end);
    if (tail !== "") {
      const hint = /^[A-Za-z]/.test(tail) ? "write a number without its unit, and * to multiply" : undefined;
      throw new ExpressionError(
        `"${number}${tail}" is neither a number nor a name`,
        { start, end: end + tail.length },
        { code: "bad-expression", hint },
      );
    }
    if (!Number.isFinite(value)) {
      throw new ExpressionError(`${number} is too large`, { start, end }, { code: "bad-expression" });
    }
    return { kind: "number", text: number, value, start, end };
  }
  const name = match(namePattern, text, start);
  if (name !== "") return { kind: "name", text: name, start, end: start + name.length };
  const quoted = match(textPattern, text, start);
  if (quoted !== "") {
    const inner = quoted.slice(1, -1).replaceAll(/\\(.)/g, "$1");
    return { kind: "text", text: inner, start, end: start + quoted.length };
  }
  for (const [pattern, instead] of otherSigns) {
    const found = match(pattern, text, start);
    if (found === "" || (found === "=" && text[start + 1] === "=")) continue;
    throw new ExpressionError(
      `"${found}" is not known in expressions`,
      { start, end: start + found.length },
      { code: "bad-expression", hint: `write ${instead}` },
    );
  }
  const sign = match(signPattern, text, start);
  if (sign !== "") return { kind: "sign", text: sign, start, end: start + sign.length };
  const character = String.fromCodePoint(text.codePointAt(start)!);
  const quote = character === '"' || character === "'";
  throw new ExpressionError(
    quote ? "a text has no closing quote" : `${JSON.stringify(character)} is not known in expressions`,
    { start, end: quote ? text.length : start + character.length },
    { code: "bad-expression" },
  );
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
