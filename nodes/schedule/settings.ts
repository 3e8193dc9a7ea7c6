import { choiceField, numberField, SettingError, valueField } from "../logic/fields.ts";
import type { Place, Row } from "./timetable.ts";

/** As the editor writes it. */
export interface WrittenRow {
  readonly at: string;
  readonly days: readonly number[];
  readonly holidays: string;
  readonly value: unknown;
  readonly valueType: string;
}

export interface WrittenPlace {
  readonly timeZone: string;
  readonly lat: string;
  readonly lon: string;
  readonly sweden: boolean;
  readonly eves: boolean;
  /** Days as `2026-12-24`, with commas or spaces between. */
  readonly extra: string;
}

/** Throws SettingError. */
export function rowOf({ at, days, holidays, value, valueType }: WrittenRow, index: number): Row {
  if (days.length === 0) throw new SettingError(`row ${index + 1}`, "no day of the week");
  return {
    at,
    days,
    holidays: choiceField(`row ${index + 1} holidays`, holidays || "same", ["same", "never", "only"]),
    value: valueField(`row ${index + 1} value`, value, valueType),
  };
}

/** Throws SettingError. */
export function placeOf(written: WrittenPlace): Place {
  const extra = (written.extra ?? "").split(/[\s,;]+/).filter((day) => day !== "");
  for (const day of extra)
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(Date.parse(day)))
      throw new SettingError("extra", `"${day}" is no day: write 2026-12-24`);
  return {
    timeZone: written.timeZone || "Europe/Stockholm",
    position: positionOf(written),
    holidays: { sweden: written.sweden === true, eves: written.eves === true, extra },
  };
}

function positionOf({ lat, lon }: WrittenPlace) {
  if (!lat && !lon) return undefined;
  const position = { lat: numberField("latitude", lat, -90), lon: numberField("longitude", lon, -180) };
  if (position.lat > 90) throw new SettingError("latitude", "at most 90");
  if (position.lon > 180) throw new SettingError("longitude", "at most 180");
  return position;
}
