export type FieldKind = "integer" | "float" | "boolean" | "text" | "bytes";

/**
 * What the fields of a payload layout yield, by name; members of an object as `object.member`. Fields
 * whose names begin with `_` are not reported, and elements of a repeat have no place of their own.
 */
export function fieldKinds(fields: readonly unknown[]): ReadonlyMap<string, FieldKind> {
  const found = new Map<string, FieldKind>();
  collect(fields, "", found);
  return found;
}

function collect(item: unknown, prefix: string, found: Map<string, FieldKind>): void {
  if (Array.isArray(item)) {
    for (const one of item) collect(one, prefix, found);
    return;
  }
  if (!isMapping(item)) return;
  const type = textAt(item, "type");
  const object = textAt(item, "object") ?? (type === "object" ? textAt(item, "name") : undefined);
  if (object !== undefined) {
    collect(item.fields, `${prefix}${object}.`, found);
    return;
  }
  if (type === "repeat") return;
  const name = textAt(item, "name");
  if (name !== undefined && !name.startsWith("_")) {
    const kind = kindOf(item, type ?? "u8");
    if (kind) found.set(prefix + name, kind);
  }
  for (const key of ["byte_group", "match", "tlv", "flagged", "fields", "groups", "cases", "default"]) {
    const inner = item[key];
    if (key === "cases" && isMapping(inner))
      for (const branch of Object.values(inner)) collect(branch, prefix, found);
    else if (typeof inner === "object") collect(inner, prefix, found);
  }
}

function kindOf(field: Readonly<Record<string, unknown>>, type: string): FieldKind | undefined {
  if (type === "skip") return undefined;
  if (field.lookup !== undefined || type === "enum") return "text";
  const scaled = ["mult", "div", "transform", "polynomial", "formula"].some(
    (key) => field[key] !== undefined,
  );
  const fractional = typeof field.add === "number" && !Number.isInteger(field.add);
  if (/^(f\d|float|double|number|udec|sdec)/.test(type)) return "float";
  if (/^([us](8|16|24|32|64)|u?int\d|i\d|integer|[us]32le16|(le|be)_)/.test(type))
    return scaled || fractional ? "float" : "integer";
  if (type === "bool") return "boolean";
  return "text";
}

function textAt(item: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = item[key];
  return typeof value === "string" ? value : undefined;
}

function isMapping(item: unknown): item is Readonly<Record<string, unknown>> {
  return typeof item === "object" && item !== null && !Array.isArray(item);
}
