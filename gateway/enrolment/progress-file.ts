import * as z from "zod";
import { enrolmentStates, type Progress } from "./progress.ts";

/** Where `stadsnod enrol` tells how far it is; the local API and the technician's page look there. */
export const progressFile = "/run/stadsnod/enrolment.json";

const progressSchema = z.object({
  state: z.enum(enrolmentStates),
  gateway: z.string().optional(),
  why: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
  nextS: z.number().optional(),
  certificate: z
    .object({
      subject: z.string(),
      issuer: z.string(),
      serial: z.string(),
      from: z.string(),
      to: z.string(),
      renewal: z.string(),
      fingerprint: z.string(),
    })
    .optional(),
  tokenLeft: z.literal(true).optional(),
  at: z.string().optional(),
});

/** What was told, and when by the clock of then. */
export type ToldProgress = Progress & { readonly at?: string | undefined };

/** The text of that file; undefined for what cannot be understood. */
export function readProgress(text: string): ToldProgress | undefined {
  try {
    return progressSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
