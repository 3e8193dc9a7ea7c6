import type { OutputField, OutputType } from "../../codec/payload/index.ts";

export type FieldKind = "integer" | "float" | "boolean" | "text";

const kinds: Readonly<Partial<Record<OutputType, FieldKind>>> = {
  integer: "integer",
  number: "float",
  any: "float",
  boolean: "boolean",
  text: "text",
  bytes: "text",
};

/**
 * What the fields of a payload layout yield, by name; members of an object as `object.member`. Lists,
 * and names that only the payload itself tells, have no place that a point could name.
 */
export function fieldKinds(fields: readonly OutputField[], prefix = ""): ReadonlyMap<string, FieldKind> {
  const found = new Map<string, FieldKind>();
  for (const { name, pattern, repeats, type, fields: members } of fields) {
    if (pattern || repeats) continue;
    const kind = kinds[type];
    if (kind) found.set(prefix + name, kind);
    if (type === "object")
      for (const [path, inner] of fieldKinds(members ?? [], `${prefix}${name}.`)) found.set(path, inner);
  }
  return found;
}
