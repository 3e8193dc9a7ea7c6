import type { Span } from "./local-windows.ts";
import { type Aggregation, isLinear, type Outcome, type Sample, Tally } from "./tally.ts";

export interface WindowSettings {
  readonly of: Aggregation;
  readonly kind: "tumbling" | "sliding";
  readonly lengthMs: number;
  /** The tumbling window around a moment; without it the first one begins with the first reading. */
  readonly at: ((unixMs: number) => Span) | undefined;
  /** Longest time between two readings that is not a gap. */
  readonly bridgeMs: number;
  /** A sliding window tells at most so often; 0: at each reading. */
  readonly everyMs: number;
}

/** A window ends a little later, for readings that are on their way. */
const graceMs = 1000;
/** Readings kept for a sliding window; the oldest go first, and the share tells. */
const mostSamples = 100_000;
/** After a longer silence (or a clock that was set) the windows in between are passed over. */
const mostEmpty = 10;

/** The readings of one point on their way through windows. */
export interface Series {
  /** Takes a reading; those older than the last one are passed over. Outcomes that are complete by it. */
  take(sample: Sample): readonly Outcome[];
  /** Outcomes that are complete because time went on. */
  pass(now: number): readonly Outcome[];
  /** Unix ms when `pass` is to be called next. */
  readonly due: number | undefined;
}

export function openSeries(settings: WindowSettings): Series {
  return settings.kind === "tumbling" ? new Tumbling(settings) : new Sliding(settings);
}

class Tumbling implements Series {
  readonly #settings: WindowSettings;
  readonly #waitMs: number;
  #tally: Tally | undefined;
  #last: Sample | undefined;

  constructor(settings: WindowSettings) {
    this.#settings = settings;
    const next = isLinear(settings.of) ? Math.min(settings.bridgeMs, settings.lengthMs) : 0;
    this.#waitMs = Math.max(graceMs, next);
  }

  get due(): number | undefined {
    return this.#tally && this.#tally.to + this.#waitMs;
  }

  take(sample: Sample): readonly Outcome[] {
    const last = this.#last;
    if (last && sample.time < last.time) return [];
    let tally = this.#tally ?? this.#window(sample.time);
    const closed: Outcome[] = [];
    while (sample.time >= tally.to) {
      if (last) tally.span(last, sample);
      closed.push(tally.outcome());
      tally = this.#after(tally, sample.time);
    }
    if (last) tally.span(last, sample);
    // A window that closed by time has passed it already.
    if (sample.time >= tally.from) tally.point(sample);
    this.#tally = tally;
    this.#last = sample;
    return closed;
  }

  pass(now: number): readonly Outcome[] {
    const closed: Outcome[] = [];
    while (this.#tally && now >= this.#tally.to + this.#waitMs) {
      if (this.#last) this.#tally.span(this.#last, undefined);
      closed.push(this.#tally.outcome());
      this.#tally = this.#after(this.#tally, now);
    }
    return closed;
  }

  #after(tally: Tally, time: number): Tally {
    const behind = (time - tally.to) / this.#settings.lengthMs;
    return this.#window(behind > mostEmpty ? time : tally.to);
  }

  #window(time: number): Tally {
    const { at, lengthMs, of, bridgeMs } = this.#settings;
    const { from, to } = at?.(time) ?? { from: time, to: time + lengthMs };
    return new Tally(of, bridgeMs, from, to);
  }
}

class Sliding implements Series {
  readonly #settings: WindowSettings;
  #samples: Sample[] = [];
  #told = Number.NEGATIVE_INFINITY;

  constructor(settings: WindowSettings) {
    this.#settings = settings;
  }

  /** When the last reading has left the window. */
  get due(): number | undefined {
    const last = this.#samples.at(-1);
    return last && last.time + this.#settings.lengthMs + graceMs;
  }

  take(sample: Sample): readonly Outcome[] {
    const last = this.#samples.at(-1);
    if (last && sample.time < last.time) return [];
    this.#samples.push(sample);
    if (sample.time - this.#told < this.#settings.everyMs) return [];
    this.#told = sample.time;
    return [this.#outcome(sample.time)];
  }

  pass(now: number): readonly Outcome[] {
    if (this.due === undefined || now < this.due) return [];
    const outcome = this.#outcome(now);
    this.#samples = [];
    return [outcome];
  }

  #outcome(to: number): Outcome {
    const { of, bridgeMs, lengthMs } = this.#settings;
    const tally = new Tally(of, bridgeMs, to - lengthMs, to);
    const first = this.#samples.findIndex(({ time }) => time > tally.from);
    // The one before still holds at the beginning.
    const gone = Math.max(
      first === -1 ? this.#samples.length - 1 : first - 1,
      this.#samples.length - mostSamples,
    );
    if (gone > 0) this.#samples.splice(0, gone);
    this.#samples.forEach((sample, index) => {
      if (sample.time > tally.from) tally.point(sample);
      tally.span(sample, this.#samples[index + 1]);
    });
    return tally.outcome();
  }
}
