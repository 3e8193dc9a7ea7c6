// A validator for the part of JSON Schema (draft-7) that the profile schema uses; it shares nothing with the
// gateway and refuses keywords that it does not know, so that none is passed over in silence.

type Schema = Readonly<Record<string, unknown>>;

/** Where `value` breaks `schema`, as JSON pointers with a keyword; empty when it fits. */
export function breaches(root: Schema, value: unknown, schema: unknown = root, at = ""): string[] {
  if (schema === true) return [];
  if (schema === false) return [`${at} false`];
  if (!isObject(schema)) throw new Error(`no schema at ${at}`);
  if (typeof schema.$ref === "string") return breaches(root, value, resolve(root, schema.$ref), at);
  const inside = (part: unknown, one: unknown = value, where = at) => breaches(root, one, part, where);
  const fits = (part: unknown): boolean => inside(part).length === 0;
  return Object.entries(schema).flatMap(([keyword, said]): string[] => {
    const unless = (right: boolean): string[] => (right ? [] : [`${at} ${keyword}`]);
    switch (keyword) {
      case "$schema":
      case "title":
      case "description":
      case "default":
      case "definitions":
        return [];
      case "type":
        return unless([said].flat().some((type) => isOfType(value, type)));
      case "const":
        return unless(value === said);
      case "enum":
        return unless(list(said).includes(value));
      case "minimum":
        return unless(typeof value !== "number" || value >= Number(said));
      case "maximum":
        return unless(typeof value !== "number" || value <= Number(said));
      case "exclusiveMinimum":
        return unless(typeof value !== "number" || value > Number(said));
      case "minLength":
        return unless(typeof value !== "string" || value.length >= Number(said));
      case "maxLength":
        return unless(typeof value !== "string" || value.length <= Number(said));
      case "pattern":
        return unless(typeof value !== "string" || new RegExp(String(said)).test(value));
      case "minItems":
        return unless(!Array.isArray(value) || value.length >= Number(said));
      case "maxItems":
        return unless(!Array.isArray(value) || value.length <= Number(said));
      case "required":
        return unless(!isObject(value) || list(said).every((key) => Object.hasOwn(value, String(key))));
      case "properties": {
        if (!isObject(value) || !isObject(said)) return [];
        return Object.entries(said).flatMap(([key, part]) =>
          Object.hasOwn(value, key) ? inside(part, value[key], `${at}/${key}`) : [],
        );
      }
      case "additionalProperties": {
        if (!isObject(value)) return [];
        const known = isObject(schema.properties) ? schema.properties : {};
        return Object.entries(value).flatMap(([key, one]) =>
          Object.hasOwn(known, key) ? [] : inside(said, one, `${at}/${key}`),
        );
      }
      case "propertyNames":
        return isObject(value) ? Object.keys(value).flatMap((key) => inside(said, key, `${at}/${key}`)) : [];
      case "items": {
        if (!Array.isArray(value)) return [];
        return value.flatMap((one, index) =>
          inside(Array.isArray(said) ? (said[index] ?? true) : said, one, `${at}/${index}`),
        );
      }
      case "additionalItems": {
        const known = list(schema.items).length;
        if (!Array.isArray(value) || !Array.isArray(schema.items)) return [];
        return value.slice(known).flatMap((one, index) => inside(said, one, `${at}/${known + index}`));
      }
      case "allOf":
        return list(said).flatMap((part) => inside(part));
      case "anyOf":
        return unless(list(said).some(fits));
      case "if":
        return inside((fits(said) ? schema.then : schema.else) ?? true);
      // Looked at with `if`.
      case "then":
      case "else":
      // What a text looks like is an annotation only, unless asked for otherwise.
      case "format":
        return [];
      default:
        throw new Error(`unknown keyword ${keyword} at ${at}`);
    }
  });
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    default:
      throw new Error(`unknown type ${String(type)}`);
  }
}

function resolve(root: Schema, reference: string): unknown {
  if (!reference.startsWith("#/")) throw new Error(`no reference inside of the file: ${reference}`);
  return reference
    .slice(2)
    .split("/")
    .reduce<unknown>((part, key) => (isObject(part) ? part[key] : undefined), root);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
