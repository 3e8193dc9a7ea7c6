import * as z from "zod";
import { qualities } from "../../model/quality.ts";
import { moment, named, value } from "./shared.ts";

// Readings, their history, and the audit log.

export const reading = named(
  "Reading",
  z.object({
    device: z.string(),
    point: z.string(),
    value: value.optional(),
    unit: z.string().optional(),
    quality: z.enum(qualities),
    time: moment.optional(),
    bootMs: z.number().optional(),
    detail: z.string().optional(),
  }),
);
export const readings = z.array(reading);
export const decoded = named("Decoded", z.object({ readings: z.array(reading.omit({ device: true })) }));
export const encoded = named(
  "Encoded",
  z.object({
    frames: z.array(z.object({ payload: z.string(), fPort: z.number().optional(), label: z.string() })),
  }),
);
export const history = named(
  "History",
  z.object({
    device: z.string(),
    series: z.array(
      z.object({
        point: z.string(),
        unit: z.string().optional(),
        rows: z.array(
          z.object({
            time: z.number(),
            quality: z.string(),
            value: value.optional(),
            count: z.number().optional(),
          }),
        ),
      }),
    ),
    next: z.string().optional(),
  }),
);
/** Lines are texts: only as they stand in the files can the chain be verified. */
export const auditLog = named(
  "AuditLog",
  z.object({ lines: z.array(z.string()), next: z.number().optional() }),
);
