import type { Compiling } from "../context/compiling.ts";
import type { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import { endianOf } from "../field/number.ts";
import { outputOf } from "../field/value-field.ts";
import { compileSelector } from "../field/variable.ts";
import type { Input, Node, Output, OutputField } from "../node.ts";
import { badValue, PayloadError } from "../payload-error.ts";
import { describe, Section, schemaError } from "../section.ts";
import { numberOrWide } from "../value/pipeline.ts";
import { compileReport, given, type Report } from "../value/report.ts";
import { accepts, type CaseTest, caseTest } from "./case-key.ts";
import { join } from "./fields.ts";

interface Case {
  /** Undefined for the default. */
  readonly test: CaseTest | undefined;
  readonly fields: Node;
}

/** Where the value that is compared comes from. */
interface Source {
  read(state: Decoding, out: Output): unknown;
  /** The value that the encoder compares; undefined when there is none. */
  known(state: Encoding, input: Input): unknown;
  /** Writes the value in front of the branch, for the form that reads it itself. */
  write(state: Encoding, input: Input, chosen: Case | undefined): void;
  readonly slot: number | undefined;
  readonly outputs: readonly OutputField[];
  readonly report: Report | undefined;
}

/** `match`: one branch of fields, by a value. Throws ConfigError. */
export function compileMatch(section: Section, context: Compiling): Node {
  const body = section.section("match") ?? section;
  const source = body.has("length") ? inlineSource(body, context) : variableSource(body, context);
  const { cases, miss } = compileCases(body, context);
  const pick = picker(cases);
  const branches = join(cases.map((one) => one.fields));
  const choose = (state: Encoding, input: Input): Case | undefined => {
    const value = source.known(state, input);
    const exact = value === undefined ? undefined : cases.find((one) => one.test && accepts(one.test, value));
    return (
      exact ?? mostPresent(cases, input) ?? (value === undefined ? undefined : cases.find((one) => !one.test))
    );
  };
  return {
    decode: (state, out) => {
      const value = source.read(state, out);
      const chosen = pick(value);
      if (chosen) chosen.fields.decode(state, out);
      else if (miss === "error")
        throw new PayloadError(`no case of the match fits ${describe(value)}`, { code: "no-case" });
    },
    prepare: (state, input) => {
      const chosen = choose(state, input);
      const key = chosen?.test ? keyOf(chosen.test) : undefined;
      if (source.slot !== undefined && key !== undefined) state.implied.set(source.slot, key);
      chosen?.fields.prepare?.(state, input);
    },
    encode: (state, input) => {
      const chosen = choose(state, input);
      source.write(state, input, chosen);
      chosen?.fields.prepare?.(state, input);
      chosen?.fields.encode(state, input);
    },
    outputs: [...source.outputs, ...branches.outputs],
    // What is inside a branch does not tell a tagged record apart.
    claims: [],
    weight: branches.weight + 1,
  };
}

function variableSource(body: Section, context: Compiling): Source {
  const key = body.has("field") ? "field" : "on";
  const selector = compileSelector(body.get(key), body.at(key), context);
  return {
    read: (state) => selector.read(state.vars),
    known: (state, input) => state.vars[selector.slot] ?? given(input, selector.name),
    write: () => undefined,
    slot: selector.slot,
    outputs: [],
    report: undefined,
  };
}

/** `match: {length: N}` reads N bytes as an unsigned number itself. */
function inlineSource(body: Section, context: Compiling): Source {
  const length = body.whole("length", 1, 8) ?? 1;
  const report = compileReport(body, context);
  const little = endianOf(body, context) === "little";
  const write = (state: Encoding, value: number | bigint): void => {
    if (typeof value === "number" && !Number.isInteger(value))
      throw badValue(`${value} is not a whole number`);
    const whole = BigInt(value);
    if (whole < 0n || whole >> BigInt(length * 8) !== 0n)
      throw badValue(`${whole} does not fit ${length} bytes`);
    const bytes = Buffer.from(whole.toString(16).padStart(length * 2, "0"), "hex");
    state.put(little ? bytes.toReversed() : bytes, undefined, true);
  };
  return {
    read: (state, out) => {
      const value = readWhole(state, length, little, report.label);
      report.put(state, out, value);
      return value;
    },
    known: (state, input) => given(input, report.inputKey(state)),
    write: (state, input, chosen) =>
      state.attempt(report.label, () => {
        const own = given(input, report.inputKey(state));
        const key = chosen?.test ? keyOf(chosen.test) : undefined;
        if (own === undefined && chosen === undefined) return;
        const value = own ?? key;
        if (value === undefined) throw badValue("the number that chooses the case is not given");
        for (const slot of report.slots) state.vars[slot] = value;
        write(state, numberOrWide(value));
      }),
    slot: undefined,
    outputs: outputOf(body, report, "integer"),
    report,
  };
}

/** An unsigned number of up to 8 bytes. Throws PayloadError. */
export function readWhole(state: Decoding, length: number, little: boolean, label: string): number | bigint {
  const at = state.take(length, label);
  const { bytes } = state;
  if (length > 6) {
    const view = Buffer.from(bytes.subarray(at, at + length));
    const value = BigInt(`0x${(little ? view.reverse() : view).toString("hex")}`);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
  let value = 0;
  if (little) for (let index = length - 1; index >= 0; index -= 1) value = value * 256 + bytes[at + index]!;
  else for (let index = 0; index < length; index += 1) value = value * 256 + bytes[at + index]!;
  return value;
}

/** The value that a case stands for, where it is one. */
function keyOf(test: CaseTest): number | string | boolean | undefined {
  if (test.kind === "exact") return test.value;
  return test.kind === "range" ? test.low : undefined;
}

function compileCases(body: Section, context: Compiling): { cases: Case[]; miss: "error" | "skip" } {
  const written = body.get("cases");
  const cases: Case[] = [];
  let otherwise: unknown = body.get("default");
  let place = body.at("default");
  const add = (key: unknown, fields: unknown, path: string): void => {
    if (key === "default" || key === "_") {
      otherwise = fields;
      place = path;
      return;
    }
    for (const one of Array.isArray(key) ? key : [key])
      cases.push({ test: caseTest(one), fields: listAt(fields, path, context) });
  };
  if (Array.isArray(written)) {
    for (const [index, item] of written.entries()) {
      const one = new Section(item, `${body.at("cases")}[${index}]`);
      if (one.has("case") || one.has("value"))
        add(one.get("case") ?? one.get("value"), one.get("fields"), one.at("fields"));
      else if (one.has("default")) add("default", one.get("default"), one.at("default"));
      else throw schemaError(one.path, "a case needs the key case");
    }
  } else {
    const section = body.section("cases");
    if (!section) throw schemaError(body.path, "a match has cases");
    for (const [key, fields] of section.entries()) add(key, fields, `${section.path}.${String(key)}`);
  }
  if (otherwise === undefined || otherwise === "error") return { cases, miss: "error" };
  if (otherwise === "skip") return { cases, miss: "skip" };
  cases.push({ test: undefined, fields: listAt(otherwise, place, context) });
  return { cases, miss: "error" };
}

function listAt(value: unknown, path: string, context: Compiling): Node {
  if (Array.isArray(value)) return context.fields(value, path);
  if (value === undefined || value === null) return context.fields([], path);
  const section = new Section(value, path);
  const fields = section.list("fields");
  if (!fields) throw schemaError(path, `a list of fields is needed here, not ${describe(value)}`);
  return context.fields(fields, section.at("fields"));
}

/** The first case that fits. Where all cases are plain values, by one look into a table. */
function picker(cases: readonly Case[]): (value: unknown) => Case | undefined {
  const otherwise = cases.find((one) => !one.test);
  const tested = cases.filter((one) => one.test);
  const search = (value: unknown): Case | undefined =>
    tested.find((one) => accepts(one.test!, value)) ?? otherwise;
  if (!tested.every((one) => one.test?.kind === "exact")) return search;
  const table = new Map<unknown, Case>();
  for (const one of tested)
    if (one.test?.kind === "exact" && !table.has(one.test.value)) table.set(one.test.value, one);
  return (value) => table.get(value) ?? search(value);
}

/** The case of which most fields are given; undefined when none is. */
function mostPresent(cases: readonly Case[], input: Input): Case | undefined {
  let best: Case | undefined;
  let most = 0;
  for (const one of cases) {
    const present = one.fields.outputs.filter((output) => given(input, output.name) !== undefined).length;
    if (present > most) {
      best = one;
      most = present;
    }
  }
  return best;
}
