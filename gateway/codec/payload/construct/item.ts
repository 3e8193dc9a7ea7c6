import { alternatives, suggest } from "../../suggest.ts";
import type { Compiling } from "../context/compiling.ts";
import { bitfieldStringWire } from "../field/bitfield-string.ts";
import { bitRangeWire, boolWire } from "../field/bits.ts";
import { compileComputed } from "../field/computed.ts";
import { compileEnum } from "../field/enum.ts";
import { numberWire } from "../field/number.ts";
import { compileSkip } from "../field/skip.ts";
import { textWire } from "../field/text.ts";
import { compileValueField } from "../field/value-field.ts";
import { versionStringWire } from "../field/version-string.ts";
import type { Node } from "../node.ts";
import { type Section, schemaError } from "../section.ts";
import { compileByteGroup } from "./byte-group.ts";
import { compileFlagged } from "./flagged.ts";
import { compileMatch } from "./match.ts";
import { compileObject } from "./object.ts";
import { compileRepeat } from "./repeat.ts";
import { compileTlv } from "./tlv.ts";

/** For hints: the types that people use. */
const familiar = [
  ...["u8", "u16", "u24", "u32", "u64", "s8", "s16", "s24", "s32", "s64", "f16", "f32", "f64", "bool"],
  ...["ascii", "string", "hex", "bytes", "enum", "bitfield_string", "object", "repeat", "number", "skip"],
];

/** One item of a field list: a construct by its key, else a field by its type. Throws ConfigError. */
export function compileItem(section: Section, context: Compiling): Node {
  if (section.has("byte_group")) return compileByteGroup(section, context);
  if (section.has("match")) return compileMatch(section, context);
  if (section.has("object")) return compileObject(section, context);
  if (section.has("tlv")) return compileTlv(section, context);
  if (section.has("flagged")) return compileFlagged(section, context);
  const type = section.text("type") ?? "u8";
  switch (type) {
    case "object":
      return compileObject(section, context);
    case "repeat":
      return compileRepeat(section, context);
    case "match":
      return compileMatch(section, context);
    case "number":
    case "integer":
      return compileComputed(section, context, type === "integer");
    case "skip":
      return compileSkip(section);
    case "enum":
      return compileEnum(section, context);
  }
  refuseUnread(section);
  const wire =
    numberWire(type, section, context) ??
    textWire(type, section) ??
    (type === "bool" ? boolWire(section) : undefined) ??
    (type === "bitfield_string" ? bitfieldStringWire(section, context) : undefined) ??
    (type === "version_string" ? versionStringWire(section) : undefined) ??
    bitRangeWire(type, section);
  if (!wire) {
    const near = suggest(type, familiar);
    const hint = near === undefined ? `such as ${alternatives(familiar, 30)}` : `did you mean "${near}"?`;
    throw schemaError(section.at("type"), `the type "${type}" is not known`, hint);
  }
  return compileValueField(section, context, wire);
}

/** What would change the value but is not read here must not be passed over. */
function refuseUnread(section: Section): void {
  if (section.has("formula"))
    throw schemaError(
      section.at("formula"),
      "formulas are deprecated in the language and not read here",
      "write mult, div and add, or a transform",
    );
  if (section.has("match_value"))
    throw schemaError(section.at("match_value"), "match_value is not read here", "write a match with cases");
}
