import { dayOf, rmcDay, timeOfDay } from "./measures.ts";
import type { Sentence } from "./sentence.ts";
import { sentenceTypes } from "./sentences.ts";

/** Receivers count GPS weeks in 10 or 13 bits and show a date long past when they overflow. */
const firstYear = 2025;
const lastYear = 2099;
/** ZDA does not say whether it holds: a fix must have been seen so shortly before, ms. */
const fixHoldsMs = 5000;
/** What sentences of one receiver may be apart in their delay on the line, ms. */
const toleranceMs = 1000;
/** So many sentences must agree before any is believed. */
const needed = 3;

/**
 * Whether the time of a GNSS receiver can be believed. Takes every sentence that was seen to be good;
 * says the Unix time of one when the receiver has a real fix (no estimate, no simulation), the year
 * is sane, and this and at least two sentences before it went exactly as fast as our own clock.
 *
 * The time is that of the fix; the sentence ends up to a second later, so the result is late by so
 * much and never early.
 */
export class GnssTime {
  #fixAt = Number.NEGATIVE_INFINITY;
  #last: { readonly unixMs: number; readonly at: number } | undefined;
  #agreed = 0;

  /** `at`: monotonic ms when the sentence ended. Undefined: nothing to believe. */
  take(sentence: Sentence, at: number): number | undefined {
    if (!sentence.checked || sentence.query) return undefined;
    const fix = hasFix(sentence);
    if (fix === true) this.#fixAt = at;
    else if (fix === false) this.#forget();
    const unixMs = timeIn(sentence);
    if (unixMs === undefined || at - this.#fixAt > fixHoldsMs) return undefined;
    const year = new Date(unixMs).getUTCFullYear();
    if (year < firstYear || year > lastYear) {
      this.#forget();
      return undefined;
    }
    const { unixMs: before = unixMs, at: beforeAt = at } = this.#last ?? {};
    const drift = unixMs - before - (at - beforeAt);
    this.#agreed = Math.abs(drift) <= toleranceMs ? this.#agreed + 1 : 1;
    this.#last = { unixMs, at };
    return this.#agreed >= needed ? unixMs : undefined;
  }

  #forget(): void {
    this.#fixAt = Number.NEGATIVE_INFINITY;
    this.#last = undefined;
    this.#agreed = 0;
  }
}

/** Undefined for sentences that do not tell. Estimated, manual and simulated fixes are none. */
function hasFix({ type, fields }: Sentence): boolean | undefined {
  if (type === "RMC")
    return (
      sentenceTypes.RMC?.invalid?.(fields) === undefined &&
      (fields[11] === undefined || /^[ADFPR]$/.test(fields[11]))
    );
  if (type === "GGA") return /^[1-5]$/.test(fields[5] ?? "");
  if (type === "GNS") return /[ADFPR]/.test(fields[5] ?? "") && fields[12] !== "V";
  return undefined;
}

function timeIn({ type, fields }: Sentence): number | undefined {
  let day: number | undefined;
  if (type === "RMC") day = rmcDay(fields[8]);
  else if (type === "ZDA" && /^\d{2},\d{2},\d{4}$/.test(fields.slice(1, 4).join(",")))
    day = dayOf(Number(fields[3]), Number(fields[2]), Number(fields[1]));
  const seconds = timeOfDay(fields[0]);
  if (day === undefined || seconds === undefined) return undefined;
  // A leap second has no Unix time.
  if (fields[0]?.slice(4, 6) === "60") return undefined;
  return Math.round((day + seconds) * 1000);
}
