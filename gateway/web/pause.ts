const firstPauseMs = 500;
const longestPauseMs = 15_000;

/** The pause before the next try: doubled each time, a little apart from other pages' tries. */
export function pauseMs(failures: number, random: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)) * (0.75 + random / 2);
}
