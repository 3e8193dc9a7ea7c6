import * as z from "zod";
import { expressionText, factor, name, rawValue } from "./words.ts";

// What a profile says of points that depend on others, and of raw values that are no plain number.

export const scaleSchema = z.union([
  factor,
  z
    .strictObject({
      pow10: name.optional().meta({ description: "10 to the power of that point, as in SunSpec" }),
      point: name.optional().meta({ description: "The value of that point" }),
    })
    .refine(({ pow10, point }) => (pow10 === undefined) !== (point === undefined), {
      error: "write either {pow10: <point>} or {point: <point>}",
    }),
]);

const masked = z
  .strictObject({
    mask: z.union([z.int().positive(), z.bigint().positive()]),
    values: z
      .array(z.union([z.int().min(0), z.bigint()]))
      .min(1)
      .max(32),
  })
  .meta({ description: "Only the bits under the mask are compared, in their place" });

export const absentSchema = z.union([
  rawValue,
  masked,
  z
    .array(z.union([rawValue, masked]))
    .min(1)
    .max(32),
]);

const finite = z.number();

export const derivedFields = {
  from: expressionText.optional().meta({
    description:
      "Computed from other points of this device, whenever one of them is read: sqrt(p * p + q * q)",
  }),
  valid: expressionText.optional().meta({
    description:
      "Over `value` and other points; when it is false there is no value: value > 0 && status == 'ok'",
  }),
  curve: z
    .array(z.tuple([finite, finite]))
    .min(2)
    .max(256)
    .optional()
    .meta({
      description: "Instead of scale: [raw, value] pairs, straight lines between them, nothing beyond",
    }),
  rollover: z
    .union([z.int().min(2), z.bigint(), z.strictObject({ bits: z.int().min(8).max(64) })])
    .optional()
    .meta({
      description:
        "Raw counts after which the counter begins at 0 again, or {bits: 32}. Only said, in the description: " +
        "the counter is sent as the device counts, and who wants a total goes by this",
    }),
  format: z.string().min(1).max(64).optional().meta({
    description: "Of an id: {n} the number, {hex} in hexadecimal, {0} its lowest byte, {1} the next",
  }),
  hidden: z.boolean().optional().meta({ description: "Read for the sake of other points, never reported" }),
};
