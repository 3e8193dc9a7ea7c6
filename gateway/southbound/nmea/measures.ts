import { multiply, type Rational, rational, toNumber } from "../../model/decimal.ts";
import type { Quality } from "../../model/quality.ts";
import type { RawValue } from "../../model/value.ts";

/** What a sentence says about one thing: a value in its base unit, or why there is none. */
export type Told =
  | { readonly raw: RawValue }
  | { readonly problem: Extract<Quality, "sentinel" | "config-error">; readonly detail: string };

const decimal = /^[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})$/;

export function nothing(detail: string): Told {
  return { problem: "sentinel", detail };
}

export function unreadable(field: string, what: string): Told {
  return { problem: "config-error", detail: `${JSON.stringify(field.slice(0, 40))} is no ${what}` };
}

/** A decimal times an exact factor, rounded once to the nearest double. An empty field is no value. */
export function measured(field: string | undefined, factor: Rational): Told {
  if (field === undefined || field === "") return nothing("the field is empty");
  if (!decimal.test(field)) return unreadable(field, "number");
  return { raw: toNumber(multiply(rational(field), factor)) };
}

export function plainText(field: string | undefined): Told {
  return field === undefined || field === "" ? nothing("the field is empty") : { raw: field };
}

export function wholeNumber(field: string | undefined): Told {
  if (field === undefined || field === "") return nothing("the field is empty");
  return /^[+-]?\d{1,15}$/.test(field) ? { raw: Number(field) } : unreadable(field, "whole number");
}

/**
 * `4916.45` and `N`: degrees and minutes with their hemisphere as signed degrees, the nearest double.
 * Latitudes have two digits of degrees and longitudes three, leading zeros included (IEC 61162-1,
 * 7.2.3.4): anything else is another notation, and no position is made of it.
 */
export function position(
  field: string | undefined,
  hemisphere: string | undefined,
  axis: "latitude" | "longitude",
): Told {
  if (!field || !hemisphere) return nothing("the field is empty");
  const [form, plus, minus, most] =
    axis === "latitude"
      ? ([/^(\d{2})(\d{2}(?:\.\d{0,12})?)$/, "N", "S", 90] as const)
      : ([/^(\d{3})(\d{2}(?:\.\d{0,12})?)$/, "E", "W", 180] as const);
  const match = form.exec(field);
  if (!match || (hemisphere !== plus && hemisphere !== minus))
    return unreadable(`${field},${hemisphere}`, axis);
  const [, degrees = "", minutes = ""] = match;
  const { numerator, denominator } = rational(minutes);
  const parts = denominator * 60n;
  const sum = BigInt(degrees) * parts + numerator;
  if (numerator >= parts || sum > BigInt(most) * parts) return unreadable(field, axis);
  return { raw: toNumber({ numerator: hemisphere === minus ? -sum : sum, denominator: parts }) };
}

/** `hhmmss.ss` as seconds since midnight UTC; 60 in a leap second. */
export function timeOfDay(field: string | undefined): number | undefined {
  const match = /^(\d{2})(\d{2})(\d{2}(?:\.\d{0,6})?)$/.exec(field ?? "");
  if (!match) return undefined;
  const [hours, minutes, seconds] = match.slice(1).map(Number) as [number, number, number];
  return hours < 24 && minutes < 60 && seconds < 61 ? hours * 3600 + minutes * 60 + seconds : undefined;
}

/** The Unix seconds of a date at midnight; undefined for a day that does not exist. */
export function dayOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / 1000 : undefined;
}

/** `ddmmyy` of RMC: years 70 to 99 are those of the last century. */
export function rmcDay(field: string | undefined): number | undefined {
  const match = /^(\d{2})(\d{2})(\d{2})$/.exec(field ?? "");
  if (!match) return undefined;
  const [day, month, year] = match.slice(1).map(Number) as [number, number, number];
  return dayOf(year + (year < 70 ? 2000 : 1900), month, day);
}
