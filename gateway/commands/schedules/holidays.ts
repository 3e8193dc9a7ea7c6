/** A day in a local calendar: `2026-12-24`. */
export type CalendarDay = `${number}-${string}-${string}`;

/**
 * Public holidays of Sweden (Lag 1989:253 om allmänna helgdagar), Sundays apart. Midsummer's Day is the
 * Saturday of 20 to 26 June, All Saints' Day that of 31 October to 6 November.
 */
export function swedishHolidays(year: number): ReadonlySet<CalendarDay> {
  const easter = easterSunday(year);
  const after = (days: number): CalendarDay => dayOf(easter + days * dayMs);
  return new Set([
    fixed(year, 1, 1),
    fixed(year, 1, 6),
    after(-2),
    after(0),
    after(1),
    fixed(year, 5, 1),
    after(39),
    after(49),
    fixed(year, 6, 6),
    saturdayFrom(year, 6, 20),
    saturdayFrom(year, 10, 31),
    fixed(year, 12, 25),
    fixed(year, 12, 26),
  ]);
}

/** Days before a holiday on which most of Sweden is closed: Midsummer's, Christmas and New Year's Eve. */
export function swedishEves(year: number): ReadonlySet<CalendarDay> {
  return new Set([
    dayOf(Date.parse(`${saturdayFrom(year, 6, 20)}T00:00:00Z`) - dayMs),
    fixed(year, 12, 24),
    fixed(year, 12, 31),
  ]);
}

const dayMs = 86_400_000;

/** UTC midnight of Easter Sunday, Gregorian (the anonymous algorithm that Meeus gives in Astronomical Algorithms, chapter 8). */
export function easterSunday(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const n = h + l - 7 * m + 114;
  return Date.UTC(year, Math.floor(n / 31) - 1, (n % 31) + 1);
}

function saturdayFrom(year: number, month: number, day: number): CalendarDay {
  const start = Date.UTC(year, month - 1, day);
  return dayOf(start + ((6 - new Date(start).getUTCDay() + 7) % 7) * dayMs);
}

function fixed(year: number, month: number, day: number): CalendarDay {
  return dayOf(Date.UTC(year, month - 1, day));
}

function dayOf(utcMidnight: number): CalendarDay {
  return new Date(utcMidnight).toISOString().slice(0, 10) as CalendarDay;
}
