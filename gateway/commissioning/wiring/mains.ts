/** Periods of the mains and of its half waves: the frequency of a grid stays within 50 Hz +- 0.1 Hz. */
const periods = [1, 2].flatMap((half) =>
  Array.from({ length: 21 }, (_, step) => 1000 / (half * (49.9 + 0.01 * step))),
);
/** Fewer moments say nothing. */
const leastEvents = 8;
/** Less gathering than this has other reasons, however many moments there are. */
const leastGathered = 0.1;

/**
 * How surely moments keep time with the mains, 0 to 1: whether they gather in one part of its period more
 * than `base` does (all moments at which something could have happened) and more than chance makes of
 * so many (Rayleigh's test). Pure.
 *
 * @param events monotonic ms
 */
export function mainsStrength(events: readonly number[], base: readonly number[]): number {
  if (events.length < leastEvents) return 0;
  let best = 0;
  for (const period of periods) {
    const excess = gathered(events, period) - gathered(base, period);
    best = Math.max(best, excess);
  }
  // Of n random moments n R^2 is above 8 once in 3000 tries, and one of these periods is always the best.
  const surprise = events.length * best * best;
  return best < leastGathered ? 0 : Math.max(0, Math.min(1, (surprise - 8) / 12));
}

/** Length of the mean of the moments as directions on the circle of one period (Rayleigh). */
function gathered(moments: readonly number[], periodMs: number): number {
  if (moments.length === 0) return 0;
  let [x, y] = [0, 0];
  for (const moment of moments) {
    const angle = (2 * Math.PI * moment) / periodMs;
    x += Math.cos(angle);
    y += Math.sin(angle);
  }
  return Math.hypot(x, y) / moments.length;
}
