import type { z } from "zod";
import { Secret } from "../model/secret.ts";
import { alternatives, suggest } from "./suggest.ts";
import type { Finding } from "./syntax-error.ts";
import type { Path, YamlDocument } from "./yaml.ts";

// How check.ts says things to people.

/** What to say when a value is of the wrong kind; `expected` in zod's words. */
export function wrongType(
  document: YamlDocument,
  path: Path,
  value: unknown,
  expected: readonly string[],
): Finding {
  const words = [...new Set(expected.map((one) => typeNames[one] ?? one))];
  const source = document.source(path);
  const scalar = typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
  const shown =
    scalar && source !== undefined && typeof value !== "boolean" ? `the number ${source}` : describe(value);
  const hint = (): string | undefined => {
    if (value === null && words.includes(mapping)) return "is what belongs to it indented below it?";
    if (!scalar || source === undefined || !expected.includes("string")) return undefined;
    const reads = source === String(value) ? "" : ` (without quotes YAML reads ${String(value)})`;
    return `put it in quotes: "${source}"${reads}`;
  };
  return {
    code: "wrong-type",
    message: `${label(path)} must be ${alternatives(words)}, but is ${shown}`,
    hint: hint(),
  };
}

/** What to say when a value is not in a closed list. */
export function wrongValue(name: string, value: unknown, allowed: readonly unknown[]): Finding {
  const words = allowed.map(String);
  const near = typeof value === "string" ? suggest(value, words) : undefined;
  const list = `one of ${alternatives(words, 40)}`;
  return {
    code: "unknown-value",
    message: `${name} cannot be ${describe(value)}`,
    hint: near === undefined ? list : `did you mean "${near}"? (${list})`,
  };
}

/** What to say when a value or a length is beyond a limit. */
export function limit(
  name: string,
  issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall,
  value: unknown,
): string {
  const big = issue.code === "too_big";
  const bound = big ? issue.maximum : issue.minimum;
  const counted: Record<string, string> = { array: "entries", string: "characters", set: "entries" };
  const unit = counted[issue.origin];
  const size = Array.isArray(value) || typeof value === "string" ? value.length : describe(value);
  const relation =
    issue.inclusive === false ? (big ? "less than" : "more than") : big ? "at most" : "at least";
  return unit
    ? `${name} must have ${relation} ${bound} ${unit}, but has ${size}`
    : `${name} must be ${relation} ${bound}, but is ${describe(value)}`;
}

const mapping = "a mapping";
const typeNames: Record<string, string> = {
  object: mapping,
  record: mapping,
  array: "a list",
  tuple: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true or false",
  null: "empty",
};

/** A value as a message names it. Never opens a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (value instanceof Secret) return "a secret reference";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return mapping;
  return typeof value === "string"
    ? JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
    : String(value);
}

/** How a message names what stands at a path. */
export function label(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return "the file";
  const parent = path.at(-2);
  const index = Number(last);
  if (typeof last === "number") return `entry ${index + 1}${parent === undefined ? "" : ` of "${parent}"`}`;
  return `"${last}"`;
}

/** A schema's own message; undefined for zod's defaults, which are not for people. */
export function own(message: string | undefined): string | undefined {
  return message === undefined || /^(Invalid |Too (big|small)|Unrecognized )|^Invalid$/.test(message)
    ? undefined
    : message;
}
