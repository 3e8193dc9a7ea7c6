import type { Compiling } from "../context/compiling.ts";
import type { Decoding } from "../context/decoding.ts";
import type { Output, OutputType, Raw } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { describe, type Section } from "../section.ts";
import { compileSentinels } from "./absent.ts";
import { compileLabels, type Label, type Labels } from "./labels.ts";
import { type Arithmetic, compileModifiers } from "./modifiers.ts";
import type { Report } from "./report.ts";
import { compileTime } from "./time.ts";
import { compileTransform } from "./transform.ts";

/** From a raw value to what is reported, and back. */
export interface Pipeline {
  /** Applies modifiers, transform and lookup, and reports. */
  finish(state: Decoding, out: Output, raw: Raw): void;
  /** The raw value, not yet rounded, that decodes to this one. Throws PayloadError. */
  undo(value: unknown): Raw;
  /** What a value that the caller gave would be decoded as: the label of a number that has one. */
  canonical(value: unknown): unknown;
  readonly type: OutputType;
  readonly labels: readonly Label[] | undefined;
  readonly time: boolean;
  /** The raw value that says "no value", where the field has one. */
  readonly sentinel: Raw | undefined;
}

/** Compiles what follows the reading of a wire field. `kind` is what the raw value is. Throws ConfigError. */
export function compilePipeline(
  section: Section,
  context: Compiling,
  report: Report,
  kind: OutputType,
  bits?: { readonly width: number; readonly signed: boolean },
): Pipeline {
  const numeric = kind === "integer" || kind === "number" || kind === "boolean";
  const arithmetic = numeric
    ? sequence(compileModifiers(section), compileTransform(section, context.notes))
    : undefined;
  const labels =
    section.has("lookup") && numeric ? compileLabels(section.get("lookup"), section.at("lookup")) : undefined;
  const sentinels = compileSentinels(section, bits);
  const time = numeric ? compileTime(section) : undefined;
  const steps = sequence(arithmetic, time);
  const label = labels ? labelled(report, labels) : undefined;
  const put = report.put;
  let finish: Pipeline["finish"] = put;
  if (steps && label) finish = (state, out, raw) => label(state, out, steps.apply(Number(raw)));
  else if (steps) finish = (state, out, raw) => put(state, out, steps.apply(Number(raw)));
  else if (label) finish = label;
  const inner = finish;
  if (sentinels)
    finish = (state, out, raw) => (sentinels.has(raw) ? report.sentinel(state) : inner(state, out, raw));
  return {
    finish,
    undo: (value) => {
      if (!numeric) return kind === "bytes" ? hexOf(value) : textOf(value);
      const number = labels ? unlabel(labels, value) : value;
      const raw = numberOrWide(number);
      return steps ? steps.undo(Number(raw)) : raw;
    },
    canonical: (value) => (labels && typeof value === "number" ? canonicalLabel(labels, value) : value),
    type: typeOf(kind, steps, labels),
    labels: labels?.all,
    time: time !== undefined,
    sentinel: sentinels?.first,
  };
}

/** Two steps as one; undefined where there is none. */
export function sequence(
  first: Arithmetic | undefined,
  second: Arithmetic | undefined,
): Arithmetic | undefined {
  if (!first || !second) return first ?? second;
  return {
    apply: (value) => second.apply(first.apply(value)),
    undo: (value) => first.undo(second.undo(value)),
    whole: second.whole === "kept" ? first.whole : second.whole,
  };
}

function labelled(report: Report, labels: Labels): Pipeline["finish"] {
  const { put, omit } = report;
  const strict = labels.gap === "error";
  return (state, out, value) => {
    const number = Number(value);
    if (!Number.isInteger(number)) return put(state, out, value);
    const label = labels.find(number);
    if (label !== undefined) return put(state, out, label);
    if (strict)
      throw badValue(`${report.label}: ${number} has no place in a list of ${labels.all.length} labels`);
    omit(state);
  };
}

/** A label as its number; a number that is no label is the number itself. Throws PayloadError. */
export function unlabel(labels: Labels, value: unknown): unknown {
  const raw = labels.raw(value);
  if (raw !== undefined) return raw;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return value;
  throw badValue(`no number has the label ${describe(value)}`);
}

function canonicalLabel(labels: Labels, value: number): unknown {
  return labels.raw(value) === undefined ? (labels.find(value) ?? value) : value;
}

/** A number, also where 64 bits made it a decimal text. Throws PayloadError for anything else. */
export function numberOrWide(value: unknown): number | bigint {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw badValue(`${describe(value)} is not a number`);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw badValue(`${describe(value)} is not a text`);
}

/** Bytes as hex text, also where they are given as octets. */
function hexOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (!Array.isArray(value)) return textOf(value);
  if (!value.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255))
    throw badValue("a list of bytes holds numbers from 0 to 255");
  return Buffer.from(value).toString("hex");
}

function typeOf(kind: OutputType, steps: Arithmetic | undefined, labels: Labels | undefined): OutputType {
  if (labels) return labels.all.every((label) => typeof label === "string") ? "text" : "any";
  if (!steps) return kind;
  if (steps.whole === "always") return "integer";
  return steps.whole === "kept" && kind !== "number" ? "integer" : "number";
}
