import {
  compileExpression,
  type Expression,
  type ExpressionType,
  type ExpressionValue,
  Fault,
} from "../../gateway/codec/expression/expression.ts";
import type { Input } from "../logic/input.ts";

/** A point as an expression knows it. */
export interface Term {
  readonly name: string;
  /** `device/point` of the messages that carry it. */
  readonly topic: string;
  readonly type: "number" | "boolean" | "text";
  /** A reading that is older counts as stale; undefined: never. */
  readonly maxAgeMs: number | undefined;
}

export type Combined =
  | { readonly quality: "good"; readonly value: ExpressionValue }
  /** `waiting`: some point was never heard of. */
  | { readonly quality: string; readonly value?: undefined; readonly detail: string };

/** Names as the expressions of device profiles have them. */
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const mostTerms = 50;

/** Points of late, and an expression over them in the language of the device profiles. */
export class Combination {
  readonly #expression: Expression;
  readonly #used: readonly Term[];
  readonly #byTopic: ReadonlyMap<string, readonly Term[]>;
  readonly #latest = new Map<string, Input>();

  /** Throws RangeError, and ExpressionError with its place in the text. */
  constructor(text: string, terms: readonly Term[]) {
    checkTerms(terms);
    this.#expression = compileExpression(text, scopeOf(terms));
    const named = new Map(terms.map((term) => [term.name, term]));
    this.#used = this.#expression.names.map(({ name }) => named.get(name)!);
    this.#byTopic = Map.groupBy(this.#used, ({ topic }) => topic);
  }

  /** Whether the expression uses this point; then its reading is the latest. Throws TypeError where it is not of the term's type. */
  take(input: Input): boolean {
    const terms = this.#byTopic.get(input.topic);
    if (!terms) return false;
    for (const term of terms) if (input.value !== undefined) checkType(term, input.value);
    this.#latest.set(input.topic, input);
    return true;
  }

  /** @param now Unix ms */
  result(now: number): Combined {
    for (const term of this.#used) {
      const input = this.#latest.get(term.topic);
      if (!input) return { quality: "waiting", detail: `nothing yet of ${term.topic}` };
      if (input.value === undefined)
        return { quality: input.quality, detail: `${term.topic} is ${input.quality}` };
      if (isOld(term, input, now))
        return { quality: "stale", detail: `${term.topic} is older than it may be` };
    }
    const value = this.#expression.evaluate(this.#used.map(({ topic }) => this.#latest.get(topic)!.value!));
    if (value instanceof Fault) return { quality: "out-of-range", detail: value.reason };
    return { quality: "good", value };
  }

  /** The oldest of the readings that a result rests on, Unix ms: a result is as old as its oldest part. */
  oldest(): number | undefined {
    const times = this.#used.flatMap(({ topic }) => this.#latest.get(topic)?.time ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Unix ms after `now` when the next reading becomes too old. */
  due(now: number): number | undefined {
    const ends = this.#used.flatMap(({ topic, maxAgeMs }) => {
      const input = this.#latest.get(topic);
      if (!input || maxAgeMs === undefined) return [];
      const end = input.time + maxAgeMs + 1;
      return end > now ? [end] : [];
    });
    return ends.length === 0 ? undefined : Math.min(...ends);
  }
}

export function scopeOf(terms: readonly Pick<Term, "name" | "type">[]): ReadonlyMap<string, ExpressionType> {
  return new Map(terms.map(({ name, type }) => [name, type]));
}

function checkTerms(terms: readonly Term[]): void {
  if (terms.length > mostTerms) throw new RangeError(`at most ${mostTerms} points`);
  const names = new Set<string>();
  for (const { name, topic } of terms) {
    if (!namePattern.test(name)) throw new RangeError(`"${name}" is no name: letters, digits and _`);
    if (names.has(name)) throw new RangeError(`two points have the name "${name}"`);
    if (topic === "") throw new RangeError(`"${name}" has no point`);
    names.add(name);
  }
}

function checkType({ name, type }: Term, value: ExpressionValue): void {
  const is = typeof value === "string" ? "text" : typeof value;
  if (is !== type) throw new TypeError(`"${name}" is to be a ${type}, and is a ${is}`);
}

function isOld({ maxAgeMs }: Term, { time }: Input, now: number): boolean {
  return maxAgeMs !== undefined && now - time > maxAgeMs;
}
