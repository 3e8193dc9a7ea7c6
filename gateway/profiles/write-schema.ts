import * as z from "zod";
import { duration } from "../codec/settings.ts";
import { valuesSchema } from "./label.ts";
import { whenSchema } from "./option.ts";
import { expressionText, factor, name, rawValue } from "./words.ts";

// The profile language, section "writing": what people may write under `write:`, `setup:` and `identify:`.

const value = z.union([z.number(), z.bigint(), z.boolean(), z.string()]);
const range = z.tuple([z.number(), z.number()]);
const rate = z.string().regex(/^[1-9]\d{0,4}\/(s|min|h|day)$/, {
  error: "write a number and a time, such as 10/min; one of s, min, h, day",
});

/** Exactly one of some keys; the message lists them. */
function oneOf(keys: readonly string[]) {
  return (written: object, context: z.core.$RefinementCtx): void => {
    const named = keys.filter((key) => Reflect.get(written, key) !== undefined);
    if (named.length === 1) return;
    const message =
      named.length === 0
        ? `needs one of ${keys.join(", ")}`
        : `has ${named.join(" and ")}: write one of them`;
    const hint =
      named.length === 0 ? `add ${keys.map((key) => `${key}: ...`).join(" or ")}` : `remove ${named[1]}`;
    context.addIssue({ code: "custom", message, params: { code: "one-of", hint } });
  };
}

function verifySchema<A extends z.ZodType>(address: A) {
  return z.union([
    z.literal(false),
    z.strictObject({
      at: address.optional().meta({ description: "Where the value shows, when not where the point is read" }),
      point: name.optional().meta({ description: "The point that shows the value" }),
      within: duration.optional().meta({ description: "Default 2s" }),
      tolerance: z.number().min(0).optional().meta({ description: "Of the scaled value; default 0" }),
      retries: z.int().min(0).max(10).optional().meta({ description: "Writes after the first; default 2" }),
    }),
  ]);
}

/** What a protocol's `at:` adds to a point that can be written. */
export function writeSchema<A extends z.ZodType>(address: A) {
  const step = z
    .strictObject({
      set: name.optional().meta({ description: "A point; without `value` the commanded value" }),
      at: address.optional().meta({ description: "A place that is no point; `value` is then a raw value" }),
      value: value.optional(),
      wait: duration.optional(),
    })
    .superRefine(oneOf(["set", "at", "wait"]));
  const steps = z.array(step).min(1).max(32);
  return z.strictObject({
    at: address.optional().meta({ description: "Where to write, when not where it is read" }),
    range: range.optional().meta({ description: "Of the scaled value, both ends included" }),
    values: z
      .union([z.array(value).min(1).max(256), valuesSchema])
      .optional()
      .meta({ description: "The only values taken: a list, or a label per raw value written" }),
    step: factor.optional().meta({ description: "Values are multiples of it; others are refused" }),
    value: expressionText
      .optional()
      .meta({ description: "What is written instead of the commanded `value`: clamp(value, 10, 100)" }),
    steps: z
      .union([steps, z.record(z.string(), steps)])
      .optional()
      .meta({ description: "A sequence, or one per commanded value" }),
    verify: verifySchema(address).optional().meta({ description: "Default: the point is read back" }),
    rate: rate.optional().meta({ description: "Most writes in a time: 10/min" }),
    budget: z
      .strictObject({ perDay: z.int().min(1).optional(), lifetime: z.int().min(1).optional() })
      .optional()
      .meta({ description: "Writes that the device's memory bears" }),
    interlock: expressionText.optional().meta({ description: "Must be true at the time of writing" }),
    keepalive: z
      .strictObject({ every: duration })
      .optional()
      .meta({ description: "The device falls back when it is not written again in this time" }),
    failsafe: z
      .strictObject({ after: duration, value })
      .optional()
      .meta({ description: "What is written when the control link is lost" }),
    restart: z.enum(["hold", "failsafe", "last"]).optional().meta({
      description:
        "When the gateway starts again: hold (default) writes nothing, last the last commanded value, failsafe its value",
    }),
    expiry: z.strictObject({ max: duration }).optional().meta({ description: "Longest life of a command" }),
    confirm: z
      .enum(["none", "two-step"])
      .optional()
      .meta({ description: "two-step for what moves over people or opens doors" }),
  });
}

/** Ordered writes at (re)connect. */
export function setupSchema<A extends z.ZodType>(address: A) {
  return z
    .array(
      z
        .strictObject({
          set: name.optional().meta({ description: "A point of this profile that can be written" }),
          at: address
            .optional()
            .meta({ description: "A place that is no point; `value` is then a raw value" }),
          value,
          when: whenSchema.optional(),
          verify: verifySchema(address).optional(),
        })
        .superRefine(oneOf(["set", "at"])),
    )
    .max(64);
}

const version = z.union([z.number(), z.string().regex(/^\d{1,9}(\.\d{1,9}){0,4}$/)], {
  error: 'a number, or a version in quotes such as "1.10"',
});

/** Readings that prove the model. */
export function identifySchema<A extends z.ZodType>(address: A) {
  return z
    .array(
      z
        .strictObject({
          point: name.optional(),
          at: address.optional().meta({ description: "A place that is read for this only; compared raw" }),
          equals: rawValue.optional(),
          in: z.array(rawValue).min(1).max(64).optional(),
          prefix: z.string().min(1).optional().meta({ description: "Beginning of a text" }),
          atLeast: version.optional().meta({ description: 'A number, or a version such as "1.10"' }),
          below: version.optional(),
          when: whenSchema.optional(),
        })
        .superRefine(oneOf(["point", "at"]))
        .superRefine((written, context) => {
          const tests = [written.equals, written.in, written.prefix, written.atLeast ?? written.below].filter(
            (one) => one !== undefined,
          ).length;
          if (tests !== 1)
            context.addIssue({
              code: "custom",
              message: "needs one test: equals, in, prefix, or atLeast and below",
              params: { code: "one-of", hint: "add equals: ..., or split it into two entries" },
            });
        }),
    )
    .max(32);
}

/** On the head, or on a point. */
export const deprecatedSchema = z
  .strictObject({
    since: z.string().regex(/^\d+\.\d+\.\d+$/, { error: "a version has three numbers, such as 1.2.0" }),
    use: z.string().min(1).optional().meta({ description: "The profile, or the point, to use instead" }),
    reason: z.string().min(1).optional(),
  })
  .meta({ description: "Not for new use: a warning, never an error" });

const plainAddress = z.unknown();
export type WrittenWrite = z.output<ReturnType<typeof writeSchema<typeof plainAddress>>>;
export type WrittenVerify = NonNullable<WrittenWrite["verify"]>;
export type WrittenSteps = Extract<NonNullable<WrittenWrite["steps"]>, readonly unknown[]>;
export type WrittenSetup = z.output<ReturnType<typeof setupSchema<typeof plainAddress>>>;
export type WrittenIdentify = z.output<ReturnType<typeof identifySchema<typeof plainAddress>>>;
