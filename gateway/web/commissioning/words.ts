import { formatUnit } from "../format.ts";
import { language } from "../preferences.ts";
import { inLanguages, say, wordOf } from "../text/text.ts";
import type { PointDetail } from "../types.ts";
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
export function valueText(
  value: number | boolean | string | undefined,
  ofUnit?: string,
  point?: Pick<PointDetail, "labels" | "write">,
): string {
  if (value === undefined) return "–";
  const unit = formatUnit(ofUnit);
  if (typeof value === "boolean" && point?.write) return value ? words().actuators.on : words().actuators.off;
  if (typeof value === "boolean") return value ? words().check.yes : words().check.no;
  const label = [...(point?.labels ?? []), ...(point?.write?.labels ?? [])].find(({ en }) => en === value);
  if (label) return say(label);
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
