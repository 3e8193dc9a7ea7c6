import { Calendar } from "../../gateway/commands/schedules/calendar.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Windows on the clock, by a moment within: they begin at local midnight. Those of at most an hour follow
 * each other without a break; longer ones begin at the same time of day every day, so that the one in which
 * the clocks change is an hour shorter or longer. Throws RangeError: a length that does not divide a day, or
 * a time zone that does not exist.
 */
export function localWindows(lengthMs: number, timeZone: string): (unixMs: number) => Span {
  if (lengthMs <= 0 || dayMs % lengthMs !== 0)
    throw new RangeError("a window on the clock must divide a day: 15m, 1h, 6h, 24h");
  const calendar = new Calendar(timeZone, { sweden: false, eves: false, extra: new Set() });
  const nothing: readonly number[] = [];
  let bounds = nothing;
  return (unixMs) => {
    if (bounds.length === 0 || unixMs < bounds[0]! || unixMs >= bounds.at(-1)!)
      bounds = boundsOf(calendar, unixMs, lengthMs);
    const next = bounds.findIndex((bound) => bound > unixMs);
    const from = bounds[next - 1]!;
    const to = bounds[next]!;
    if (lengthMs > hourMs) return { from, to };
    const start = from + Math.floor((unixMs - from) / lengthMs) * lengthMs;
    return { from: start, to: Math.min(start + lengthMs, to) };
  };
}

/** From local midnight to the next: of each window that is longer than an hour, otherwise the day's alone. */
function boundsOf(calendar: Calendar, unixMs: number, lengthMs: number): number[] {
  const day = calendar.dayOf(unixMs);
  const step = lengthMs > hourMs ? lengthMs : dayMs;
  const starts = Array.from({ length: dayMs / step }, (_, index) =>
    calendar.at(day, (index * step) / 60_000),
  );
  return [...starts, calendar.at(calendar.shift(day, 1), 0)];
}
