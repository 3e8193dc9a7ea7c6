import type { Compiling } from "../context/compiling.ts";
import { compileSelector } from "../field/variable.ts";
import type { Node } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { describe, Section, schemaError } from "../section.ts";
import { given } from "../value/report.ts";
import { fieldsUnder, join } from "./fields.ts";

/** `flagged`: groups of fields that are there when their bit of a variable is set, in written order. Throws ConfigError. */
export function compileFlagged(section: Section, context: Compiling): Node {
  const body = section.section("flagged")!;
  const selector = compileSelector(body.get("field"), body.at("field"), context);
  const groups = (body.list("groups") ?? []).map((item, index) => {
    const group = new Section(item, `${body.at("groups")}[${index}]`);
    const bit = group.whole("bit", 0, 63);
    if (bit === undefined) throw schemaError(group.path, "a group needs its bit");
    const fields = fieldsUnder(group, "fields", context);
    const names = fields.outputs.map((output) => output.name);
    return { bit, weight: 2 ** bit, fields, names };
  });
  const all = join(groups.map((group) => group.fields));
  return {
    decode: (state, out) => {
      const flags = selector.read(state.vars);
      if (typeof flags !== "number" && typeof flags !== "bigint")
        throw badValue(`$${selector.name} is not a number: ${describe(flags)}`);
      for (const { bit, weight, fields } of groups) {
        const set =
          typeof flags === "bigint" ? (flags >> BigInt(bit)) & 1n : Math.floor(flags / weight) % 2 !== 0;
        if (set) fields.decode(state, out);
      }
    },
    prepare: (state, input) => {
      let flags = Number(state.forced.get(selector.slot) ?? 0);
      for (const { weight, fields, names } of groups) {
        const present = names.some((name) => given(input, name) !== undefined);
        if (present && Math.floor(flags / weight) % 2 === 0) flags += weight;
        if (present) fields.prepare?.(state, input);
      }
      state.forced.set(selector.slot, flags);
    },
    encode: (state, input) => {
      for (const { fields, names } of groups)
        if (names.some((name) => given(input, name) !== undefined)) fields.encode(state, input);
    },
    outputs: all.outputs,
    claims: all.claims,
    weight: all.weight,
  };
}
