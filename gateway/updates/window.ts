const form = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export function isWindow(text: string): boolean {
  return form.test(text);
}

/**
 * Whether a wall clock in `timeZone` stands within times of day such as `22:00-04:00`; equal times are the whole day.
 * @param now Unix ms
 */
export function inWindow(window: string, now: number, timeZone: string): boolean {
  const [, fromHour, fromMinute, toHour, toMinute] = form.exec(window) ?? [];
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const to = Number(toHour) * 60 + Number(toMinute);
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(
    now,
  );
  const [hour, minute] = parts.split(":");
  const at = Number(hour) * 60 + Number(minute);
  if (from === to) return true;
  return from < to ? at >= from && at < to : at >= from || at < to;
}
