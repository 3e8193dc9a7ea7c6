import type { Instant } from "../model/clock.ts";
import { rational, rounder } from "../model/decimal.ts";
import type { PrivacyStep } from "../model/privacy.ts";
import type { Quality } from "../model/quality.ts";
import type { Value } from "../model/value.ts";

/** A value on its way through the steps of a view; `value` is there exactly when the quality is good. */
export interface Sample {
  readonly quality: Quality;
  readonly value?: Value | undefined;
  /** Unix time in front of a step that aligns to the clock. */
  readonly time: Instant;
  readonly detail?: string | undefined;
  /** The steps it has gone through. */
  readonly through: readonly PrivacyStep[];
}

/** One step of one view at work. Keeps what it needs in memory: a restart begins anew. `now` is Unix ms. */
export interface RunningStep {
  /** What comes out at once. */
  take(sample: Sample, now: number): readonly Sample[];
  /** What the passing of time brings out. */
  tick(now: number): readonly Sample[];
}

const none: readonly Sample[] = [];

/** Values below `k` are withheld, never lowered or rounded. */
export function threshold(step: Extract<PrivacyStep, { kind: "k-threshold" }>): RunningStep {
  return {
    tick: () => none,
    take: ({ value, ...sample }) => {
      const through = [...sample.through, step];
      if (value === undefined) return [{ ...sample, through }];
      const enough = (typeof value === "number" || typeof value === "bigint") && value >= step.k;
      if (enough) return [{ ...sample, value, through }];
      return [{ ...sample, quality: "sentinel", detail: `withheld: fewer than ${step.k}`, through }];
    },
  };
}

export function roundValue(step: Extract<PrivacyStep, { kind: "round" }>): RunningStep {
  const round = rounder(rational(step.to));
  return {
    tick: () => none,
    take: ({ value, ...sample }) => {
      const through = [...sample.through, step];
      if (value === undefined) return [{ ...sample, through }];
      if (typeof value !== "number" && typeof value !== "bigint")
        return [{ ...sample, quality: "config-error", detail: "no number can be rounded", through }];
      return [{ ...sample, value: round(Number(value)), through }];
    },
  };
}

/** Samples that may wait in one span; what comes beyond is left out. */
const mostWaiting = 10_000;

/** Rounds the time down and gives nothing away before that span has ended. */
export function roundTime(step: Extract<PrivacyStep, { kind: "round-time" }>): RunningStep {
  let waiting: Sample[] = [];
  return {
    take: (sample) => {
      if (waiting.length >= mostWaiting) return none;
      const ms = Math.floor(sample.time.ms / step.toMs) * step.toMs;
      waiting.push({ ...sample, time: { base: "unix", ms }, through: [...sample.through, step] });
      return none;
    },
    tick: (now) => {
      const due = waiting.filter(({ time }) => time.ms + step.toMs <= now);
      if (due.length === 0) return none;
      waiting = waiting.filter(({ time }) => time.ms + step.toMs > now);
      return due;
    },
  };
}
