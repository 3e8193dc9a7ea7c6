import type { Compiling } from "../context/compiling.ts";
import { absent, type Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import type { Input, Output } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { numberOf, type Section, schemaError } from "../section.ts";
import { compileTemplate, type Template } from "./template.ts";

/** How one value gets its name: in the output, as a variable, and in the input of the encoder. */
export interface Report {
  /** For messages. */
  readonly label: string;
  /** The output key or its template; undefined for what is never reported. */
  readonly name: string | undefined;
  readonly template: Template | undefined;
  readonly range: readonly [number, number] | undefined;
  /** Slots of the variables that hold the value. */
  readonly slots: readonly number[];
  /** Stores a final value and reports it; what is no number is left out. */
  put(state: Decoding, out: Output, value: unknown): void;
  /** The field has no value this time. */
  omit(state: Decoding): void;
  /** The device said that there is no value. */
  sentinel(state: Decoding): void;
  /** The key under which the encoder looks, undefined for hidden fields. Throws PayloadError. */
  inputKey(state: Encoding): string | undefined;
}

/** Names that would change the object instead of adding to it. */
const reserved = "__proto__";

/** Throws ConfigError for names that cannot be output keys. */
export function outputName(name: string | undefined, path: string): string | undefined {
  if (name === reserved) throw schemaError(path, `${reserved} cannot be a name`);
  return name === undefined || name === "" || name.startsWith("_") ? undefined : name;
}

export function compileReport(section: Section, context: Compiling): Report {
  const written = section.text("name");
  const visible = outputName(written, section.at("name"));
  const from = section.text("name_from");
  const hidden = written?.startsWith("_") === true;
  const template = from !== undefined && !hidden ? compileTemplate(from, context) : undefined;
  const variables = [written, section.text("var")].filter((name) => name !== undefined && name !== "");
  const slots = [...new Set(variables)].map((name) => context.slot(name!));
  const range = compileRange(section);
  const label = written ?? from ?? section.path;
  const keyOf = (vars: readonly unknown[]): string | undefined => {
    if (!template) return visible;
    const key = template.render(vars);
    if (key === reserved) throw badValue(`${label}: ${reserved} cannot be a name`);
    return key.startsWith("_") ? undefined : key;
  };
  const store = (state: Decoding, value: unknown): void => {
    for (const slot of slots) state.vars[slot] = value;
  };
  const common = {
    label,
    name: template ? template.text : visible,
    template,
    range,
    slots,
    omit: (state: Decoding) => store(state, undefined),
    sentinel: (state: Decoding) => {
      store(state, absent);
      const key = keyOf(state.vars);
      if (key !== undefined) state.mark(key, "sentinel");
    },
    inputKey: (state: Encoding) => keyOf(state.vars),
  };
  const [slot, second] = slots;
  if (visible !== undefined && !template && !range && slot !== undefined && second === undefined)
    return { ...common, put: plainPut(visible, slot) };
  return {
    ...common,
    put: (state, out, written) => {
      const value = finite(written);
      store(state, value);
      if (value === undefined) return;
      const key = keyOf(state.vars);
      if (key === undefined) return;
      out[key] = typeof value === "bigint" ? wide(value) : value;
      if (range) checkRange(state, key, value, range);
    },
  };
}

/** The common case without a detour: one name, one variable. */
function plainPut(name: string, slot: number): Report["put"] {
  return (state, out, written) => {
    const value = finite(written);
    state.vars[slot] = value;
    if (value === undefined) return;
    out[name] = typeof value === "bigint" ? wide(value) : value;
  };
}

/** Integral numbers without -0; NaN and the infinities are no values. */
function finite(value: unknown): unknown {
  if (typeof value !== "number") return value;
  return Number.isFinite(value) ? value + 0 : undefined;
}

/** A 64-bit integer that no double can hold is reported as its exact decimal text. */
function wide(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function compileRange(section: Section): readonly [number, number] | undefined {
  const bounds = section.list("valid_range");
  if (!bounds) return undefined;
  const [low, high] = bounds.map(numberOf);
  // A bound that is left open (null) binds nothing.
  const open = (index: number): boolean => bounds[index] === null;
  if (bounds.length !== 2 || (low === undefined && !open(0)) || (high === undefined && !open(1)))
    throw schemaError(section.at("valid_range"), "a range is [lowest, highest]");
  return [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY];
}

function checkRange(
  state: Decoding,
  key: string,
  value: unknown,
  [low, high]: readonly [number, number],
): void {
  if (typeof value !== "number" && typeof value !== "bigint") return;
  const inside = value >= low && value <= high;
  state.mark(key, inside ? "good" : "out-of-range");
  if (!inside) state.warnings.push(`${key}: value ${value} outside valid range [${low}, ${high}]`);
}

/** The value that the caller gives for a key; undefined when there is none. */
export function given(input: Input, key: string | undefined): unknown {
  if (key === undefined || !Object.hasOwn(input, key)) return undefined;
  return input[key] ?? undefined;
}
