import type { Clock, Instant } from "../../model/clock.ts";

/** Before this no network server that we speak with existed. */
const earliestMs = Date.UTC(2020, 0, 1);
/** How far the server's clock may be ahead of ours, ms. */
const aheadMs = 60_000;
/** Two clocks that are as near as this to each other, of which ours is not set, are one clock: the server runs on this machine. */
const sameClockMs = 10 * 60_000;

/**
 * When an uplink was received: as the server says where its clock is plausible, else when it came
 * here. The past is always plausible: the server kept it while we were away.
 */
export function receptionTime(told: number | undefined, clock: Clock): { at: Instant; ms: number } {
  const now = clock.now();
  const plausible =
    told !== undefined &&
    told >= earliestMs &&
    (clock.trusted ? told <= now + aheadMs : told > now + sameClockMs);
  return plausible ? { at: { base: "unix", ms: told }, ms: told } : { at: clock.stamp(), ms: now };
}
