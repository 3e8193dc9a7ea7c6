import * as z from "zod";
import { byteSize, duration } from "../codec/settings.ts";

/** What of the readings is kept on this machine, and for how long. */
export interface HistoryConfig {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Also readings of personal points. */
  readonly personal: boolean;
}

/** How much of the audit log is kept. */
export interface AuditLogConfig {
  readonly maxBytes: number;
}

const leastBytes = 16_000_000;
const leastAuditBytes = 1_000_000;

const settings = z.strictObject({
  maxAge: duration.refine((ms) => ms >= 60_000, { error: "a history is at least 1m long" }).prefault("7d"),
  maxBytes: byteSize
    .refine((bytes) => bytes >= leastBytes, { error: "a history needs at least 16MB" })
    .prefault("200MB"),
  personal: z.boolean().default(false),
});

/** Off unless asked for: its thread takes about 20 MB of memory, which a small board needs for other things. */
export const historySchema = z.union([z.literal(false), settings]).default(false);

export const auditLogSchema = z
  .strictObject({
    maxBytes: byteSize
      .refine((bytes) => bytes >= leastAuditBytes, { error: "an audit log needs at least 1MB" })
      .prefault("50MB"),
  })
  .prefault({});

export function historyConfig(written: z.output<typeof historySchema>): HistoryConfig | undefined {
  if (written === false) return undefined;
  return { maxAgeMs: written.maxAge, maxBytes: written.maxBytes, personal: written.personal };
}
