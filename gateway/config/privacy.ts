import * as z from "zod";
import { duration, text } from "../codec/settings.ts";
import { aggregateFunctions, legalBases, type PrivacyStep } from "../model/privacy.ts";

// What a device in gateway.yaml says about whose data it is and what others get of it.

const windowMs = duration.refine((ms) => ms >= 10_000 && ms <= dayMs && dayMs % ms === 0, {
  error: "a window is between 10s and 24h, and a whole number of them makes 24h, such as 15m, 1h or 24h",
});

const percent = z
  .string()
  .regex(/^\d{1,2}(\.\d+)?%$/, { error: "write a share such as 10%, below 100%" })
  .transform((share) => Number(share.slice(0, -1)) / 100);

const metres = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?k?m$/, { error: "write a distance such as 500m or 2km" })
  .transform((distance) =>
    distance.endsWith("km") ? Number(distance.slice(0, -2)) * 1000 : Number(distance.slice(0, -1)),
  )
  .refine((distance) => distance >= 1 && distance <= 1_000_000, { error: "a cell is 1m to 1000km wide" });

const dayMs = 86_400_000;

/** One step of a view; exactly one of its first words. */
const step = z.union([
  z.strictObject({
    aggregate: z.enum(aggregateFunctions),
    over: windowMs,
    gaps: percent.prefault("10%"),
  }),
  z.strictObject({ kThreshold: z.int().min(2).max(1_000_000) }),
  z.strictObject({ round: z.number().min(1e-9).max(1e12) }),
  z.strictObject({ roundTime: windowMs }),
  z.strictObject({ roundPlace: metres, lon: z.string().min(1) }),
]);

const view = z.strictObject({
  to: z.string().min(1),
  title: text.optional(),
  steps: z.array(step).min(1).max(8),
});

/** The key under which a point's own readings are kept from leaving. */
export const ownReadings = "raw";

const viewName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, {
  error: "a view's name is made of a-z, 0-9 and _, and begins with a letter",
});

/** Fields of a device. */
export const deviceRecordFields = {
  owner: z.string().min(1).max(200).optional(),
  sharedWith: z.array(z.string().min(1).max(200)).max(32).optional(),
  purpose: z.string().min(1).max(1000).optional(),
  legalBasis: z.enum(legalBases).optional(),
  privacy: z
    .record(z.string(), z.union([z.literal("drop"), z.record(viewName, z.union([z.literal("drop"), view]))]))
    .optional(),
  place: z.string().min(1).max(200).optional(),
  position: z
    .strictObject({
      lat: z.number().min(-90).max(90),
      lon: z.number().min(-180).max(180),
      elevation: z.number().min(-500).max(9000).optional(),
    })
    .optional(),
};

type WrittenStep = z.output<typeof step>;
export type WrittenView = z.output<typeof view>;

/** The step, and the point with the longitude of one about places. */
export function stepOf(written: WrittenStep): { step: PrivacyStep; lon?: string } {
  if ("aggregate" in written) {
    const { aggregate, over, gaps } = written;
    return { step: { kind: "aggregate", function: aggregate, overMs: over, gaps } };
  }
  if ("kThreshold" in written) return { step: { kind: "k-threshold", k: written.kThreshold } };
  if ("round" in written) return { step: { kind: "round", to: written.round } };
  if ("roundTime" in written) return { step: { kind: "round-time", toMs: written.roundTime } };
  return { step: { kind: "round-place", metres: written.roundPlace }, lon: written.lon };
}
