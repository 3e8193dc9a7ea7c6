// Dates and times of EN 13757-3, annex A: local time of the meter, without a zone.

/** ISO 8601 text in the meter's own time, or why there is none. */
export type MeterTime = { readonly text: string } | { readonly problem: string };

const invalid: MeterTime = { problem: "a time that it calls invalid" };

/** Type G, 2 bytes: a date. */
export function decodeDate(bytes: Uint8Array, from: number): MeterTime {
  const low = bytes[from] ?? 0;
  const high = bytes[from + 1] ?? 0;
  return date(low, high, undefined);
}

/** Type F, 4 bytes: date and minute, with a century and an invalid bit. */
export function decodeDateTime(bytes: Uint8Array, from: number): MeterTime {
  const minute = bytes[from] ?? 0;
  const hour = bytes[from + 1] ?? 0;
  if ((minute & 0x80) !== 0) return invalid;
  const day = date(bytes[from + 2] ?? 0, bytes[from + 3] ?? 0, (hour >> 5) & 3);
  return withTime(day, clockText(hour & 0x1f, minute & 0x3f, undefined));
}

/** Type I, 6 bytes: date and second. */
export function decodeDateTimeSecond(bytes: Uint8Array, from: number): MeterTime {
  const minute = bytes[from + 1] ?? 0;
  if ((minute & 0x80) !== 0) return invalid;
  const day = date(bytes[from + 3] ?? 0, bytes[from + 4] ?? 0, undefined);
  return withTime(day, clockText((bytes[from + 2] ?? 0) & 0x1f, minute & 0x3f, (bytes[from] ?? 0) & 0x3f));
}

/** Type J, 3 bytes: a time of day. */
export function decodeTime(bytes: Uint8Array, from: number): MeterTime {
  const text = clockText(
    (bytes[from + 2] ?? 0) & 0x1f,
    (bytes[from + 1] ?? 0) & 0x3f,
    (bytes[from] ?? 0) & 0x3f,
  );
  return text === undefined ? { problem: "a time that no clock shows" } : { text };
}

/**
 * Day in bits 0 to 4 of `low`, month in bits 0 to 3 of `high`, the year in what is left of both. A
 * century of 0 comes from meters that know none: 81 to 99 are then of the last one.
 */
function date(low: number, high: number, century: number | undefined): MeterTime {
  if (low === 0xff && high === 0xff) return { problem: "no date is set" };
  const day = low & 0x1f;
  const month = high & 0x0f;
  const year = (low >> 5) | ((high & 0xf0) >> 1);
  if (year === 127) return { problem: "a date of every year" };
  if (year > 99) return { problem: `year ${year} of the century` };
  if (day === 0 || month === 0 || month === 15) return { problem: "a date without a day or month" };
  const full = century ? 1900 + 100 * century + year : year <= 80 ? 2000 + year : 1900 + year;
  if (month > 12 || day > daysIn(month, full))
    return { problem: `${full}-${two(month)}-${two(day)} is no date` };
  return { text: `${full}-${two(month)}-${two(day)}` };
}

function daysIn(month: number, year: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function clockText(hour: number, minute: number, second: number | undefined): string | undefined {
  if (hour > 23 || minute > 59 || (second ?? 0) > 59) return undefined;
  return `${two(hour)}:${two(minute)}${second === undefined ? "" : `:${two(second)}`}`;
}

function withTime(day: MeterTime, clock: string | undefined): MeterTime {
  if (!("text" in day)) return day;
  return clock === undefined ? { problem: "a time that no clock shows" } : { text: `${day.text}T${clock}` };
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
