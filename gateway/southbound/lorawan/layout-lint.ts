import { suggest } from "../../codec/suggest.ts";

/** A key of a payload layout that nothing reads, and that was most likely meant to be another one. */
export interface MisspeltKey {
  readonly path: readonly (string | number)[];
  readonly key: string;
  readonly meant: string;
}

/** Keys of Payload Schema 0.5: what the compiler reads, and what is written for people. */
const vocabulary: ReadonlySet<string> = new Set([
  ...["a", "absent", "add", "b", "base", "bit", "byte_group", "c", "case", "cases", "clamp", "command_id"],
  ...["compute", "consume", "count", "decimals", "default", "definitions", "delimiter", "description"],
  ...["direction", "div", "downlink_commands", "elapsed_field", "else", "encoding", "endian", "expected"],
  ...["expected_payload", "fPort", "field", "fields", "flagged", "floor", "format", "formula", "fport"],
  ...["groups", "guard", "include", "input", "input_metadata", "instance", "ipso", "length", "length_size"],
  ...["lookup", "match", "match_value", "max", "merge", "metadata", "min", "mode", "mult", "name"],
  ...["name_from", "object", "offset_field", "op", "parts", "polynomial", "port", "ports", "pow", "prefix"],
  ...["ref", "rename", "resolution", "resource", "round", "semantic", "senml", "senml_unit", "sensor"],
  ...["separator", "size", "source", "tag_fields", "tag_key", "tag_size", "test_vectors", "time"],
  ...["timestamps", "tlv", "transform", "type", "unece", "unit", "unknown", "until", "use", "valid_range"],
  ...["value", "values", "var", "version", "when", "gt", "gte", "lt", "lte", "eq", "ne", "payload"],
  ...["sub", "mul", "mod", "idiv", "sqrt", "abs", "note", "notes", "comment", "title"],
]);

/** Below these stand names of the author's own: no key of theirs is one of the language. */
const named: ReadonlySet<string> = new Set([
  ...["cases", "definitions", "downlink_commands", "expected", "input", "input_metadata"],
  ...["ipso", "lookup", "metadata", "payload", "ports", "semantic", "senml", "test_vectors", "tlv", "values"],
]);

/** Of these the values are parts of the layout again, under names of the author's own. */
const namedParts: ReadonlySet<string> = new Set(["cases", "definitions", "downlink_commands", "ports"]);

const deepest = 48;

/** Pure. Only what is one slip away from a key that is not there as well; whatever else is written is no concern of ours. */
export function misspeltKeys(layout: unknown): readonly MisspeltKey[] {
  const found: MisspeltKey[] = [];
  lint(layout, [], found);
  return found;
}

function lint(value: unknown, path: readonly (string | number)[], found: MisspeltKey[]): void {
  if (path.length > deepest) return;
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) lint(one, [...path, index], found);
    return;
  }
  const entries = entriesOf(value);
  const keys = new Set(entries.map(([key]) => key));
  for (const [key, inside] of entries) {
    const at = [...path, key];
    if (namedParts.has(key)) for (const [name, part] of entriesOf(inside)) lint(part, [...at, name], found);
    else if (!named.has(key)) lint(inside, at, found);
    if (vocabulary.has(key) || key.startsWith("_") || key.startsWith("x-") || key.startsWith("$")) continue;
    const meant = suggest(key, vocabulary);
    // Short words are one slip away from too many others.
    if (meant !== undefined && meant.length > 2 && !keys.has(meant)) found.push({ path: at, key, meant });
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (value instanceof Map) return Array.from(value, ([key, inside]) => [String(key), inside] as const);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value);
}
