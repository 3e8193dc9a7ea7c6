import type { z } from "zod";

type Schema = z.core.$ZodType;

/** What a schema says about a mapping: the keys it knows, and the schema of keys it leaves free. */
export interface Shape {
  readonly keys: ReadonlyMap<string, Schema>;
  readonly free: Schema | undefined;
}

const nothing: Shape = { keys: new Map(), free: undefined };

/** What the schemas know of the mapping that stands at `path` below them. Alternatives are merged. */
export function shapeAt(schemas: readonly Schema[], path: readonly PropertyKey[]): Shape {
  return merge(descend(schemas, path).map(shapeOf));
}

/** What a mapping checked by `schema` may hold. */
export function shapeOf(schema: Schema): Shape {
  return merge(
    unwrap(schema).map((one) => {
      const { def } = one._zod;
      if (def.type === "object") return { keys: new Map(Object.entries(def.shape)), free: undefined };
      if (def.type === "record") return { keys: new Map(), free: def.valueType };
      return nothing;
    }),
  );
}

/** The words that a schema takes, when it takes nothing else. */
export function wordsOf(schema: Schema): readonly string[] {
  const all = unwrap(schema).map(({ _zod: { def } }) =>
    def.type === "enum" ? Object.values(def.entries) : [],
  );
  return all.some((words) => words.length === 0) ? [] : all.flat().map(String);
}

function descend(schemas: readonly Schema[], path: readonly PropertyKey[]): readonly Schema[] {
  return path.reduce<readonly Schema[]>(
    (level, step) =>
      level.flatMap(unwrap).flatMap((one): readonly Schema[] => {
        const { def } = one._zod;
        if (def.type === "object") return def.shape[String(step)] ? [def.shape[String(step)]!] : [];
        if (def.type === "record") return [def.valueType];
        if (def.type === "array") return [def.element];
        if (def.type === "tuple") return def.items[Number(step)] ? [def.items[Number(step)]!] : [];
        return [];
      }),
    schemas,
  );
}

/** The schemas below wrappers, alternatives and transforms: what the written value must look like. */
function unwrap(schema: Schema): z.core.$ZodTypes[] {
  // zod's documented way to look into a schema: the union of all its kinds, told apart by `def.type`.
  const known = schema as z.core.$ZodTypes;
  const { def } = known._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return unwrap(def.innerType);
    case "pipe":
      return unwrap(def.in);
    case "lazy":
      return unwrap(def.getter());
    case "union":
      return def.options.flatMap(unwrap);
    case "intersection":
      return [...unwrap(def.left), ...unwrap(def.right)];
    default:
      return [known];
  }
}

function merge(shapes: readonly Shape[]): Shape {
  const keys = new Map<string, Schema>();
  for (const shape of shapes) {
    for (const [key, schema] of shape.keys) if (!keys.has(key)) keys.set(key, schema);
  }
  return { keys, free: shapes.find((shape) => shape.free)?.free };
}
