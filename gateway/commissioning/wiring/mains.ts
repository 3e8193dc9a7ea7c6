/** Periods of the mains and of its half waves: the frequency of a grid stays within 50 Hz +- 0.1 Hz. */
const periods = [1, 2].flatMap((half) =>
  Array.from({ length: 21 }, (_, step) => 1000 / (half * (49.9 + 0.01 * step))),
);
/** Fewer moments say nothing. */
const leastEvents = 8;

/**
 * How much moments keep time with the mains, 0 to 1: how far they gather in one part of its period,
 * less what chance alone gathers when the best of all these periods is looked for, less how far
 * `base` does (all moments at which something could have happened). Pure.
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
  // Of n random moments the mean vector is longer than this once in some thousand tries.
  const chance = Math.sqrt(7 / events.length);
  return Math.max(0, Math.min(1, (best - chance) / (1 - chance)));
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
