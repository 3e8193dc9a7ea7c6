import * as z from "zod";
import { isSemver } from "./semver.ts";

// What is remembered of updates: one small document, replaced before each step.

export const phases = [
  "idle",
  "downloading",
  "verified",
  "installing",
  "installed",
  "rebooting",
  "trying",
  "committing",
  "committed",
  "rolling-back",
  "rolled-back",
  "refused",
] as const;
/**
 * - `downloading`, `verified`: nothing of the system is touched yet
 * - `installing`: the other slot is being written
 * - `installed`, `rebooting`: the boot loader takes the other slot next
 * - `trying`: the new system runs and must prove itself
 * - `committing`, `rolling-back`: decided, and not yet known to be done
 * - `committed`, `rolled-back`, `refused`: how the last one ended
 */
export type Phase = (typeof phases)[number];

const semver = z.string().refine(isSemver, { error: "no version such as 1.4.0" });
const reason = z.object({ code: z.string().max(64), message: z.string().max(1000) });
const snapshot = z.object({
  lines: z.array(z.string().max(64)).max(1000),
  northbound: z.array(z.string().max(64)).max(1000),
});

const target = z.object({
  /** Undefined until the bundle has been looked at. */
  version: semver.optional(),
  /** `https:` address, or the name of a file in the folder of updates. */
  url: z.string().max(2048).optional(),
  file: z.string().max(255),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  allowDowngrade: z.boolean().optional(),
  /** Who wanted it: a user, or the name of the key that signed the desired state. */
  by: z.string().max(128),
  /** Not earlier, Unix ms. */
  notBefore: z.number().optional(),
  /** Times of day at which the system may be written and restarted; absent: at any. */
  window: z.string().max(11).optional(),
  /** Of the desired state. */
  rollout: z.string().max(128).optional(),
});

export const recordSchema = z.object({
  format: z.literal(1),
  phase: z.enum(phases),
  target: target.optional(),
  /** What ran before. */
  from: z.object({ slot: z.string().max(32), version: semver }).optional(),
  why: reason.optional(),
  /** Of the present step. */
  attempts: z.int().min(0),
  /** Kernel's boot id when this was written. */
  boot: z.string().max(64).optional(),
  /** Starts of the gateway in that boot. */
  starts: z.int().min(0),
  /** What worked before the restart. */
  before: snapshot.optional(),
  /** The highest version that was ever committed. */
  highest: semver.optional(),
  /** Versions that did not work here; none is tried again. */
  failed: z.array(z.object({ version: semver, why: reason })).max(32),
});

export type UpdateRecord = z.output<typeof recordSchema>;
export type Target = z.output<typeof target>;
export type Reason = z.output<typeof reason>;

export const emptyRecord: UpdateRecord = { format: 1, phase: "idle", attempts: 0, starts: 0, failed: [] };
