import * as z from "zod";
import { alternatives, suggest } from "../codec/suggest.ts";
import { Calendar, type Holidays } from "../commands/schedules/calendar.ts";
import { momentsOf } from "../commands/schedules/moments.ts";
import type { Schedule, Target } from "../commands/schedules/targets.ts";
import type { Device } from "../model/device.ts";
import { isRefused, unacceptable, writtenPoint } from "../model/write.ts";
import type { GatewayConfig } from "./config.ts";
import type { Entry } from "./entry.ts";
import { type days, scheduleSchema, weekdays } from "./schedule-schema.ts";

export interface ScheduleContext {
  readonly devices: readonly Device[];
  /** All that are written, good or not. */
  readonly deviceNames: readonly string[];
  readonly calendar: Calendar;
  readonly position: { readonly lat: number; readonly lon: number } | undefined;
}

export function calendarOf(zone: string, holidays: GatewayConfig["holidays"]): Calendar {
  const known: Holidays = { ...holidays, extra: new Set(holidays.extra) };
  return new Calendar(zone, known);
}

/** The schedule that an entry describes; undefined, and the reasons in the entry, when it cannot be. */
export async function buildSchedule(
  name: string,
  entry: Entry,
  context: ScheduleContext,
): Promise<Schedule | undefined> {
  const checked = entry.check(scheduleSchema, z.strictObject({}));
  if (!checked) return undefined;
  const written = checked.value;
  const names = typeof written.device === "string" ? [written.device] : written.device;
  const targets = names.flatMap((device, index): Target[] => {
    const path = typeof written.device === "string" ? ["device"] : ["device", index];
    const target = targetOf(device, path, entry, written, context);
    return target ? [target] : [];
  });
  if (written.at.kind === "sun" && !context.position) {
    entry.report(["at"], "value", {
      code: "schedule-needs-position",
      message: `"${written.at.word}" depends on where the gateway stands`,
      hint: "write gateway: {position: {lat: 59.33, lon: 18.06}}",
    });
  }
  if (entry.broken) return undefined;
  const timing = { at: written.at, days: daysOf(written.days), holidays: written.holidays };
  try {
    const moments = await momentsOf(timing, context.calendar, context.position);
    // Any day will do to see whether there is one at all.
    if (moments.next(Date.UTC(2026, 0, 1)) === undefined) {
      entry.report(["at"], "value", {
        code: "schedule-never",
        message: "there is no such moment within 400 days",
        hint: "look at `at`, `days` and `holidays` together",
      });
      return undefined;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    entry.report(["at"], "value", { code: "bad-schedule", message: error.message });
    return undefined;
  }
  return { name, targets, value: written.value, timing, missed: written.missed };
}

function targetOf(
  id: string,
  path: readonly (string | number)[],
  entry: Entry,
  { point: name, value }: z.output<typeof scheduleSchema>,
  { devices, deviceNames }: ScheduleContext,
): Target | undefined {
  const device = devices.find((one) => one.id === id);
  if (!device) {
    const known = deviceNames.includes(id);
    const near = suggest(id, deviceNames);
    entry.report(path, "value", {
      code: known ? "bad-device" : "unknown-device",
      message: known ? `the device "${id}" has errors` : `there is no device "${id}"`,
      hint: known || near === undefined ? undefined : `did you mean "${near}"?`,
    });
    return undefined;
  }
  const point = writtenPoint(device.profile, name);
  const rule = point?.write;
  if (!point || !rule) {
    const { points, commands = [] } = device.profile;
    const writable = [...points, ...commands].filter(({ write }) => write).map((one) => one.name);
    const near = suggest(name, writable);
    const hint =
      near !== undefined
        ? `did you mean "${near}"?`
        : writable.length > 0
          ? `one of ${alternatives(writable)}`
          : "nothing of this device can be written";
    const message = point
      ? `the point "${name}" of "${id}" cannot be written`
      : `"${id}" has no point "${name}"`;
    entry.report(["point"], "value", { code: point ? "read-only" : "unknown-point", message, hint });
    return undefined;
  }
  const wrong = unacceptable(point, value);
  if (wrong && isRefused(wrong)) {
    entry.report(["value"], "value", {
      code: wrong.refuse,
      message: `"${name}" of "${id}" does not take ${JSON.stringify(value)}: ${wrong.detail}`,
    });
    return undefined;
  }
  if (rule.confirm === "two-step") {
    entry.report(["point"], "value", {
      code: "schedule-two-step",
      message: `"${name}" of "${id}" must be confirmed by a person`,
      hint: "a schedule cannot do that",
    });
    return undefined;
  }
  return { device: id, point: name, expiryMs: rule.expiryMs ?? Number.POSITIVE_INFINITY };
}

function daysOf(written: z.output<typeof days>): readonly number[] {
  if (written === "all") return [0, 1, 2, 3, 4, 5, 6];
  if (written === "workdays") return [1, 2, 3, 4, 5];
  if (written === "weekends") return [0, 6];
  return written.map((day) => weekdays.indexOf(day));
}
