import { z } from "zod";
import { duration, text } from "../codec/settings.ts";
import { qualities } from "../model/quality.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { categories } from "./category.ts";
import { absentSchema, derivedFields, scaleSchema } from "./derived-schema.ts";
import { factor, integerKey, name } from "./words.ts";

// The profile language, sections "common head" and "a point". One schema gives the type, the check
// and the editor's help; what belongs to a protocol comes from its own schemas.

const bitKey = z.string().regex(/^([0-9]|[1-5][0-9]|6[0-3])$/, { error: "a bit is a number from 0 to 63" });

const pointFields = {
  title: text.optional().meta({ description: "Name for people; plain English or {en, sv}" }),
  unit: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Unit of the scaled value, e.g. Cel, V, W, kWh, %RH, / (a ratio)" }),
  scale: scaleSchema
    .optional()
    .meta({ description: "value = raw * scale + offset, in exact decimals; or what another point says" }),
  offset: factor.optional(),
  resolution: factor
    .optional()
    .meta({ description: "Smallest step of the value; integers have the one of their scale" }),
  kind: z
    .enum(["gauge", "counter", "state", "event", "text", "id"])
    .optional()
    .meta({ description: "A counter is sent as the device counts; an id is a number that is a name" }),
  class: z
    .union([z.enum(["fast", "normal", "slow", "once"]), z.strictObject({ every: duration })])
    .optional()
    .meta({ description: "How often it is read; gateway.yaml says what the words mean. Default normal" }),
  range: z
    .tuple([z.number(), z.number()])
    .optional()
    .meta({ description: "Of the scaled value, both ends included; outside it has no value" }),
  absent: absentSchema
    .optional()
    .meta({ description: "Raw values, as decoded, that mean: not available; nan for any NaN" }),
  values: z
    .record(integerKey, text)
    .optional()
    .meta({ description: "Label per raw value; an unknown value is out of range" }),
  bits: z
    .record(bitKey, name)
    .optional()
    .meta({ description: "Name per bit: each becomes a boolean <point>/<name>" }),
  report: z
    .strictObject({ change: z.number().positive().optional(), within: duration.optional() })
    .optional()
    .meta({
      description: "Send when changed by `change`, and at least every `within`; default: every reading",
    }),
  ...derivedFields,
  personal: z.boolean().optional().meta({ description: "Can identify or track a person" }),
  doc: z.string().min(1).optional().meta({ description: "Page of the maker's document" }),
};

const expected = z.union([
  z.number(),
  z.bigint(),
  z.boolean(),
  z.string(),
  z.strictObject({ quality: z.enum(qualities) }),
]);

const counters = z
  .record(z.string(), z.int().min(0))
  .optional()
  .meta({ description: "Counters of the driver afterwards, e.g. unmatched: 1" });

const head = {
  profile: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/, {
      error: "an id is <maker>/<model> in a-z, 0-9 and -, and equals the path of the file without .yaml",
    })
    .meta({ description: "<maker>/<model>: the path of this file below device-profiles/, without .yaml" }),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, { error: "a version has three numbers, such as 1.2.0" })
    .meta({ description: "Three numbers: incompatible change, addition, correction" }),
  title: text,
  manufacturer: z.string().min(1),
  models: z.array(z.string().min(1)).min(1).max(64).meta({ description: "Type names, white labels too" }),
  category: z.enum(Object.keys(categories) as [keyof typeof categories]),
  sources: z
    .array(
      z.strictObject({
        document: z.string().min(1),
        url: z.string().min(1).optional(),
        pages: z.union([z.string().min(1), z.int()]).optional(),
      }),
    )
    .min(1),
  status: z.enum(["draft", "bench-tested", "field-proven"]),
  notes: z.string().min(1).optional().meta({ description: "Evidence for the status, and what to know" }),
  caveats: z.array(z.string().min(1)).optional(),
};

/** The schema of a profile in the language of one protocol. */
export function profileSchemaOf(protocol: Protocol) {
  const point = z.strictObject({ at: protocol.address.optional(), ...pointFields }).superRefine(pointRules);
  const example = z.strictObject({
    name: z.string().min(1).optional(),
    given: protocol.given,
    expect: z.record(z.string(), expected),
    counters,
  });
  return z.strictObject({
    ...head,
    protocol: z.literal(protocol.name),
    // What the protocol requires is asked for also when its key is left out.
    [protocol.name]: protocol.head.prefault({}),
    points: z.record(name, point).refine((points) => Object.keys(points).length > 0, {
      error: "a profile has at least one point",
    }),
    examples: z.array(example).optional(),
  });
}

/** A point is read or computed. */
function pointRules(written: { at?: unknown; from?: unknown }, context: z.core.$RefinementCtx): void {
  if (written.at === undefined && written.from === undefined)
    context.addIssue({ code: "invalid_type", expected: "object", path: ["at"], input: undefined });
}

const pointSchema = z.strictObject({ at: z.unknown().optional(), ...pointFields });
const exampleSchema = z.strictObject({
  name: z.string().optional(),
  given: z.unknown(),
  expect: z.record(z.string(), expected),
  counters,
});

/** A point as its schema hands it on; `at` is the protocol's own. */
export type WrittenPoint = z.output<typeof pointSchema>;
export type WrittenExample = z.output<typeof exampleSchema>;
/** Words of the language that this version does not carry out yet. */
export const notYet = {
  head: ["options", "identify", "setup", "use"],
  point: ["when", "repeat", "use", "write"],
  example: ["write", "exchange", "refuse"],
} as const;

/** JSON Schema (draft-7) of what people may write, for editors. */
export function profileSchema(protocols: readonly Protocol[]): Record<string, unknown> {
  const schemas = protocols.map(profileSchemaOf);
  const [only] = schemas;
  const schema = only && schemas.length === 1 ? only : z.union(schemas);
  return {
    title: "Stadsnod device profile",
    ...z.toJSONSchema(schema, { target: "draft-7", io: "input", unrepresentable: "any", cycles: "ref" }),
  };
}
