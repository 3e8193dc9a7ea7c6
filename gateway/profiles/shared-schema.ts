// Parts of a JSON Schema that occur several times, moved to its definitions. The meaning stays the same; the
// file, which an editor loads at every start, becomes a fraction of its size.

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Below this a reference is no shorter than what it stands for. */
const leastCharacters = 90;

/** Keywords whose value is a schema or a list of schemas, and those whose value maps names to schemas. */
const nested = [
  "additionalProperties",
  "propertyNames",
  "items",
  "anyOf",
  "allOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
];
const named = ["properties", "patternProperties"];

/** `root` and its `definitions`, with every part that occurs twice as one more definition. Pure. */
export function shareSchemas(
  root: JsonSchema,
  definitions: Readonly<Record<string, JsonSchema>>,
): Record<string, unknown> {
  const repeated = repeatedParts([root, ...Object.values(definitions)]);
  const all: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const replace = (part: JsonSchema, name: string): JsonSchema => {
    const { description, core } = split(part);
    const text = JSON.stringify(core);
    if (!repeated.has(text)) return mapParts(part, name, replace);
    let definition = names.get(text);
    if (definition === undefined) {
      definition = freeName(name, (one) => one in all || one in definitions);
      names.set(text, definition);
      all[definition] = {};
      all[definition] = mapParts(core, name, replace);
    }
    const reference = { $ref: `#/definitions/${definition}` };
    // In draft-7 nothing counts beside a $ref.
    return description === undefined ? reference : { description, allOf: [reference] };
  };
  const written = mapParts(root, "part", replace);
  for (const [name, definition] of Object.entries(definitions))
    all[name] = mapParts(definition, name, replace);
  return { ...written, definitions: all };
}

/** The parts, as text, that occur at least twice and are worth a reference. */
function repeatedParts(schemas: readonly JsonSchema[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const visit = (part: JsonSchema): JsonSchema => {
    const text = JSON.stringify(split(part).core);
    if (seen.has(text)) {
      if (text.length >= leastCharacters) repeated.add(text);
    } else {
      // Only once: what stands only inside of a repeated part is not repeated itself.
      seen.add(text);
      mapParts(part, "", visit);
    }
    return part;
  };
  for (const schema of schemas) mapParts(schema, "", visit);
  return repeated;
}

/** What a part means, and what is said of it at its place. */
function split(part: JsonSchema): { description: unknown; core: JsonSchema } {
  const { description, ...core } = part;
  return JSON.stringify(core).length < 2 * leastCharacters
    ? { description: undefined, core: part }
    : { description, core };
}

/** A schema with each schema directly inside of it changed; `name`: of the nearest property around it. */
function mapParts(
  part: JsonSchema,
  name: string,
  change: (inner: JsonSchema, name: string) => JsonSchema,
): JsonSchema {
  const changed = (value: unknown, near: string): unknown => (isObject(value) ? change(value, near) : value);
  return Object.fromEntries(
    Object.entries(part).map(([keyword, value]): [string, unknown] => {
      if (nested.includes(keyword))
        return [
          keyword,
          Array.isArray(value) ? value.map((one) => changed(one, name)) : changed(value, name),
        ];
      if (named.includes(keyword) && isObject(value))
        return [
          keyword,
          Object.fromEntries(Object.entries(value).map(([key, one]) => [key, changed(one, key)])),
        ];
      return [keyword, value];
    }),
  );
}

function freeName(name: string, taken: (name: string) => boolean): string {
  if (!taken(name)) return name;
  let number = 2;
  while (taken(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
