import { parseDuration } from "../model/duration.ts";
import { ConfigError } from "../model/errors.ts";

/** What people may write for a time. */
export const momentHelp = "2h (ago), 2026-11-22, 2026-11-22T08:30 (local time), with Z or +01:00, or now";

/** Unix ms of what somebody wrote. Throws ConfigError (`bad-time`). */
export function parseMoment(text: string, now: number): number {
  if (text === "now") return now;
  // A day alone means the place's own midnight; JavaScript would take the one of Greenwich.
  const written = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text;
  const ms = /^\d{4}-\d{2}-\d{2}[T ]/.test(written) ? Date.parse(written) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  try {
    return now - parseDuration(text);
  } catch (cause) {
    throw new ConfigError(`not a time: "${text}"`, { code: "bad-time", hint: `write ${momentHelp}`, cause });
  }
}
