import type { Compiling } from "../context/compiling.ts";
import { never, outputOf } from "../field/value-field.ts";
import type { Input, Node, Output } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { isMapping, type Section } from "../section.ts";
import { given, outputName } from "../value/report.ts";
import { fieldsUnder } from "./fields.ts";

/** `object`: fields that are reported together under one name; same cursor. Throws ConfigError. */
export function compileObject(section: Section, context: Compiling): Node {
  const key = section.has("object") ? "object" : "name";
  const written = section.text(key);
  const name = outputName(written, section.at(key));
  const fields = fieldsUnder(section, "fields", context);
  const inner = (input: Input): Input => asInput(given(input, name), name);
  return {
    decode: (state, out) => {
      const members: Output = {};
      fields.decode(state, members);
      if (name !== undefined) out[name] = members;
    },
    ...(fields.prepare && {
      prepare: (state, input) =>
        state.attempt(written ?? "object", () => fields.prepare?.(state, inner(input))),
    }),
    encode: (state, input) =>
      state.attempt(written ?? "object", () => {
        if (name !== undefined && given(input, name) === undefined)
          state.warnings.push(`Missing field: ${name}`);
        fields.encode(state, inner(input));
      }),
    outputs: composite(section, name, "object", fields),
    claims: name === undefined ? [] : [{ name, holds: never }],
    weight: fields.weight + 1,
  };
}

/** A mapping to encode; nothing stands for an empty one. Throws PayloadError. */
export function asInput(value: unknown, name = "value"): Input {
  if (value === undefined || value === null) return {};
  // Only texts and numbers are names: what else a map may have for a key names no field.
  if (value instanceof Map)
    return Object.fromEntries(
      [...value].filter(([key]) => typeof key === "string" || typeof key === "number"),
    );
  // A value that came as a mapping is one: its keys are read with hasOwn only.
  if (isMapping(value)) return value as Input;
  throw badValue(`${name} is not a mapping`);
}

/** What an object or a list reports: itself, with its members. */
export function composite(section: Section, name: string | undefined, type: "object" | "list", fields: Node) {
  const report = { name, template: undefined, range: undefined };
  return outputOf(section, report, type).map((output) => ({ ...output, fields: fields.outputs }));
}
