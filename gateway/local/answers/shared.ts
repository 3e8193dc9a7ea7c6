import * as z from "zod";

// What all answers are made of.

export const text = z.object({ en: z.string(), sv: z.string().optional() });
export const value = z.union([z.number(), z.boolean(), z.string()]);
export const moment = z.iso.datetime();
export const named = <T extends z.ZodType>(id: string, schema: T): T => schema.meta({ id });

export const error = named(
  "Error",
  z.object({ error: z.string(), message: z.string(), hint: z.string().optional() }),
);
export const ok = named("Ok", z.object({ ok: z.literal(true) }));
