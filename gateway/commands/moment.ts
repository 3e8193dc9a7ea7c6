import type { Clock } from "../model/clock.ts";

/** A moment that keeps its meaning over restarts, as far as the clocks allow. */
export interface Moment {
  /** Unix ms; to be believed only where `trusted`. */
  readonly unix: number;
  readonly trusted: boolean;
  readonly boot: string;
  /** Ms since that boot. */
  readonly mono: number;
}

export function momentOf(clock: Clock): Moment {
  return { unix: clock.now(), trusted: clock.trusted, boot: clock.bootId, mono: clock.monotonic() };
}

/**
 * How long ago it was at least, ms: never more than it really was. 0 where nobody knows, so that limits
 * and holds rather last too long than too short.
 */
export function leastAge(moment: Moment, clock: Clock): number {
  if (moment.boot === clock.bootId) return Math.max(0, clock.monotonic() - moment.mono);
  // The wall clock is never below its floor, so that even an untrusted one is not too late.
  return moment.trusted ? Math.max(0, clock.now() - moment.unix) : 0;
}
