import { readEscape } from "./escapes.ts";
import { choiceField, type FieldType, fieldNames, flagField, plainFields } from "./fields.ts";

/** What a pattern says, piece by piece. */
export type Step =
  | { readonly kind: "literal"; readonly text: string }
  /** One or more blanks or tabs. */
  | { readonly kind: "blank" }
  | { readonly kind: "address" }
  | { readonly kind: "rest" }
  | { readonly kind: "optional"; readonly steps: readonly Step[] }
  | FieldStep;

export interface FieldStep {
  readonly kind: "field";
  /** Undefined: read over. */
  readonly name: string | undefined;
  readonly type: FieldType;
  /** Whether nothing may stand in its place. */
  readonly optional: boolean;
  /** Exactly so many characters. */
  readonly width: number | undefined;
}

/** A pattern that cannot be understood; `at` counts characters from 0. */
export class PatternError extends RangeError {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const longestPattern = 1000;
const mostSteps = 200;

/**
 * Reads a pattern:
 *
 * - text stands for itself; one blank for any run of blanks and tabs; `\` takes the next sign as it is
 *   (`\{`, `\[`, `\x02`)
 * - `{name:number}` a value; also integer, hex, word, text, time, degrees, `flag:A/V`, `choice:A/B/C`;
 *   `{name:integer:4}` exactly four characters; `{name:number?}` may be empty
 * - `{_}` reads over whatever stands there, `{_:hex:2}` over something of that form, `{_*}` over all that follows
 * - `{address}` the device's address
 * - `[...]` a part that may be missing; parts do not nest
 *
 * Throws PatternError.
 */
export function parsePattern(text: string): readonly Step[] {
  if (text.length > longestPattern)
    throw new PatternError(`a pattern has at most ${longestPattern} characters`, longestPattern);
  const [steps, end] = parseSteps(text, 0, false);
  if (end < text.length) throw new PatternError('"]" without "["', end);
  const all = flatten(steps);
  if (all.length > mostSteps) throw new PatternError(`a pattern has at most ${mostSteps} parts`, 0);
  const names = all.flatMap((step) => (step.kind === "field" && step.name ? [step.name] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new PatternError(`"${twice}" is captured twice`, text.lastIndexOf(twice));
  checkNeighbours(steps, text);
  return steps;
}

/** The fields that a pattern captures, by name. */
export function capturedFields(steps: readonly Step[]): ReadonlyMap<string, FieldType> {
  return new Map(
    flatten(steps).flatMap((step) =>
      step.kind === "field" && step.name !== undefined ? [[step.name, step.type] as const] : [],
    ),
  );
}

export function hasAddress(steps: readonly Step[]): boolean {
  return flatten(steps).some(({ kind }) => kind === "address");
}

/** The place of a request's one value; undefined for a request that only asks. */
export function commandField(steps: readonly Step[]): FieldStep | undefined {
  return steps.find((step) => step.kind === "field");
}

/** The steps, those of missing parts among them. */
export function flatten(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.kind === "optional" ? step.steps : [step]));
}

function parseSteps(text: string, from: number, inside: boolean): [Step[], number] {
  const steps: Step[] = [];
  let literal = "";
  const flush = () => {
    if (literal) steps.push({ kind: "literal", text: literal });
    literal = "";
  };
  let at = from;
  while (at < text.length) {
    const sign = text[at]!;
    if (sign === "\\") {
      try {
        const found = readEscape(text, at);
        literal += found.sign;
        at = found.end;
      } catch (error) {
        if (error instanceof RangeError) throw new PatternError(error.message, at);
        throw error;
      }
    } else if (sign === " " || sign === "\t") {
      flush();
      if (steps.at(-1)?.kind !== "blank") steps.push({ kind: "blank" });
      at += 1;
    } else if (sign === "{") {
      flush();
      const close = text.indexOf("}", at);
      if (close < 0) throw new PatternError('"{" without "}"', at);
      steps.push(parseField(text.slice(at + 1, close), at));
      at = close + 1;
    } else if (sign === "}") {
      throw new PatternError('"}" without "{"', at);
    } else if (sign === "[") {
      if (inside) throw new PatternError("a part that may be missing cannot hold another one", at);
      flush();
      const [part, end] = parseSteps(text, at + 1, true);
      if (text[end] !== "]") throw new PatternError('"[" without "]"', at);
      if (part.length === 0) throw new PatternError("a part that may be missing is empty", at);
      steps.push({ kind: "optional", steps: part });
      at = end + 1;
    } else if (sign === "]") {
      flush();
      return [steps, at];
    } else {
      literal += sign;
      at += 1;
    }
  }
  flush();
  return [steps, at];
}

const fieldForm = /^([a-z][a-z0-9_]{0,63}|_)(?::([a-z]+)(?::([^:?]{1,200}))?(\?)?)?$/;

function parseField(written: string, at: number): Step {
  if (written === "_*") return { kind: "rest" };
  if (written === "address") return { kind: "address" };
  const match = fieldForm.exec(written);
  if (!match) {
    const hint = "a place is {name:type}, {name:type:width}, {name:type?}, {_} or {_*}";
    throw new PatternError(`"{${written}}" is not understood: ${hint}`, at);
  }
  const [, name = "", typeName, argument, mark] = match;
  if (typeName === undefined) {
    if (name !== "_") throw new PatternError(`"{${name}}" lacks a type, such as {${name}:number}`, at);
    return { kind: "field", name: undefined, type: plainFields.text!, optional: true, width: undefined };
  }
  const { type, width } = typeOf(typeName, argument, at);
  return { kind: "field", name: name === "_" ? undefined : name, type, optional: mark === "?", width };
}

function typeOf(
  name: string,
  argument: string | undefined,
  at: number,
): { readonly type: FieldType; readonly width: number | undefined } {
  if (name === "flag" || name === "choice") {
    const words = argument === undefined && name === "flag" ? ["1", "0"] : (argument ?? "").split("/");
    if (words.length < 2 || words.includes("") || new Set(words).size < words.length)
      throw new PatternError(`${name} needs different words, such as {valid:flag:A/V}`, at);
    if (name === "choice") return { type: choiceField(words), width: undefined };
    if (words.length > 2) throw new PatternError("a flag has two words; a choice has more", at);
    return { type: flagField(words[0]!, words[1]!), width: undefined };
  }
  const type = Object.hasOwn(plainFields, name) ? plainFields[name] : undefined;
  if (!type) throw new PatternError(`unknown type "${name}": one of ${fieldNames.join(", ")}`, at);
  if (argument === undefined) return { type, width: undefined };
  if (!/^[1-9]\d{0,2}$/.test(argument)) throw new PatternError(`"${argument}" is no width`, at);
  return { type, width: Number(argument) };
}

/** What runs up to what follows it must be followed by something that can be recognised. */
function checkNeighbours(steps: readonly Step[], text: string): void {
  const open = (step: Step) =>
    step.kind === "field" && step.type.scan === undefined && step.width === undefined;
  const check = (list: readonly Step[], after: Step | undefined): void => {
    for (const [index, step] of list.entries()) {
      const next = list[index + 1] ?? after;
      if (step.kind === "optional") check(step.steps, next);
      else if (open(step) && (next?.kind === "field" || next?.kind === "address" || next?.kind === "rest")) {
        const name = (step.kind === "field" && step.name) || "_";
        throw new PatternError(
          `"{${name}}" has no end: write a separator after it, or how many characters it has`,
          Math.max(0, text.indexOf(`{${name}`)),
        );
      } else if (step.kind === "rest" && next !== undefined)
        throw new PatternError('nothing can follow "{_*}"', text.indexOf("{_*}"));
    }
  };
  check(steps, undefined);
}
