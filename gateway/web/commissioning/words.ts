import { language } from "../preferences.ts";
import { inLanguages, wordOf } from "../text/text.ts";
import { en } from "./words.en.ts";
import { sv } from "./words.sv.ts";

const chosen = inLanguages({ en, sv });

/** The wizard's words in the language of the page. */
export const words = () => chosen.value;

/** `3 min 20 s`, never rounded down. */
export function timeText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const { minutes, seconds: short } = words();
  return whole < 60 ? short(whole) : minutes(Math.floor(whole / 60), whole % 60);
}

/** A value as people read it, with its unit. */
export function valueText(value: number | boolean | string | undefined, unit?: string): string {
  if (value === undefined) return "–";
  if (typeof value === "boolean") return value ? words().check.yes : words().check.no;
  if (typeof value === "string") return unit ? `${value} ${unit}` : value;
  const number = value.toLocaleString(language.value === "sv" ? "sv-SE" : "en-GB", {
    maximumSignificantDigits: 6,
  });
  return unit ? `${number} ${unit}` : number;
}

/** How far a profile has been tried. */
export function wordOfStatus(status: string): string {
  return wordOf(words().devices.status, status);
}
