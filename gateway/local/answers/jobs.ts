import * as z from "zod";
import { wiringFaults } from "../../model/commissioning.ts";
import { jobKinds } from "../../model/job.ts";
import { moment, named, text } from "./shared.ts";

// Work on a line.

const profileMatch = named(
  "ProfileMatch",
  z.object({
    profile: z.string(),
    title: text,
    by: z.enum(["identified", "plausible", "possible"]),
    fit: z.number(),
    evidence: z.array(z.string()),
  }),
);
const heard = {
  protocol: z.string(),
  connection: z.record(z.string(), z.unknown()),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
};
const finding = named(
  "Finding",
  z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("device"),
      ...heard,
      says: z.string().optional(),
      known: z.string().optional(),
      profiles: z.array(profileMatch),
    }),
    z.object({
      kind: z.literal("settings"),
      protocol: z.string(),
      connection: z.record(z.string(), z.unknown()),
      whole: z.number(),
      damaged: z.number(),
    }),
    z.object({
      kind: z.literal("wiring"),
      fault: z.enum(wiringFaults),
      likely: z.number(),
      message: text,
      fixes: z.array(text),
      evidence: z.array(text),
      unit: z.string().optional(),
    }),
    z.object({
      kind: z.literal("traffic"),
      ...heard,
      requests: z.array(z.string()),
      profiles: z.array(profileMatch),
    }),
    z.object({
      kind: z.literal("check"),
      id: z.string(),
      subject: z.string().optional(),
      result: z.enum(["ok", "warning", "failed", "not-applicable"]),
      message: text,
      fix: text.optional(),
    }),
    z.object({ kind: z.literal("file"), name: z.string(), bytes: z.number() }),
  ]),
);
export const job = named(
  "Job",
  z.object({
    id: z.string(),
    kind: z.enum(jobKinds),
    state: z.enum(["running", "done", "failed", "stopped"]),
    subject: z.string(),
    by: z.string(),
    startedAt: moment,
    endedAt: moment.optional(),
    progress: z.object({
      done: z.number(),
      total: z.number().optional(),
      leftS: z.number().optional(),
      doing: text,
    }),
    findings: z.array(finding),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
  }),
);
export const jobs = z.array(job);
export const jobCost = named("JobCost", z.object({ asks: z.number(), worstS: z.number() }));
