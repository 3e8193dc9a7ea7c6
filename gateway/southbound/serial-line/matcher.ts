import type { RawValue } from "../../model/value.ts";
import type { FieldStep, Step } from "./pattern.ts";

/** What a line says about one field. */
export type Captured =
  | { readonly kind: "value"; readonly raw: RawValue }
  /** It says, in its own way, that there is no value. */
  | { readonly kind: "absent"; readonly text: string }
  /** It cannot be read. */
  | { readonly kind: "bad"; readonly detail: string };

/** Fields that a line holds. A field of a part that is missing is not in it. */
export type Captures = ReadonlyMap<string, Captured>;

export interface MatchOptions {
  /** What stands for `{address}`. */
  readonly address?: string | undefined;
  /** Words that mean "no value" wherever a value is due. */
  readonly absent?: readonly string[] | undefined;
}

export interface Matcher {
  /** The fields of a line that has this form as a whole. */
  match(text: string): Captures | undefined;
  /** The fields of its beginning, and where that ends. */
  begin(text: string): { readonly captures: Captures; readonly end: number } | undefined;
}

/** A place where the text before it ends: a literal, a blank, or the end of the line. */
type Stop = { readonly text: string } | "blank" | "end";
type Run = (text: string, at: number, found: Map<string, Captured>) => number;

/**
 * A hand-made matcher for the steps of a pattern. It never goes back: each character is looked at a
 * bounded number of times, whatever the line says (a part that may be missing is tried once).
 */
export function compileMatcher(steps: readonly Step[], options: MatchOptions = {}): Matcher {
  const run = sequence(steps, ["end"], options);
  const begin = (text: string) => {
    const captures = new Map<string, Captured>();
    const end = run(text, 0, captures);
    return end < 0 ? undefined : { captures, end };
  };
  return {
    begin,
    match(text) {
      const found = begin(text);
      return found && skipBlanks(text, found.end) === text.length ? found.captures : undefined;
    },
  };
}

function sequence(steps: readonly Step[], after: readonly Stop[], options: MatchOptions): Run {
  const runs: Run[] = [];
  for (const [index, step] of steps.entries())
    runs.push(compile(step, stopsAfter(steps, index + 1, after, options), options));
  return (text, from, found) => {
    let at = from;
    for (const run of runs) {
      at = run(text, at, found);
      if (at < 0) return -1;
    }
    return at;
  };
}

/** What may come next, from step `index` on. */
function stopsAfter(
  steps: readonly Step[],
  index: number,
  after: readonly Stop[],
  options: MatchOptions,
): readonly Stop[] {
  const next = steps[index];
  if (next === undefined) return after;
  if (next.kind === "literal") return [{ text: next.text }];
  if (next.kind === "blank") return ["blank"];
  if (next.kind === "address") return [{ text: options.address ?? "" }];
  if (next.kind === "optional")
    return [...stopsAfter(next.steps, 0, after, options), ...stopsAfter(steps, index + 1, after, options)];
  return [];
}

function compile(step: Step, stops: readonly Stop[], options: MatchOptions): Run {
  switch (step.kind) {
    case "literal":
      return literal(step.text);
    case "address":
      return literal(options.address ?? "\0");
    case "blank":
      return (text, at) => {
        const end = skipBlanks(text, at);
        return end > at ? end : -1;
      };
    case "rest":
      return (text) => text.length;
    case "optional": {
      const part = sequence(step.steps, stops, options);
      return (text, at, found) => {
        const inside = new Map<string, Captured>();
        const end = part(text, at, inside);
        if (end < 0) return at;
        for (const [name, captured] of inside) found.set(name, captured);
        return end;
      };
    }
    case "field":
      return field(step, stops, options.absent ?? []);
  }
}

function literal(expected: string): Run {
  return (text, at) => (text.startsWith(expected, at) ? at + expected.length : -1);
}

function field(step: FieldStep, stops: readonly Stop[], absent: readonly string[]): Run {
  const { name, type, optional, width } = step;
  const keep = (found: Map<string, Captured>, captured: Captured) => {
    if (name !== undefined) found.set(name, captured);
  };
  const none = (found: Map<string, Captured>, text: string, at: number): number => {
    keep(found, { kind: "absent", text });
    return at;
  };
  return (text, from, found) => {
    if (width !== undefined && text.length < from + width) return -1;
    const at = width === undefined && type.kind !== "text" ? skipBlanks(text, from) : from;
    const end =
      width !== undefined
        ? from + width
        : type.scan
          ? scanned(text, at, type.scan, absent)
          : untilStop(text, at, stops);
    if (end < 0) return optional ? none(found, "", from) : -1;
    const written = text.slice(at, end).trim();
    if (absent.includes(written)) return none(found, written, end);
    if (written === "" && optional) return none(found, "", end);
    const raw = type.read(written);
    if (raw === undefined) return -1;
    keep(found, { kind: "value", raw });
    return end;
  };
}

/** Where the value, or a word for none, ends. A word for none is preferred when it goes further. */
function scanned(
  text: string,
  at: number,
  scan: (text: string, at: number) => number,
  absent: readonly string[],
): number {
  let end = scan(text, at);
  for (const one of absent) if (text.startsWith(one, at)) end = Math.max(end, at + one.length);
  return end;
}

function untilStop(text: string, from: number, stops: readonly Stop[]): number {
  for (let at = from; at < text.length; at += 1)
    if (
      stops.some(
        (stop) => stop !== "end" && (stop === "blank" ? isBlank(text, at) : text.startsWith(stop.text, at)),
      )
    )
      return at;
  return stops.includes("end") ? text.length : -1;
}

function isBlank(text: string, at: number): boolean {
  const sign = text[at];
  return sign === " " || sign === "\t";
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text, at)) at += 1;
  return at;
}
