const units: ReadonlyMap<string, number> = new Map([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
]);

/** A hundred years: longer than any period of ours, and far inside exact arithmetic. */
const longest = 100 * 365 * 86_400_000;

/** What a duration may look like, for JSON Schema. */
export const durationPattern = "^\\d+(\\.\\d+)?(ms|s|m|h|d)$";

/**
 * Reads `200ms`, `7s`, `1.5s`, `15m`, `24h` or `7d` as milliseconds: one number, one unit, nothing
 * between. Throws RangeError on anything else, on fractions of a millisecond and beyond 100 years.
 */
export function parseDuration(text: string): number {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?(ms|s|m|h|d)$/.exec(text);
  const factor = match && units.get(match[3] ?? "");
  if (!match || !factor) {
    throw new RangeError(`not a duration: "${text}" (write 200ms, 7s, 15m, 24h or 7d)`);
  }
  const fraction = match[2] ?? "";
  // In integers, so that 1.1s is 1100 ms and not a hair more.
  const scaled = BigInt((match[1] ?? "") + fraction) * BigInt(factor);
  const divisor = 10n ** BigInt(fraction.length);
  if (scaled % divisor !== 0n) throw new RangeError(`"${text}" is not a whole number of milliseconds`);
  const milliseconds = Number(scaled / divisor);
  if (milliseconds > longest) throw new RangeError(`"${text}" is longer than 100 years`);
  return milliseconds;
}

/** The shortest text that `parseDuration` reads back as the same milliseconds, a whole number of them. */
export function formatDuration(milliseconds: number): string {
  for (const [unit, factor] of units) {
    if (milliseconds >= factor && milliseconds % factor === 0) return `${milliseconds / factor}${unit}`;
  }
  return `${milliseconds}ms`;
}
