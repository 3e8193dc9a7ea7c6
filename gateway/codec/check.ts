import type { z } from "zod";
import type { Diagnostic } from "../model/diagnostic.ts";
import { type Shape, shapeAt, shapeOf, wordsOf } from "./shape.ts";
import { alternatives, suggest } from "./suggest.ts";
import type { Finding } from "./syntax-error.ts";
import { describe, label, limit, own, wrongType, wrongValue } from "./wording.ts";
import { diagnose, type Path, sorted, type YamlDocument } from "./yaml.ts";

type Issue = z.core.$ZodIssue;

export interface Checked<T> {
  /** There exactly when no diagnostic is an error. */
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** A part of a document: its value (which may leave out keys that others check) and where it stands. */
export interface Part {
  readonly path: Path;
  readonly value: unknown;
  /** Schema of the keys beside it that were left out, so that hints know them too. */
  readonly beside?: z.ZodType;
}

/**
 * Checks a document, or one part of it, against a schema. Each problem becomes one diagnostic at
 * the key or value that causes it; of alternatives only the nearest one speaks.
 */
export function checkSchema<T>(
  document: YamlDocument,
  schema: z.ZodType<T>,
  part: Part = { path: [], value: document.value },
): Checked<T> {
  const result = schema.safeParse(part.value);
  if (result.success) return { value: result.data, diagnostics: [] };
  const context = { document, schemas: part.beside ? [schema, part.beside] : [schema], part };
  return { diagnostics: sorted(reportAll(context, result.error.issues, [])) };
}

interface Context {
  readonly document: YamlDocument;
  readonly schemas: readonly z.ZodType[];
  readonly part: Part;
}

/**
 * Issues of one level, without echoes: a key that is misspelled is not also missing, a schema's own
 * check of a mapping waits until its keys are right, and of two complaints about one value the one
 * in plain words is kept.
 */
function reportAll(context: Context, issues: readonly Issue[], base: Path): Diagnostic[] {
  const meant = new Set<string>();
  const misspelled = new Set<string>();
  const worded = new Set<string>();
  for (const issue of issues) {
    const path = [...base, ...issue.path.map(step)];
    if (own(issue.message) !== undefined) worded.add(JSON.stringify(path));
    if (issue.code !== "unrecognized_keys") continue;
    misspelled.add(JSON.stringify(path));
    const known = shapeAt(context.schemas, path).keys;
    for (const key of issue.keys) meant.add(JSON.stringify([...path, suggest(key, known.keys())]));
  }
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map(step)];
    const place = JSON.stringify(path);
    const echo =
      (meant.has(place) && lookup(context.part.value, path) === undefined) ||
      (issue.code === "custom" && misspelled.has(place)) ||
      (issue.code === "invalid_format" && own(issue.message) === undefined && worded.has(place));
    return echo ? [] : report(context, issue, base);
  });
}

/** One issue as diagnostics. `base` is the path of the alternative that the issue's own path starts at. */
function report(context: Context, issue: Issue, base: Path): Diagnostic[] {
  const { document, part } = context;
  const path = [...base, ...issue.path.map(step)];
  const place = (at: Path, which: "key" | "value", finding: Finding): Diagnostic[] => [
    diagnose(document, [...part.path, ...at], which, finding),
  ];
  const outdented = strayKey(context, path);
  if (outdented) return place(outdented.path, "key", outdented.finding);
  const value = lookup(part.value, path);
  const name = label([...part.path, ...path]);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.flatMap((key) => place([...path, key], "key", unknownKey(context, path, key)));
    case "invalid_union":
      return reportUnion(context, issue, path);
    case "invalid_key":
      return place(path, "key", {
        code: "bad-key",
        message: `${name}: ${own(issue.issues[0]?.message) ?? "this key is not allowed"}`,
      });
    case "invalid_element":
      return issue.issues.flatMap((inner) => report(context, inner, path));
    case "invalid_type":
      if (value === undefined) return missingKey(context, path);
      if (own(issue.message) !== undefined)
        return place(path, "value", { code: "wrong-type", message: `${name}: ${own(issue.message)}` });
      return place(path, "value", wrongType(document, [...part.path, ...path], value, [issue.expected]));
    case "invalid_value":
      if (value === undefined) return missingKey(context, path);
      return place(path, "value", wrongValue(name, value, issue.values));
    case "too_big":
    case "too_small":
      return place(path, "value", {
        code: "out-of-range",
        message: own(issue.message) ?? limit(name, issue, value),
      });
    case "not_multiple_of":
      return place(path, "value", {
        code: "out-of-range",
        message: `${name} must be a multiple of ${issue.divisor}, but is ${describe(value)}`,
      });
    case "invalid_format":
      return place(path, "value", {
        code: "bad-format",
        message: `${name}: ${own(issue.message) ?? `does not match ${issue.pattern ?? issue.format}`}`,
      });
    case "custom": {
      const { code, hint } = issue.params ?? {};
      return place(path, "value", {
        code: typeof code === "string" ? code : "invalid",
        message: `${name}: ${own(issue.message) ?? "not valid"}`,
        hint: typeof hint === "string" ? hint : undefined,
      });
    }
  }
}

/** Of alternatives, the one that fits the value's kind and has least to say about it. */
function reportUnion(context: Context, issue: z.core.$ZodIssueInvalidUnion, path: Path): Diagnostic[] {
  const { document, part } = context;
  const full = [...part.path, ...path];
  const value = lookup(part.value, path);
  if (issue.discriminator !== undefined && issue.errors.length === 0) {
    if (value === undefined) return missingKey(context, path);
    const options = "options" in issue ? (issue.options ?? []) : [];
    return [diagnose(document, full, "value", wrongValue(label(full), value, options))];
  }
  if (value === undefined) return missingKey(context, path);
  const fitting = issue.errors.filter((issues) => !issues.some((one) => wrongKind(one, value)));
  const said = own(issue.message);
  if (
    said !== undefined &&
    !fitting.flat().some((one) => one.path.length > 0 || one.code === "unrecognized_keys")
  ) {
    const message = `${label(full)}: ${said}`;
    return [diagnose(document, full, "value", { code: "bad-format", message })];
  }
  if (fitting.length === 0) {
    const expected = issue.errors.flat().flatMap((one) => {
      if (one.path.length > 0) return [];
      if (one.code === "invalid_type") return [one.expected];
      return one.code === "invalid_value" ? one.values.map((word) => JSON.stringify(word)) : [];
    });
    return [diagnose(document, full, "value", wrongType(document, full, value, [...new Set(expected)]))];
  }
  const weight = (issues: readonly Issue[]): number =>
    issues.reduce((sum, one) => sum + (one.code === "unrecognized_keys" ? one.keys.length : 1), 0);
  const least = Math.min(...fitting.map(weight));
  const [first = [], ...others] = fitting.filter((issues) => weight(issues) === least);
  // Several alternatives fit equally badly: only what none of them knows is certain to be wrong.
  const certain = first.filter((one) => one.code === "unrecognized_keys");
  const chosen = others.length > 0 && certain.length > 0 ? certain : first;
  return reportAll(context, chosen, path);
}

function wrongKind(issue: Issue, value: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_type") return !(issue.expected === "int" && typeof value === "number");
  return issue.code === "invalid_value" && !issue.values.some((one) => typeof one === typeof value);
}

function unknownKey(context: Context, path: Path, key: string): Finding {
  const message = `unknown key ${JSON.stringify(key)}`;
  const known = shapeAt(context.schemas, path);
  const near = suggest(key, known.keys.keys());
  const hint =
    cutByComma(context, path, key) ??
    belongsDeeper(context, path, key, known) ??
    belongsHigher(context, path, key) ??
    (near === undefined ? knownKeys(known) : `did you mean "${near}"?`);
  return { code: "unknown-key", message, hint };
}

function knownKeys(shape: Shape): string | undefined {
  return shape.keys.size > 0 ? `known here: ${alternatives([...shape.keys.keys()], 24)}` : undefined;
}

/** Whether `key` is the rest of a text in braces that has a comma and no quotes: `{en: Energy, import}`. */
function cutByComma({ document, part }: Context, path: Path, key: string): string | undefined {
  if (lookup(part.value, [...path, key]) !== null) return undefined;
  const place = [...part.path, ...path];
  const siblings = document.keys(place);
  const before = siblings[siblings.indexOf(key) - 1];
  if (before === undefined) return undefined;
  const text = document.source([...place, before]);
  const [head, rest] = [document.span([...place, before], "value"), document.span([...place, key], "key")];
  const line = document.text.split("\n")[rest.line - 1] ?? "";
  const between = line.slice(head.column + head.length - 1, rest.column - 1);
  if (text === undefined || head.line !== rest.line || !/^\s*,\s*$/.test(between)) return undefined;
  return `a comma ends a text inside { }: put it in quotes, ${before}: "${text}${between}${key}"`;
}

/** Whether `key` would be right inside the entry above it: then its indentation is too small. */
function belongsDeeper(context: Context, path: Path, key: string, known: Shape): string | undefined {
  const { document, part } = context;
  const siblings = document.keys([...part.path, ...path]);
  const above = siblings.slice(0, siblings.indexOf(key)).findLast((one) => known.keys.has(one));
  const schema = above === undefined ? undefined : known.keys.get(above);
  if (above === undefined || schema === undefined) return undefined;
  const inside = shapeOf(schema);
  if (inside.keys.has(key)) return `it is a key of "${above}": indent it one level deeper`;
  if (inside.free === undefined || !shapeOf(inside.free).keys.has(key)) return undefined;
  const last = document.keys([...part.path, ...path, above]).at(-1);
  return last === undefined
    ? undefined
    : `it is a key of the entries of "${above}": indent it to stand inside "${last}"`;
}

/** Whether `key` would be right further out: then its indentation is too large. */
function belongsHigher(context: Context, path: Path, key: string): string | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const outer = shapeAt(context.schemas, path.slice(0, depth));
    const fits =
      outer.keys.has(key) || (outer.free !== undefined && fitsFree(context, [...path, key], outer.free));
    if (!fits) continue;
    const parent = [...context.part.path, ...path.slice(0, depth)].at(-1);
    const where = parent === undefined ? "stands at the left margin" : `belongs directly in "${parent}"`;
    return `it ${where}: check its indentation`;
  }
  return undefined;
}

function fitsFree(context: Context, path: Path, free: z.core.$ZodType): boolean {
  const value = lookup(context.part.value, path);
  if (typeof value !== "object" || value === null) return false;
  const { keys } = shapeOf(free);
  const written = Object.keys(value);
  return written.length > 0 && written.every((key) => keys.has(key));
}

/**
 * An entry of a free mapping (points, devices) that bears the name of one of its own keys: a line
 * that lost its indentation. It gets one message instead of one per thing it lacks.
 */
function strayKey(context: Context, path: Path): { path: Path; finding: Finding } | undefined {
  const { document, part, schemas } = context;
  for (let depth = 0; depth < path.length; depth++) {
    const key = path[depth];
    const { free } = shapeAt(schemas, path.slice(0, depth));
    if (free === undefined || typeof key !== "string" || !shapeOf(free).keys.has(key)) continue;
    const siblings = document.keys([...part.path, ...path.slice(0, depth)]);
    const above = siblings.slice(0, siblings.indexOf(key)).findLast((one) => !shapeOf(free).keys.has(one));
    const parent = [...part.path, ...path.slice(0, depth)].at(-1);
    const finding = {
      code: "indentation",
      message: `"${key}" stands one level too far left: it is a key of an entry of "${parent}", not an entry`,
      hint: above === undefined ? "check its indentation" : `indent it to stand inside "${above}"`,
    };
    return { path: path.slice(0, depth + 1), finding };
  }
  return undefined;
}

function missingKey({ document, part, schemas }: Context, path: Path): Diagnostic[] {
  const parent = path.slice(0, -1);
  const place = [...part.path, ...parent];
  const key = String(path.at(-1));
  const parentIsMissing = parent.length > 0 && lookup(part.value, parent) === undefined;
  const message = parentIsMissing
    ? `the key "${parent.at(-1)}" is missing, and in it "${key}"`
    : place.length === 0
      ? `the key "${key}" is missing`
      : `${label(place)} lacks the key "${key}"`;
  const schema = shapeAt(schemas, parent).keys.get(key);
  const words = schema === undefined ? [] : wordsOf(schema);
  const hint = words.length === 0 ? undefined : `add ${key}: ...; one of ${alternatives(words, 40)}`;
  return [diagnose(document, place, "key", { code: "missing-key", message, hint })];
}

function step(one: PropertyKey): string | number {
  return typeof one === "number" ? one : String(one);
}

function lookup(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((level, one) => {
    if (typeof level !== "object" || level === null) return undefined;
    return Object.hasOwn(level, one) ? Reflect.get(level, one) : undefined;
  }, value);
}
