import type { EnrolmentFacts } from "../types.ts";

export interface Life {
  readonly leftMs: number;
  /** Of the whole life, 0 to 1. */
  readonly left: number;
  readonly tone: "good" | "warn" | "bad";
}

/** Renewal begins when a third of the life is left and is over at a quarter: what has less was not renewed. */
const late = 1 / 5;
const last = 1 / 12;

/** What is left of a certificate. @param now Unix ms of the gateway */
export function lifeOf(
  { from, to }: Pick<NonNullable<EnrolmentFacts["certificate"]>, "from" | "to">,
  now: number,
): Life {
  const end = Date.parse(to);
  const whole = Math.max(1, end - Date.parse(from));
  const left = Math.min(1, Math.max(0, (end - now) / whole));
  return { leftMs: Math.max(0, end - now), left, tone: left < last ? "bad" : left < late ? "warn" : "good" };
}

/** Ms until the next try; undefined where none is announced. 0: any moment. */
export function untilNextTry({ nextS, at }: EnrolmentFacts, now: number): number | undefined {
  if (nextS === undefined) return undefined;
  const whole = nextS * 1000;
  const told = at === undefined ? Number.NaN : Date.parse(at);
  // A clock that was set meanwhile makes nonsense of `at`.
  const left = Number.isFinite(told) && told <= now ? told + whole - now : whole;
  return Math.max(0, left);
}
