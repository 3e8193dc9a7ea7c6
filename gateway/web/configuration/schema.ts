// Help from the JSON Schema of gateway.yaml.

type Json = Readonly<Record<string, unknown>>;

const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const deepest = 8;

/** A schema and all that its `$ref`, `anyOf`, `oneOf` and `allOf` lead to. */
function alternatives(root: unknown, schema: unknown, depth = 0): readonly Json[] {
  if (!isJson(schema) || depth > deepest) return [];
  const { $ref } = schema;
  const there = typeof $ref === "string" ? alternatives(root, resolved(root, $ref), depth + 1) : [];
  const more = [schema.anyOf, schema.oneOf, schema.allOf]
    .flatMap((list): unknown[] => (Array.isArray(list) ? list : []))
    .flatMap((one) => alternatives(root, one, depth + 1));
  return [schema, ...there, ...more];
}

function resolved(root: unknown, ref: string): unknown {
  if (!ref.startsWith("#")) return undefined;
  return ref
    .slice(1)
    .split("/")
    .filter(Boolean)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((at, part) => (isJson(at) ? at[part] : undefined), root);
}

/** What may stand at a path; several where there is a choice. */
export function schemasAt(root: unknown, path: readonly string[]): readonly Json[] {
  return path.reduce<readonly Json[]>(
    (schemas, key) =>
      schemas.flatMap((schema) => below(schema, key)).flatMap((one) => alternatives(root, one)),
    alternatives(root, root),
  );
}

function below(schema: Json, key: string): readonly unknown[] {
  const { properties, patternProperties, additionalProperties, items } = schema;
  const named = isJson(properties) && Object.hasOwn(properties, key) ? [properties[key]] : [];
  if (named.length > 0) return named;
  const patterns = isJson(patternProperties)
    ? Object.entries(patternProperties)
        .filter(([pattern]) => matches(pattern, key))
        .map(([, one]) => one)
    : [];
  return [
    ...patterns,
    ...(key === "0" && isJson(items) ? [items] : isJson(additionalProperties) ? [additionalProperties] : []),
  ];
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, "u").test(key);
  } catch {
    return false;
  }
}

export interface KeyHelp {
  readonly descriptions: readonly string[];
  /** `integer, 1 to 247`, `text`. */
  readonly kinds: readonly string[];
  readonly standard: string | undefined;
  readonly values: readonly string[];
  readonly required: readonly string[];
}

const unique = (list: readonly string[]) => [...new Set(list)];

function kindOf({ type, minimum, maximum }: Json): string | undefined {
  if (typeof type !== "string") return undefined;
  const inside = (value: unknown): value is number =>
    typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  const range = [inside(minimum) ? `≥ ${minimum}` : "", inside(maximum) ? `≤ ${maximum}` : ""].filter(
    Boolean,
  );
  return [type, ...range].join(" ");
}

export function helpAt(root: unknown, path: readonly string[]): KeyHelp | undefined {
  const found = schemasAt(root, path);
  if (found.length === 0) return undefined;
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const standard = found.map((one) => one.default).find((value) => value !== undefined);
  return {
    descriptions: unique(
      found.flatMap(({ description }) => (typeof description === "string" ? [description] : [])),
    ),
    kinds: unique(found.flatMap((one) => kindOf(one) ?? [])),
    standard: standard === undefined ? undefined : text(standard),
    values: unique(
      found.flatMap((one) => [
        ...(Array.isArray(one.enum) ? one.enum.map(text) : []),
        ...(one.const === undefined ? [] : [text(one.const)]),
        ...(one.type === "boolean" ? ["true", "false"] : []),
      ]),
    ),
    required: unique(
      found.flatMap((one) =>
        Array.isArray(one.required) ? one.required.filter((key) => typeof key === "string") : [],
      ),
    ),
  };
}

/** Keys that may stand below a path, with what they are. */
export function keysAt(
  root: unknown,
  path: readonly string[],
): readonly { key: string; description: string }[] {
  const all = new Map<string, string>();
  for (const { properties } of schemasAt(root, path))
    for (const [key, one] of isJson(properties) ? Object.entries(properties) : []) {
      const description = alternatives(root, one)
        .map((each) => each.description)
        .find((each) => typeof each === "string");
      if (!all.get(key)) all.set(key, typeof description === "string" ? description : "");
    }
  return Array.from(all, ([key, description]) => ({ key, description }));
}
