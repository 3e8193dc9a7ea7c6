import { parseAt } from "../../gateway/commands/schedules/at.ts";
import { Calendar } from "../../gateway/commands/schedules/calendar.ts";
import { type Moments, momentsOf, type Position } from "../../gateway/commands/schedules/moments.ts";

/** A moment of the day, and what it sets. */
export interface Row {
  /** `22:30`, `dusk + 10m` or a cron expression. */
  readonly at: string;
  /** 0 = Sunday. */
  readonly days: readonly number[];
  readonly holidays: "same" | "never" | "only";
  readonly value: number | boolean | string;
}

export interface Place {
  readonly timeZone: string;
  /** Needed for the sun alone. */
  readonly position: Position | undefined;
  readonly holidays: { readonly sweden: boolean; readonly eves: boolean; readonly extra: readonly string[] };
}

/** What is set at a moment. */
export interface Due {
  /** Unix ms. */
  readonly time: number;
  readonly row: Row;
}

export const mostRows = 50;

/** Rows by time. At one moment the row that stands last wins. */
export class Timetable {
  readonly #rows: readonly { readonly row: Row; readonly moments: Moments }[];

  constructor(rows: readonly { readonly row: Row; readonly moments: Moments }[]) {
    this.#rows = rows;
  }

  /** The first after `unixMs`. */
  next(unixMs: number): Due | undefined {
    return this.#best(
      ({ next }) => next(unixMs),
      (a, b) => a <= b,
    );
  }

  /** What holds: the last at or before `unixMs`. */
  holding(unixMs: number): Due | undefined {
    return this.#best(
      ({ last }) => last(unixMs),
      (a, b) => a >= b,
    );
  }

  #best(
    of: (moments: Moments) => number | undefined,
    wins: (a: number, b: number) => boolean,
  ): Due | undefined {
    let best: Due | undefined;
    for (const { row, moments } of this.#rows) {
      const time = of(moments);
      if (time !== undefined && (!best || wins(time, best.time))) best = { time, row };
    }
    return best;
  }
}

/** Throws RangeError, which tells the row: no such time, no such moment within 400 days, the sun without a position. */
export async function openTimetable(rows: readonly Row[], place: Place, now: number): Promise<Timetable> {
  if (rows.length === 0 || rows.length > mostRows) throw new RangeError(`between 1 and ${mostRows} rows`);
  const { sweden, eves, extra } = place.holidays;
  const calendar = new Calendar(place.timeZone, { sweden, eves, extra: new Set(extra) });
  const found: { row: Row; moments: Moments }[] = [];
  for (const row of rows) {
    const timing = { at: parseAt(row.at), days: row.days, holidays: row.holidays };
    const moments = await momentsOf(timing, calendar, place.position);
    if (moments.next(now) === undefined) throw new RangeError(`"${row.at}" never comes on these days`);
    found.push({ row, moments });
  }
  return new Timetable(found);
}
