import * as z from "zod";
import { duration, text } from "../codec/settings.ts";
import { qualities } from "../model/quality.ts";
import { refusals } from "../model/write.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { categories } from "./category.ts";
import { absentSchema, derivedFields, scaleSchema } from "./derived-schema.ts";
import { bitsSchema, valuesSchema } from "./label.ts";
import { chosenSchema, optionsSchema, whenSchema } from "./option.ts";
import { repeatSchema } from "./repeat.ts";
import { factor, name, profileId } from "./words.ts";
import { deprecatedSchema, identifySchema, setupSchema, writeSchema } from "./write-schema.ts";

// The profile language, sections "common head" and "a point". One schema gives the type, the check
// and the editor's help; what belongs to a protocol comes from its own schemas.

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
  values: valuesSchema.optional().meta({
    description: "Label per raw value; an unknown value is out of range, unless `default` names it",
  }),
  bits: bitsSchema
    .optional()
    .meta({ description: "Name per bit: each becomes a boolean <point>/<name>; for people {name, en, sv}" }),
  report: z
    .strictObject({ change: z.number().positive().optional(), within: duration.optional() })
    .optional()
    .meta({
      description: "Send when changed by `change`, and at least every `within`; default: every reading",
    }),
  ...derivedFields,
  personal: z.boolean().optional().meta({ description: "Can identify or track a person" }),
  doc: z.string().min(1).optional().meta({ description: "Page of the maker's document" }),
  when: whenSchema.optional(),
  deprecated: deprecatedSchema.optional(),
};

const expected = z.union([
  z.number(),
  z.bigint(),
  z.boolean(),
  z.string(),
  z.strictObject({ quality: z.enum(qualities) }),
]);

const head = {
  profile: profileId.meta({
    description: "<maker>/<model>: the path of this file below device-profiles/, without .yaml",
  }),
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
  options: optionsSchema.optional().meta({ description: "Closed choices made per device in gateway.yaml" }),
  deprecated: deprecatedSchema.optional(),
};

/** Of every example, whatever its protocol. */
const exampleFields = {
  name: z.string().min(1).optional(),
  options: chosenSchema.optional(),
  expect: z.record(z.string(), expected).optional(),
  counters: z
    .record(z.string(), z.int().min(0))
    .optional()
    .meta({ description: "What the driver must have counted, such as {unmatched: 1}" }),
  write: z
    .record(name, z.union([z.number(), z.bigint(), z.boolean(), z.string()]))
    .optional()
    .meta({ description: "A command: the point and its value" }),
  refuse: z.enum(refusals).optional().meta({ description: "Why the command is not carried out" }),
  exchange: z
    .array(z.strictObject({ ">": z.string().min(1), "<": z.string().optional() }))
    .min(1)
    .max(100)
    .optional()
    .meta({ description: "What goes out for the command, and the answers" }),
};

/** What an example must say, beyond its keys. */
function exampleRules(written: ExampleShape, context: z.core.$RefinementCtx): void {
  const { given, expect, write, refuse, exchange, counters } = written;
  const refuseKey = (path: string[], message: string, code: string, hint: string): void =>
    context.addIssue({ code: "custom", path, message, params: { code, hint } });
  const missing = (key: string): void =>
    context.addIssue({ code: "invalid_type", expected: "object", path: [key], input: undefined });
  if (write === undefined) {
    if (given === undefined) missing("given");
    if (expect === undefined && counters === undefined) missing("expect");
    if (refuse !== undefined)
      refuseKey(["refuse"], "belongs to an example that writes", "needs-write", needsWrite);
    if (exchange !== undefined)
      refuseKey(["exchange"], "belongs to an example that writes", "needs-write", needsWrite);
    return;
  }
  if (Object.keys(write).length !== 1)
    refuseKey(["write"], "names one point and its value", "one-write", "make one example of each");
  if (expect !== undefined)
    refuseKey(
      ["expect"],
      "an example that writes gives no readings",
      "needs-read",
      "make an example of its own for what is read",
    );
  if ((refuse === undefined) === (exchange === undefined))
    refuseKey(
      ["write"],
      "an example that writes says either refuse or exchange",
      "one-of",
      'add refuse: out-of-range, or exchange: [{">": ..., "<": ...}]',
    );
}

const needsWrite = "say what is written: write: {<point>: <value>}";

interface ExampleShape {
  readonly given?: unknown;
  readonly expect?: unknown;
  readonly counters?: unknown;
  readonly write?: Readonly<Record<string, unknown>> | undefined;
  readonly refuse?: unknown;
  readonly exchange?: unknown;
}

/** What belongs to a protocol, in its own words. */
function shapesOf(protocol: Protocol) {
  const point = {
    at: protocol.address.optional(),
    ...pointFields,
    write: writeSchema(protocol.address).optional(),
  };
  const example = z
    .strictObject({ ...exampleFields, given: protocol.given.optional(), device: protocol.device.optional() })
    .superRefine(exampleRules);
  const profile = {
    ...head,
    protocol: z.literal(protocol.name),
    // What the protocol requires is asked for also when its key is left out.
    [protocol.name]: protocol.head.prefault({}),
    identify: identifySchema(protocol.address).optional(),
    setup: setupSchema(protocol.address).optional(),
    examples: z.array(example).optional(),
  };
  return { point, profile };
}

/** The schema of a profile in the language of one protocol, as it is when `use` and `repeat` are carried out. */
export function profileSchemaOf(protocol: Protocol) {
  const { point, profile } = shapesOf(protocol);
  return z.strictObject({
    ...profile,
    points: z
      .record(name, z.strictObject(point).superRefine(pointRules))
      .refine((points) => Object.keys(points).length > 0, { error: "a profile has at least one point" }),
  });
}

/** What people write, for editors. */
export function editorSchemaOf(protocol: Protocol) {
  const { point, profile } = shapesOf(protocol);
  return z.strictObject({
    ...profile,
    ...usable(z.strictObject({ ...point, repeat: repeatSchema.optional() })),
  });
}

/** What people write while they have not said which protocol, or when a used profile says it. */
export function anyProtocolSchema(names: readonly string[]) {
  return z.strictObject({
    ...head,
    ...Object.fromEntries(
      [...names, "identify", "setup", "examples"].map((key) => [key, anything.optional()]),
    ),
    ...usable(pointSchema.extend({ repeat: repeatSchema.optional() })),
  });
}

/** What changes with `use`: the used profile may say it, and null takes one of its points away. */
function usable<P extends z.ZodType>(point: P) {
  return {
    manufacturer: head.manufacturer.optional(),
    category: head.category.optional(),
    use: profileId.optional().meta({ description: useText }),
    points: z.record(name, z.union([point, z.null()])).optional(),
  };
}

const useText =
  "A profile of the same protocol whose points, options, setup and identify this one takes over";

/** A point has a place to be read, or at least one to be written, or it is computed. */
function pointRules(
  written: { at?: unknown; from?: unknown; write?: { at?: unknown } | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (written.at === undefined && written.from === undefined && written.write?.at === undefined)
    context.addIssue({ code: "invalid_type", expected: "object", path: ["at"], input: undefined });
}

const anything = z.unknown();
const pointSchema = z.strictObject({
  at: anything.optional(),
  ...pointFields,
  write: writeSchema(anything).optional(),
});
const exampleSchema = z.strictObject({
  ...exampleFields,
  given: anything.optional(),
  device: anything.optional(),
});

/** A point as its schema hands it on; `at` is the protocol's own. */
export type WrittenPoint = z.output<typeof pointSchema>;
export type WrittenExample = z.output<typeof exampleSchema>;
