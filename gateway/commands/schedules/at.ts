import { parseDuration } from "../../model/duration.ts";

/** Turns of the sun, by how high it stands: `sunrise` and `sunset` at the horizon, `dawn` and `dusk` 6 degrees below it (civil twilight: when lamps are needed). */
export const sunWords = ["dawn", "sunrise", "noon", "sunset", "dusk"] as const;
export type SunWord = (typeof sunWords)[number];

/** When something is to happen, day after day. */
export type At =
  /** Minutes after local midnight. */
  | { readonly kind: "time"; readonly minutes: number }
  | { readonly kind: "sun"; readonly word: SunWord; readonly offsetMs: number }
  /** Five fields: minute, hour, day of month, month, day of week. */
  | { readonly kind: "cron"; readonly pattern: string };

const timeOfDay = /^([01]?\d|2[0-3]):([0-5]\d)$/;
const sunOffset = /^([a-z]+)(?:\s*([+-])\s*(\S+))?$/;
const cronField = String.raw`[\d*/,\-a-zA-Z#L?]+`;
const cron = new RegExp(`^${cronField}(?: +${cronField}){4}$`);
/** An offset longer than this belongs to another day. */
const longestOffsetMs = 6 * 3_600_000;

/** Reads `22:30`, `dusk + 10m`, `sunrise - 1h` or a cron expression `0 22 * * 1-5`. Throws RangeError. */
export function parseAt(text: string): At {
  const written = text.trim();
  const time = timeOfDay.exec(written);
  if (time) return { kind: "time", minutes: Number(time[1]) * 60 + Number(time[2]) };
  const sun = sunOffset.exec(written);
  if (sun) return ofSun(written, sun[1] ?? "", sun[2], sun[3]);
  if (cron.test(written)) return { kind: "cron", pattern: written };
  throw new RangeError(
    `not a time: "${text}" (write 22:30, dusk + 10m, or a cron expression such as 0 22 * * 1-5)`,
  );
}

function ofSun(written: string, word: string, sign: string | undefined, offset: string | undefined): At {
  const known = sunWords.find((one) => one === word);
  if (!known) throw new RangeError(`"${word}" is no time of day (one of ${sunWords.join(", ")})`);
  const ms = offset === undefined ? 0 : parseDuration(offset);
  if (ms > longestOffsetMs)
    throw new RangeError(`"${written}" is more than 6h away from ${word}: write a time of day instead`);
  return { kind: "sun", word: known, offsetMs: sign === "-" ? -ms : ms };
}
