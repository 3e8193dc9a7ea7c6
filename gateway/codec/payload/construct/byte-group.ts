import type { Compiling } from "../context/compiling.ts";
import { bitBase } from "../field/bits.ts";
import { numberType } from "../field/number.ts";
import type { Node } from "../node.ts";
import { tooShort } from "../payload-error.ts";
import { Section, schemaError } from "../section.ts";

/** Bytes that a group may have. */
const maxSize = 64;

/**
 * `byte_group`: members that all begin at the same byte; the cursor moves once, by `size` (1 unless
 * written). Written as a mapping, or as a list with `size` beside it. Throws ConfigError, also for a
 * member that is wider than the group.
 */
export function compileByteGroup(section: Section, context: Compiling): Node {
  const body = section.get("byte_group");
  const path = section.at("byte_group");
  const group = Array.isArray(body) ? undefined : new Section(body, path);
  const items = Array.isArray(body) ? body : group?.list("fields");
  if (!items) throw schemaError(path, "a byte_group has fields");
  const size = group?.whole("size", 1, maxSize) ?? section.whole("size", 1, maxSize) ?? 1;
  const members = items.map((item, index) => {
    const place = `${group ? group.at("fields") : path}[${index}]`;
    checkWidth(new Section(item, place), size);
    return context.fields([item], place);
  });
  const decoders = members.map((member) => member.decode);
  return {
    decode: (state, out) => {
      const start = state.pos;
      const next = start + size;
      if (next > state.end) throw tooShort("byte_group", size, state.end - start);
      for (let index = 0; index < decoders.length; index += 1) {
        state.pos = start;
        decoders[index]!(state, out);
      }
      state.pos = next;
    },
    prepare: (state, input) => {
      for (const member of members) member.prepare?.(state, input);
    },
    encode: (state, input) => {
      const start = state.pos;
      for (const member of members) {
        state.pos = start;
        member.encode(state, input);
      }
      state.attempt("byte_group", () => state.moveTo(start + size));
    },
    outputs: members.flatMap((member) => member.outputs),
    claims: members.flatMap((member) => member.claims),
    weight: members.reduce((sum, member) => sum + member.weight, 0),
  };
}

function checkWidth(member: Section, size: number): void {
  const type = member.text("type") ?? "u8";
  const base = type === "enum" ? (member.text("base") ?? "u8") : type;
  const width = bitBase(base) ?? numberType(base, "big")?.size ?? member.number("length") ?? 1;
  if (width > size || member.get("length") === "remaining")
    throw schemaError(
      member.path,
      `${type} is wider than its byte_group of ${size} byte${size === 1 ? "" : "s"}`,
      "write the group's size",
    );
}
