import * as z from "zod";
import { type At, parseAt } from "../commands/schedules/at.ts";

// `schedules:` and `holidays:` of gateway.yaml.

export const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

const at = z
  .string({ error: "write 22:30, dusk + 10m, or a cron expression in quotes" })
  .transform((text, context): At => {
    try {
      return parseAt(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });

export const days = z.union([z.enum(["all", "workdays", "weekends"]), z.array(z.enum(weekdays)).min(1)]);

export const scheduleSchema = z.strictObject({
  device: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(500)]),
  point: z.string().min(1),
  value: z.union([z.number(), z.boolean(), z.string()]),
  at,
  days: days.default("all"),
  /** What happens on holidays: the same, nothing, or only then something. */
  holidays: z.enum(["same", "never", "only"]).default("same"),
  missed: z.enum(["apply", "skip"]).default("apply"),
});

export const holidaysSchema = z.strictObject({
  sweden: z.boolean().default(false),
  eves: z.boolean().default(false),
  extra: z
    .array(
      z
        .string()
        .regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, { error: "write a day as 2026-12-24" }),
    )
    .max(1000)
    .default([]),
});

/** An IANA time zone. */
export const timeZone = z.string().refine(
  (name) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone: name });
      return true;
    } catch {
      return false;
    }
  },
  { error: "not a time zone: write one such as Europe/Stockholm or Etc/UTC" },
);
