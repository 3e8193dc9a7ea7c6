import type { Language } from "./preferences.ts";

// How numbers, times and durations are told to people.

const tags: Record<Language, string> = { en: "en-GB", sv: "sv-SE" };
const formats = new Map<string, Intl.NumberFormat>();

/** A number with so many decimals, or with those that `shownDecimals` gives it: 231.4, 0.0213, 12 345. */
export function formatNumber(value: number, language: Language, decimals = shownDecimals(value)): string {
  return Number.isFinite(value) ? numberFormat(language, decimals).format(value) : String(value);
}

function numberFormat(language: Language, decimals: number): Intl.NumberFormat {
  const key = `${language} ${decimals}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(tags[language], {
      maximumFractionDigits: decimals,
      minimumFractionDigits: decimals,
    });
    formats.set(key, format);
  }
  return format;
}

/**
 * The decimals that a number has, at most those of its first six digits, four below 1: the gateway rounds where it knows the
 * resolution, and what is left are binary fractions such as 0.30000000000000004.
 */
export function shownDecimals(value: number): number {
  if (!Number.isFinite(value) || Number.isInteger(value)) return 0;
  const whole = Math.max(1, Math.floor(Math.log10(Math.abs(value))) + 1);
  const most = Math.abs(value) < 1 ? 4 - Math.floor(Math.log10(Math.abs(value))) - 1 : Math.max(0, 6 - whole);
  return decimalsOf(Number(value.toFixed(Math.min(8, most))));
}

/** Decimals that a step needs: 0.05 needs two. */
export function decimalsOf(step: number): number {
  const [mantissa = "", exponent = "0"] = step.toString().split("e");
  return Math.min(8, Math.max(0, (mantissa.split(".")[1]?.length ?? 0) - Number(exponent)));
}

export function formatPercent(part: number, language: Language): string {
  const percent = part * 100;
  const number = formatNumber(percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent), language);
  return language === "sv" ? `${number} %` : `${number}%`;
}

export function formatBytes(bytes: number, language: Language): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${formatNumber(value >= 100 || unit === 0 ? Math.round(value) : Math.round(value * 10) / 10, language)} ${units[unit]}`;
}

const daySign: Record<Language, string> = { en: "d", sv: "d" };

/** A duration in its two greatest units: `3 s`, `2 min`, `1 h 20 min`, `12 d 4 h`. */
export function formatDuration(ms: number, language: Language): string {
  const seconds = Math.floor(ms / 1000);
  const hour = language === "sv" ? "tim" : "h";
  if (ms < 1000) return ms < 0.5 ? "0 s" : `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60)
    return minutes < 5 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 > 0 ? `${hours} ${hour} ${minutes % 60} min` : `${hours} ${hour}`;
  const days = Math.floor(hours / 24);
  return hours % 24 > 0 && days < 30
    ? `${days} ${daySign[language]} ${hours % 24} ${hour}`
    : `${days} ${daySign[language]}`;
}

/** An age in its greatest unit: `now`, `3 s`, `2 min`, `5 h`, `12 d`. */
export function formatAge(ms: number, language: Language): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return language === "sv" ? "nu" : "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} ${language === "sv" ? "tim" : "h"}`;
  return `${Math.floor(seconds / 86_400)} ${daySign[language]}`;
}

/** Date and time of this browser's zone: `2026-11-22 09:15:30`. */
export function formatMoment(iso: string | number, withMs = false): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return String(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${withMs ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

/** Pairs of hexadecimal digits, sixteen to a line. */
export function formatHex(hex: string): string {
  const pairs = hex.replaceAll(/\s+/g, "").match(/../g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < pairs.length; at += 16) lines.push(pairs.slice(at, at + 16).join(" "));
  return lines.join("\n");
}

/** A SHA-256 as people compare it: in pairs, upper case. */
export function formatFingerprint(text: string): string {
  const hex = text.replaceAll(/[^0-9a-fA-F]/g, "").toUpperCase();
  return (hex.match(/../g) ?? []).join(":");
}

/** A unit as people write it: the gateway's are those of SenML (RFC 8428, 12.1), `Cel` for degrees Celsius. */
export function formatUnit(unit: string | undefined): string {
  if (unit === undefined || unit === "1" || unit === "count") return "";
  return unit
    .replace("Cel", "°C")
    .replace("%RH", "% RH")
    .replace(/^ug/, "µg")
    .replace(/m2(?=$|\/)/, "m²")
    .replace(/m3(?=$|\/)/, "m³");
}
