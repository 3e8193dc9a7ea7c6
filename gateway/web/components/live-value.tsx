import { second } from "../browser.ts";
import { formatAge, formatNumber, formatUnit } from "../format.ts";
import { ageOf, link, type Seen, trailOf } from "../live.ts";
import { language } from "../preferences.ts";
import { say, words } from "../text/text.ts";
import type { PointDetail, ReadingJson } from "../types.ts";
import { QualityBadge } from "./badge.tsx";

/** A value in words: on and off, numbers with their decimals, labels in the language that was chosen. */
export function valueText(
  value: number | boolean | string,
  point: Pick<PointDetail, "labels" | "write"> | undefined,
  decimals?: number,
): string {
  if (typeof value === "number") return formatNumber(value, language.value, decimals);
  const { yes, no, on, off } = words.value.common;
  // What can be switched is on or off; what is found out is so or not.
  if (typeof value === "boolean") return point?.write ? (value ? on : off) : value ? yes : no;
  const label = point?.labels?.find(({ en }) => en === value);
  return label ? say(label) : value;
}

/** What may be said of a reading now: nothing that is old looks as if it were new. */
export function shownQuality(reading: ReadingJson | undefined): string {
  if (!reading) return "none";
  return link.value === "lost" ? "link" : reading.quality;
}

/**
 * The newest value of a point with its unit. One that is not good is struck out: it is the last that was good, if this
 * page saw it, and its quality stands beside it in words.
 */
export function LiveValue({ seen, point }: { seen: Seen | undefined; point: PointDetail }) {
  const { device } = seen ?? {};
  const last = seen?.value ?? seen?.lastGood;
  if (!seen || last === undefined)
    return (
      <span class="value quiet">
        <span aria-hidden="true">–</span>
        <span class="hidden">{words.value.quality.none}</span>
      </span>
    );
  const trail = device === undefined ? undefined : trailOf(device, seen.point);
  const text = valueText(last, point, typeof last === "number" ? trail?.decimals : undefined);
  const unit = formatUnit(seen.unit ?? point.unit);
  const good = shownQuality(seen) === "good";
  const isText = typeof last === "string";
  return (
    <span class={`value${good ? "" : " value-old"}${isText ? " value-text" : ""}`}>
      {good ? text : <s>{text}</s>}
      {unit && <small> {unit}</small>}
    </span>
  );
}

/** Quality in words, and how old the reading is. */
export function QualityAndAge({ seen, still }: { seen: Seen | undefined; still?: boolean }) {
  const age = seen && ageOf(seen, still ? second.peek() : second.value);
  return (
    <>
      <QualityBadge quality={shownQuality(seen)} />
      {age !== undefined && (
        <span class="quiet numbers">
          {age < 1000 ? words.value.common.justNow : words.value.common.ago(formatAge(age, language.value))}
        </span>
      )}
    </>
  );
}

/** The last two minutes as a line, where there are numbers. */
export function Sparkline({ device, point }: { device: string; point: string }) {
  // Drawn once a second, however often values come.
  const path = trailOf(device, point)?.path(second.value, 120, 32);
  if (!path) return null;
  return (
    <svg class="spark" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
