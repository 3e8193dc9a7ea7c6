import * as z from "zod";
import { durationPattern, parseDuration } from "../model/duration.ts";
import { parseSize, sizePattern } from "../model/size.ts";

// Schemas of the small things that people write in gateway.yaml and profiles, shared so that every
// file takes the same words. Each has an input that JSON Schema can describe.

/** "200ms", "7s", "15m", "2h", "30d" to milliseconds. */
export const duration = written(
  parseDuration,
  durationPattern,
  "write a number and its unit, such as 200ms, 7s, 15m, 24h or 7d",
);

/** "512B", "16kB", "2GB", "64MiB" to bytes. */
export const byteSize = written(
  parseSize,
  sizePattern,
  "write a number and its unit, such as 16kB, 64MB or 2GB",
);

/** A person's text: plain English, or one per language. */
export const text = z.union([
  z.string().min(1),
  z.strictObject({ en: z.string().min(1), sv: z.string().min(1).optional() }),
]);

function written(parse: (text: string) => number, pattern: string, error: string) {
  return z
    .string({ error })
    .meta({ pattern })
    .transform((text, context) => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        context.addIssue({ code: "custom", message: error.message });
        return z.NEVER;
      }
    });
}
