import type { Compiling } from "../context/compiling.ts";
import type { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import { compileOperand, numeric } from "../field/variable.ts";
import type { Node, Output } from "../node.ts";
import { badValue, PayloadError } from "../payload-error.ts";
import { type Section, schemaError } from "../section.ts";
import { given, outputName } from "../value/report.ts";
import { fieldsUnder } from "./fields.ts";
import { asInput, composite } from "./object.ts";

/** Elements that a schema may allow in one list. */
const mostElements = 10_000;

/** `repeat`: a list of objects, by count, by bytes, or to the end. Throws ConfigError. */
export function compileRepeat(section: Section, context: Compiling): Node {
  const written = section.text("name");
  const name = outputName(written, section.at("name"));
  const label = written ?? "repeat";
  const fields = fieldsUnder(section, "fields", context);
  const max = Math.min(section.whole("max", 0, Number.MAX_SAFE_INTEGER) ?? 1000, mostElements);
  const min = section.whole("min", 0, mostElements) ?? 0;
  const goes = compileExtent(section, context, label, max);
  const weight = Math.max(1, fields.weight);
  const element = (state: Decoding): Output => {
    state.spend(weight);
    const members: Output = {};
    fields.decode(state, members);
    return members;
  };
  const encodeList = (state: Encoding, list: readonly unknown[]): void => {
    if (list.length > max || list.length < min)
      throw badValue(`${list.length} elements, ${min} to ${max} are possible`);
    for (const one of list) {
      const members = asInput(one, label);
      state.record(() => {
        fields.prepare?.(state, members);
        fields.encode(state, members);
      });
    }
  };
  const countSlot = goes.countSlot;
  return {
    decode: (state, out) => {
      const list: Output[] = [];
      goes.run(state, () => list.push(element(state)));
      if (list.length < min)
        throw new PayloadError(`${label}: ${list.length} elements, at least ${min} are needed`, {
          code: "repeat",
        });
      if (name !== undefined) out[name] = list;
    },
    ...(countSlot !== undefined && {
      prepare: (state, input) => {
        const list = given(input, name);
        if (Array.isArray(list)) state.implied.set(countSlot, list.length);
      },
    }),
    encode: (state, input) =>
      state.attempt(label, () => {
        const list = given(input, name);
        if (list === undefined && name !== undefined) state.warnings.push(`Missing field: ${name}`);
        if (list !== undefined && !Array.isArray(list)) throw badValue("this is not a list");
        encodeList(state, list ?? []);
      }),
    outputs: composite(section, name, "list", fields),
    claims:
      name === undefined
        ? []
        : [{ name, holds: (list: readonly unknown[]) => list.length === 0 || !list.every(Array.isArray) }],
    weight: fields.weight + 1,
  };
}

interface Extent {
  /** Calls `element` as often as the payload says, and leaves the cursor behind the last one. */
  run(state: Decoding, element: () => void): void;
  /** The variable that holds the count, for the encoder. */
  readonly countSlot?: number;
}

function compileExtent(section: Section, context: Compiling, label: string, max: number): Extent {
  const given = ["count", "count_field", "byte_length", "until"].filter((key) => section.has(key));
  const [kind, second] = given;
  if (kind === undefined || second !== undefined)
    throw schemaError(section.path, "a repeat has one of count, byte_length and until");
  if (kind === "until") {
    section.word("until", ["end"]);
    return {
      run: (state, element) => {
        for (let count = 0; state.pos < state.end; count += 1) {
          if (count >= max) return stopped(state, label, max);
          const before = state.pos;
          element();
          if (state.pos <= before) return;
        }
      },
    };
  }
  const raw = section.get(kind);
  const written = kind === "count_field" ? `$${String(raw).replace(/^\$/, "")}` : raw;
  const operand = compileOperand(written, section.at(kind), context);
  const amount = (state: Decoding): number => {
    const value = operand(state.vars);
    if (value === undefined) throw badValue(`${label}: ${String(written)} has no value`);
    const number = numeric(typeof value === "symbol" ? String(value) : value, label);
    if (!Number.isInteger(number) || number < 0) throw badValue(`${label}: ${number} cannot be its ${kind}`);
    return number;
  };
  if (kind === "byte_length")
    return { run: (state, element) => runBytes(state, element, amount(state), label, max) };
  const countSlot =
    typeof written === "string" && written.startsWith("$") ? context.slot(written.slice(1)) : undefined;
  return {
    run: (state, element) => {
      const count = amount(state);
      for (let done = 0; done < count; done += 1) {
        if (done >= max) return stopped(state, label, max);
        element();
      }
    },
    ...(countSlot !== undefined && { countSlot }),
  };
}

/** The length must end on an element's boundary. */
function runBytes(state: Decoding, element: () => void, length: number, label: string, max: number): void {
  const outer = state.end;
  const end = state.pos + length;
  if (end > outer)
    throw new PayloadError(`${label}: ${length} bytes needed, ${outer - state.pos} left`, {
      code: "too-short",
    });
  state.end = end;
  for (let count = 0; state.pos < end; count += 1) {
    if (count >= max) {
      stopped(state, label, max);
      break;
    }
    const before = state.pos;
    element();
    if (state.pos <= before) break;
  }
  if (state.pos > end)
    throw new PayloadError(`${label}: the last element ends beyond its ${length} bytes`, { code: "repeat" });
  state.end = outer;
}

function stopped(state: Decoding, label: string, max: number): void {
  state.warnings.push(`${label}: only the first ${max} elements are read`);
}
