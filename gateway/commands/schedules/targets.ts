import type { CommandCode } from "../../model/command.ts";
import type { Value } from "../../model/value.ts";
import type { Moments, Timing } from "./moments.ts";

/** One entry of `schedules:`: from its moment on the point is to have this value, until another entry's moment. */
export interface Schedule {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly value: Value;
  readonly timing: Timing;
  /** What to do with a moment that passed while the gateway was down or did not know the time. */
  readonly missed: "apply" | "skip";
}

export interface Target {
  readonly device: string;
  readonly point: string;
  /** Longest life of a command to it, ms. */
  readonly expiryMs: number;
}

/** What became of the value that holds now, at one point. */
export type TargetProgress = "waiting" | "applied" | "overridden" | "trying" | "given-up";

export interface Timed extends Schedule {
  readonly moments: Moments;
}

export interface Wanted {
  readonly schedule: Timed;
  readonly moment: number;
}

export interface TargetState {
  readonly target: Target;
  readonly schedules: readonly Timed[];
  /** What was carried out, given up or is to be left alone. */
  settled: Wanted | undefined;
  state: TargetProgress;
  code: CommandCode | undefined;
  tries: number;
  /** Unix ms before which it is not tried again. */
  notBefore: number;
  busy: boolean;
  /** Somebody else wrote it: when the hold has ended the schedule takes over again. */
  overridden: boolean;
}

/** One state per point, with every entry that names it. */
export function statesOf(schedules: readonly Timed[]): TargetState[] {
  const found = new Map<string, { target: Target; schedules: Timed[] }>();
  for (const schedule of schedules) {
    for (const target of schedule.targets) {
      const key = `${target.device} ${target.point}`;
      const known = found.get(key) ?? { target, schedules: [] };
      known.schedules.push(schedule);
      found.set(key, known);
    }
  }
  return Array.from(found.values(), (one) => ({
    ...one,
    settled: undefined,
    state: "waiting" as const,
    code: undefined,
    tries: 0,
    notBefore: 0,
    busy: false,
    overridden: false,
  }));
}

/** The entry whose moment came last; of two at the same moment the later one in the file. */
export function wantedOf(schedules: readonly Timed[], now: number): Wanted | undefined {
  let wanted: Wanted | undefined;
  for (const schedule of schedules) {
    const moment = schedule.moments.last(now);
    if (moment !== undefined && (!wanted || moment >= wanted.moment)) wanted = { schedule, moment };
  }
  return wanted;
}
