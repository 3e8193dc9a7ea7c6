import { linear, rounder, zero } from "../model/decimal.ts";
import type { Point } from "../model/device.ts";
import type { PrivacyStep } from "../model/privacy.ts";
import type { Quality } from "../model/quality.ts";
import type { Value } from "../model/value.ts";
import type { RunningStep, Sample } from "./privacy-step.ts";

type Aggregate = Extract<PrivacyStep, { kind: "aggregate" }>;

/** After the end of a window its readings may still be on their way, ms. */
export const graceMs = 5_000;
/** Different ids in one window; with more of them there is no count. */
const mostIds = 10_000;

/** What is known of one window. */
interface Cell {
  /** Of the window: the source was good, ms. */
  goodMs: number;
  readings: number;
  sum: number;
  least: number;
  most: number;
  readonly ids: Set<Value>;
  /** Why there is no number although there were readings. */
  spoilt?: readonly [Quality, string] | undefined;
  bad?: Quality | undefined;
  through: readonly PrivacyStep[];
}

/** What a step needs to know of the point that it works on. */
export type Source = Pick<Point, "kind" | "resolution" | "rollover" | "scale">;

/**
 * One number per window, with the time of the window's end. Windows are multiples of their length since
 * the Unix epoch; each is closed `graceMs` after its end. Never sent: the window in which this began, in
 * which the clock jumped, and the one that runs at a stop, because a part would pass for the whole. A
 * window in which the source was not good for longer than the step's share has a quality and no number.
 */
export class WindowStep implements RunningStep {
  readonly #step: Aggregate;
  readonly #source: Source;
  /** How long a reading stands for the present, ms. */
  readonly #staleAfterMs: number;
  readonly #cells = new Map<number, Cell>();
  /** Windows that begin before it are partial. Undefined until the first reading. */
  #since: number | undefined;
  /** Start of the earliest window that is open. */
  #open = 0;
  /** Until where it is settled whether the source was good. */
  #covered = 0;
  #seen = Number.NEGATIVE_INFINITY;
  #quality: Quality = "stale";
  /** Of a counter: the last value, and when. */
  #last: { readonly value: number | bigint; readonly ms: number } | undefined;

  constructor(step: Aggregate, source: Source, staleAfterMs: number) {
    this.#step = step;
    this.#source = source;
    this.#staleAfterMs = staleAfterMs;
  }

  take(sample: Sample, now: number): readonly Sample[] {
    this.#watchClock(now);
    const { ms } = sample.time;
    this.#cover(ms);
    this.#seen = Math.max(this.#seen, ms);
    this.#quality = sample.quality;
    // What is older than an open window or comes from the future belongs to no window.
    if (ms < this.#open || ms > now + graceMs) return [];
    const cell = this.#cell(this.#startOf(ms));
    cell.through = sample.through;
    if (sample.quality !== "good" || sample.value === undefined) cell.bad = sample.quality;
    else this.#add(cell, sample.value, ms);
    return [];
  }

  tick(now: number): readonly Sample[] {
    if (this.#since === undefined) return [];
    this.#watchClock(now);
    const ended: Sample[] = [];
    const { overMs } = this.#step;
    for (; this.#open + overMs + graceMs <= now; this.#open += overMs) {
      this.#cover(this.#open + overMs);
      const cell = this.#cells.get(this.#open) ?? newCell();
      this.#cells.delete(this.#open);
      if (this.#open >= this.#since) ended.push(this.#close(cell, this.#open + overMs));
    }
    return ended;
  }

  /** Begins anew at first, and when the clock went somewhere else. */
  #watchClock(now: number): void {
    const { overMs } = this.#step;
    const ahead = now - this.#open;
    if (this.#since !== undefined && ahead > -overMs && ahead < 3 * overMs + graceMs) return;
    this.#cells.clear();
    this.#since = now;
    this.#open = this.#startOf(now);
    this.#covered = now;
    this.#seen = Number.NEGATIVE_INFINITY;
    this.#last = undefined;
  }

  #startOf(ms: number): number {
    return Math.floor(ms / this.#step.overMs) * this.#step.overMs;
  }

  #cell(start: number): Cell {
    const known = this.#cells.get(start);
    if (known) return known;
    const cell = newCell();
    this.#cells.set(start, cell);
    return cell;
  }

  /** Counts the time up to `end` as good, as far as the last reading was good and not too old. */
  #cover(end: number): void {
    const until = this.#quality === "good" ? Math.min(end, this.#seen + this.#staleAfterMs) : this.#covered;
    for (let from = Math.max(this.#covered, this.#open); from < until; ) {
      const start = this.#startOf(from);
      const to = Math.min(until, start + this.#step.overMs);
      this.#cell(start).goodMs += to - from;
      from = to;
    }
    this.#covered = Math.max(this.#covered, end);
  }

  #add(cell: Cell, value: Value, ms: number): void {
    const { function: made } = this.#step;
    if (made === "count") {
      if (this.#source.kind === "id") this.#addId(cell, value);
      else if (value !== false) cell.readings++;
      return;
    }
    if (typeof value !== "number" && typeof value !== "bigint") {
      cell.spoilt = ["config-error", "not a number"];
      return;
    }
    const number = made === "increase" ? this.#rise(cell, value, ms) : Number(value);
    cell.readings++;
    cell.sum += number;
    cell.least = Math.min(cell.least, number);
    cell.most = Math.max(cell.most, number);
  }

  #addId(cell: Cell, value: Value): void {
    cell.ids.add(value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value);
    cell.readings = cell.ids.size;
    if (cell.ids.size <= mostIds) return;
    cell.ids.clear();
    cell.spoilt = ["out-of-range", `more than ${mostIds} different ids`];
  }

  /** Since the reading before, which may lie in the window before but no further back: what rose meanwhile is not this window's. */
  #rise(cell: Cell, value: number | bigint, ms: number): number {
    const last = this.#last;
    this.#last = { value, ms };
    if (!last || last.ms < this.#startOf(ms) - this.#staleAfterMs) {
      cell.spoilt = ["stale", "no reading shortly before the window"];
      return 0;
    }
    const before = last.value;
    const rise =
      typeof value === "bigint" && typeof before === "bigint"
        ? Number(value - before)
        : Number(value) - Number(before);
    if (rise >= 0) return rise;
    const { rollover, scale } = this.#source;
    const whole = rollover === undefined ? undefined : rise + Number(linear(scale, zero)(rollover));
    if (whole === undefined || whole < 0) cell.spoilt = ["out-of-range", "the counter was reset"];
    return whole ?? 0;
  }

  #close(cell: Cell, end: number): Sample {
    const time = { base: "unix", ms: end } as const;
    const through = [...cell.through, this.#step];
    const withheld = (quality: Quality, detail: string): Sample => ({ quality, detail, time, through });
    const missing = this.#step.overMs - cell.goodMs;
    if (missing > this.#step.gaps * this.#step.overMs) {
      const quality = cell.bad ?? (this.#quality === "good" ? "stale" : this.#quality);
      return withheld(quality, `the source was not good for ${Math.round(missing / 1000)} s of the window`);
    }
    if (cell.spoilt !== undefined) return withheld(...cell.spoilt);
    const value = this.#value(cell);
    if (value === undefined) return withheld("stale", "no reading in the window");
    if (!Number.isFinite(value)) return withheld("out-of-range", "no number can hold it");
    return { quality: "good", value, time, through };
  }

  #value({ readings, sum, least, most }: Cell): number | undefined {
    const { function: made } = this.#step;
    if (made === "count") return readings;
    // Who only speaks of events and was heard otherwise had none.
    if (readings === 0) return made === "sum" && this.#source.kind === "event" ? 0 : undefined;
    if (made === "min") return least;
    if (made === "max") return most;
    if (made === "mean") return sum / readings;
    // Adding doubles leaves dust below the smallest step.
    return this.#source.resolution ? rounder(this.#source.resolution)(sum) : sum;
  }
}

function newCell(): Cell {
  return {
    goodMs: 0,
    readings: 0,
    sum: 0,
    least: Number.POSITIVE_INFINITY,
    most: Number.NEGATIVE_INFINITY,
    ids: new Set(),
    through: [],
  };
}
