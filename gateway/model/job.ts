// What takes a while and is watched meanwhile: a scan, a search for line settings, a diagnosis. Plain data, as the
// local API shows it; times are ISO 8601, durations seconds.

import type { Finding } from "./commissioning.ts";

export const jobKinds = [
  "scan",
  "line-settings",
  "wiring",
  "listen",
  "doctor",
  "northbound-test",
  "diagnostics",
] as const;
export type JobKind = (typeof jobKinds)[number];

/** - `stopped`: by whoever asked for it, or because the gateway ends */
export type JobState = "running" | "done" | "failed" | "stopped";

export interface JobProgress {
  /** Steps of the job's own kind: unit ids asked, settings tried, checks made. */
  readonly done: number;
  /** Undefined where nobody can know. */
  readonly total?: number | undefined;
  /** At most so many seconds more; undefined where nobody can know. */
  readonly leftS?: number | undefined;
  /** What it does now, in both languages of our users. */
  readonly doing: { readonly en: string; readonly sv: string };
}

/** What a job costs, before it begins. */
export interface JobCost {
  /** How often somebody is asked. */
  readonly asks: number;
  /** At most, when nobody answers. */
  readonly worstS: number;
}

export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  /** What it is about: a connection, a port, a far side. */
  readonly subject: string;
  /** Who asked for it. */
  readonly by: string;
  readonly startedAt: string;
  readonly endedAt?: string | undefined;
  readonly progress: JobProgress;
  /** What was found so far, the oldest first, bounded. */
  readonly findings: readonly Finding[];
  /** Why it failed. */
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
}
