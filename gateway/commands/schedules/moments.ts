import type { At, SunWord } from "./at.ts";
import type { Calendar, LocalDay } from "./calendar.ts";

/** When a schedule holds. */
export interface Timing {
  readonly at: At;
  /** 0 = Sunday. */
  readonly days: readonly number[];
  /** What holidays do: nothing, keep it from happening, or be the only days on which it does. */
  readonly holidays: "same" | "never" | "only";
}

/** WGS 84, degrees. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
}

/** The moments of a timing, Unix ms. */
export interface Moments {
  /** The first one after `unixMs`, within 400 days. */
  next(unixMs: number): number | undefined;
  /** The last one at or before `unixMs`, within 400 days. */
  last(unixMs: number): number | undefined;
}

/** A yearly date may be a leap day; beyond that nothing will come. */
const farthestDays = 400;
/** At high latitudes a sun word may lie on the neighbouring local day, and offsets move it. */
const slackDays = 1;

/**
 * Days on which the sun does not reach the height (midnight sun, polar night) have no such moment: what
 * was set last stays. Throws RangeError: a cron expression that does not exist, a sun word without a position.
 */
export async function momentsOf(
  { at, days, holidays }: Timing,
  calendar: Calendar,
  position: Position | undefined,
): Promise<Moments> {
  const allowed = (day: LocalDay): boolean =>
    days.includes(day.weekday) && (holidays === "same" || calendar.isHoliday(day) === (holidays === "only"));
  if (at.kind === "cron") return cronMoments(at.pattern, calendar, allowed);
  const on = at.kind === "time" ? timeOn(at.minutes, calendar) : await sunOn(at, calendar, position);
  const search = (unixMs: number, step: 1 | -1): number | undefined => {
    let day = calendar.shift(calendar.dayOf(unixMs), -step * slackDays);
    for (let count = 0; count <= farthestDays + 2 * slackDays; count++, day = calendar.shift(day, step)) {
      if (!allowed(day)) continue;
      const moment = on(day);
      if (moment !== undefined && (step === 1 ? moment > unixMs : moment <= unixMs)) return moment;
    }
    return undefined;
  };
  return { next: (unixMs) => search(unixMs, 1), last: (unixMs) => search(unixMs, -1) };
}

type MomentOn = (day: LocalDay) => number | undefined;

function timeOn(minutes: number, calendar: Calendar): MomentOn {
  return (day) => calendar.at(day, minutes);
}

/** Of suncalc's words: the sun's centre 0.833 and 6 degrees below the horizon. */
const sunNames = {
  dawn: "dawn",
  sunrise: "sunrise",
  noon: "solarNoon",
  sunset: "sunset",
  dusk: "dusk",
} as const satisfies Record<SunWord, string>;

async function sunOn(
  { word, offsetMs }: Extract<At, { kind: "sun" }>,
  calendar: Calendar,
  position: Position | undefined,
): Promise<MomentOn> {
  if (!position) throw new RangeError(`"${word}" needs the gateway's position`);
  // Loaded when first used: not every gateway looks at the sun.
  const { getTimes } = await import("suncalc");
  return (day) => {
    const times = getTimes(new Date(calendar.at(day, 12 * 60)), position.lat, position.lon);
    const found = times[sunNames[word]];
    // To the second: it is refraction that decides the rest.
    return found ? Math.round(found.getTime() / 1000) * 1000 + offsetMs : undefined;
  };
}

/** Runs that fall on days that are not allowed are passed over, at most so many. */
const mostRuns = 5000;

async function cronMoments(
  pattern: string,
  calendar: Calendar,
  allowed: (day: LocalDay) => boolean,
): Promise<Moments> {
  const { Cron } = await import("croner");
  let cron: InstanceType<typeof Cron>;
  try {
    cron = new Cron(pattern, { timezone: calendar.timeZone, paused: true, mode: "5-part" });
  } catch (error) {
    throw new RangeError(`not a cron expression: "${pattern}" (${String(error).replace(/^\w+: /, "")})`);
  }
  const search = (from: number, step: (at: Date) => Date | null | undefined): number | undefined => {
    let at: Date | null | undefined = new Date(from);
    for (let count = 0; count < mostRuns; count++) {
      at = step(at);
      if (!at || Math.abs(at.getTime() - from) > farthestDays * 86_400_000) return undefined;
      if (allowed(calendar.dayOf(at.getTime()))) return at.getTime();
    }
    return undefined;
  };
  return {
    next: (unixMs) => search(unixMs, (at) => cron.nextRun(at)),
    // Runs are whole seconds; one at this very second counts as the last.
    last: (unixMs) => search(Math.floor(unixMs / 1000) * 1000 + 1000, (at) => cron.previousRuns(1, at)[0]),
  };
}
