import type { CalendarDay } from "./holidays.ts";
import { swedishEves, swedishHolidays } from "./holidays.ts";

/** A local day and its weekday, 0 = Sunday. */
export interface LocalDay {
  readonly day: CalendarDay;
  readonly weekday: number;
}

export interface Holidays {
  readonly sweden: boolean;
  /** Eves on which most of the country is closed count as well. */
  readonly eves: boolean;
  readonly extra: ReadonlySet<string>;
}

const dayMs = 86_400_000;

/**
 * Local days of one time zone (IANA name), daylight saving time included. What asks for a local time
 * throws RangeError where there is no such zone.
 */
export class Calendar {
  readonly timeZone: string;
  readonly #holidays: Holidays;
  #known: Intl.DateTimeFormat | undefined;
  readonly #years = new Map<number, ReadonlySet<CalendarDay>>();

  constructor(timeZone: string, holidays: Holidays) {
    this.timeZone = timeZone;
    this.#holidays = holidays;
  }

  /** The tables of all zones and languages are 8 MB of memory, for whoever keeps no schedule as well. */
  get #format(): Intl.DateTimeFormat {
    this.#known ??= new Intl.DateTimeFormat("en-CA", {
      timeZone: this.timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    return this.#known;
  }

  dayOf(unixMs: number): LocalDay {
    const { year, month, day } = this.#parts(unixMs);
    return localDay(Date.UTC(year, month - 1, day));
  }

  /** `days` later (or earlier). */
  shift({ day }: LocalDay, days: number): LocalDay {
    return localDay(Date.parse(`${day}T00:00:00Z`) + days * dayMs);
  }

  /**
   * Unix ms of a local time of day. A time that the clocks skip in spring is the moment they jump to as
   * far beyond; one that comes twice in autumn is the first.
   */
  at({ day }: LocalDay, minutes: number): number {
    const wanted = Date.parse(`${day}T00:00:00Z`) + minutes * 60_000;
    const offsets = [wanted - dayMs, wanted + dayMs].map((around) => this.#offset(around));
    const candidates = offsets.map((offset) => wanted - offset);
    const fitting = candidates.filter((unixMs) => unixMs + this.#offset(unixMs) === wanted);
    return fitting.length > 0 ? Math.min(...fitting) : (candidates[0] ?? wanted);
  }

  isHoliday({ day }: LocalDay): boolean {
    if (this.#holidays.extra.has(day)) return true;
    if (!this.#holidays.sweden) return false;
    const year = Number(day.slice(0, 4));
    let known = this.#years.get(year);
    if (!known) {
      known = new Set([...swedishHolidays(year), ...(this.#holidays.eves ? swedishEves(year) : [])]);
      this.#years.set(year, known);
    }
    return known.has(day);
  }

  #offset(unixMs: number): number {
    const { year, month, day, hour, minute, second } = this.#parts(unixMs);
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(unixMs / 1000) * 1000;
  }

  #parts(unixMs: number) {
    const parts = new Map(this.#format.formatToParts(unixMs).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    return {
      year: of("year"),
      month: of("month"),
      day: of("day"),
      hour: of("hour"),
      minute: of("minute"),
      second: of("second"),
    };
  }
}

function localDay(utcMidnight: number): LocalDay {
  const date = new Date(utcMidnight);
  return { day: date.toISOString().slice(0, 10) as CalendarDay, weekday: date.getUTCDay() };
}
