import type { Compiling } from "../context/compiling.ts";
import { isMapping, Section, schemaError, variableName } from "../section.ts";

/** Fields that stand in the place of a `$ref` or `use` item. */
export interface Spliced {
  readonly items: readonly unknown[];
  readonly path: string;
  readonly name: string;
}

/**
 * `$ref: "#/definitions/x"` or `use: x`: the fields of a definition, which is a mapping with `fields`
 * or a plain list. With `prefix` and then `rename` the names inside change, and what refers to them.
 * `open` holds the definitions that are being spliced. Undefined for any other item. Throws ConfigError.
 */
export function expandReference(
  section: Section,
  context: Compiling,
  open: readonly string[],
): Spliced | undefined {
  const key = section.has("$ref") ? "$ref" : section.has("use") ? "use" : undefined;
  if (key === undefined) return undefined;
  const written = section.text(key) ?? "";
  const name = written.replace(/^#?\/?definitions\//, "");
  const definition = context.definitions?.get(name);
  if (definition === undefined)
    throw schemaError(
      section.at(key),
      `there is no definition "${name}"`,
      written.includes("#") && !written.startsWith("#")
        ? "definitions of other files are not read"
        : undefined,
    );
  if (open.includes(name))
    throw schemaError(
      section.at(key),
      `definition "${name}" contains itself: ${[...open, name].join(" > ")}`,
    );
  const path = `definitions.${name}`;
  const items = Array.isArray(definition) ? definition : new Section(definition, path).list("fields");
  if (!items) throw schemaError(path, "a definition has fields");
  const renaming = renamingOf(section, items);
  if (
    renaming &&
    items.some(
      (item) =>
        isMapping(item) && (new Section(item, path).has("$ref") || new Section(item, path).has("use")),
    )
  )
    throw schemaError(
      section.path,
      `"${name}" refers to another definition: its names cannot be changed here`,
    );
  return { items: renaming ? items.map((item) => renamed(item, renaming)) : items, path, name };
}

type Renaming = ReadonlyMap<string, string>;

function renamingOf(section: Section, items: readonly unknown[]): Renaming | undefined {
  const prefix = section.text("prefix") ?? "";
  const rename = section.section("rename");
  if (prefix === "" && !rename) return undefined;
  const names = new Map<string, string>();
  for (const name of namesIn(items)) {
    // A hidden name stays hidden.
    const prefixed = name.startsWith("_") ? `_${prefix}${name.slice(1)}` : prefix + name;
    const next = rename?.text(prefixed) ?? rename?.text(name) ?? prefixed;
    names.set(name, next);
  }
  return names;
}

function namesIn(value: unknown, depth = 0): string[] {
  if (depth > 64) return [];
  if (Array.isArray(value)) return value.flatMap((item) => namesIn(item, depth + 1));
  if (!isMapping(value)) return [];
  return new Section(value, "").entries().flatMap(([key, one]) => {
    const own = typeof one === "string" && (key === "name" || key === "var" || key === "object") ? [one] : [];
    return [...own, ...namesIn(one, depth + 1)];
  });
}

/** A copy with new names; what hangs below keys that hold no names comes over as it is. */
function renamed(value: unknown, names: Renaming, key: unknown = undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names, key));
  if (isMapping(value)) {
    const entries = new Section(value, "").entries();
    return new Map(entries.map(([inner, one]) => [inner, renamed(one, names, inner)]));
  }
  if (typeof value !== "string") return value;
  if (key === "name_from")
    return value.replace(/\$\{([^}]*)\}/g, (whole, name: string) =>
      names.has(name) ? `\${${names.get(name)}}` : whole,
    );
  if (value.startsWith("$")) {
    const next = names.get(variableName(value));
    return next === undefined ? value : `$${next}`;
  }
  const holdsName = ["name", "var", "object", "field", "on", "tag_key", "count_field"].includes(String(key));
  return holdsName ? (names.get(value) ?? value) : value;
}
