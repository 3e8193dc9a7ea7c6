/** What is made of the readings of a window. */
export type Aggregation =
  | { readonly kind: "mean" | "min" | "max" | "sum" | "count" | "energy" | "increase" }
  | { readonly kind: "percentile"; readonly percent: number }
  | { readonly kind: "rate"; readonly perMs: number };

/** A reading; without a value it only ends what was before it. Times are Unix ms. */
export interface Sample {
  readonly time: number;
  readonly value: number | undefined;
  /** Of a counter: how many units after which it begins at 0 again. */
  readonly rollover?: number | undefined;
}

export interface Outcome {
  readonly from: number;
  readonly to: number;
  /** Undefined when there is nothing to make one of. */
  readonly value: number | undefined;
  /** Of the window's time, the part that readings tell of: 0 to 1. */
  readonly share: number;
  /** Readings within the window. */
  readonly count: number;
}

const hourMs = 3_600_000;
/** Values of one window that a percentile is taken of; later ones are missing from it, and the share tells. */
const mostValues = 100_000;

/**
 * One window's account. A reading holds until the next one, at most for `bridgeMs`: mean and percentile are
 * weighted by that time, so that irregular readings count for as long as they were true. Energy, increase
 * and rate go between neighbours in straight lines, and only across gaps of at most `bridgeMs`.
 */
export class Tally {
  readonly from: number;
  readonly to: number;
  readonly #of: Aggregation;
  readonly #bridgeMs: number;
  #covered = 0;
  #weighted = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #count = 0;
  #values: { readonly value: number; readonly ms: number }[] = [];

  constructor(of: Aggregation, bridgeMs: number, from: number, to: number) {
    this.#of = of;
    this.#bridgeMs = bridgeMs;
    this.from = from;
    this.to = to;
  }

  /** A reading that lies within the window: who calls decides about its ends. */
  point({ value }: Sample): void {
    if (value === undefined) return;
    this.#count += 1;
    this.#sum += value;
    this.#see(value);
  }

  /** Time from one reading to its next, which is undefined for the last one; each pair once, also where only a part is within. */
  span(a: Sample, b: Sample | undefined): void {
    if (a.value === undefined) return;
    if (isLinear(this.#of)) {
      if (b?.value !== undefined) this.#line(a.time, a.value, b.time, b.value, b.rollover ?? a.rollover);
      return;
    }
    const until = Math.min(b?.time ?? this.to, a.time + this.#bridgeMs, this.to);
    const ms = until - Math.max(a.time, this.from);
    if (ms <= 0) return;
    if (this.#of.kind === "percentile") {
      if (this.#values.length >= mostValues) return;
      this.#values.push({ value: a.value, ms });
    }
    this.#covered += ms;
    this.#weighted += a.value * ms;
    this.#see(a.value);
  }

  outcome(): Outcome {
    const length = this.to - this.from;
    return {
      from: this.from,
      to: this.to,
      value: this.#value(),
      share: length > 0 ? Math.min(1, this.#covered / length) : 0,
      count: this.#count,
    };
  }

  #see(value: number): void {
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
  }

  #line(t0: number, v0: number, t1: number, v1: number, rollover: number | undefined): void {
    const whole = t1 - t0;
    if (whole <= 0 || whole > this.#bridgeMs) return;
    const start = Math.max(t0, this.from);
    const end = Math.min(t1, this.to);
    if (end <= start) return;
    const at = (time: number) => v0 + ((v1 - v0) * (time - t0)) / whole;
    if (this.#of.kind === "energy") this.#weighted += ((at(start) + at(end)) / 2) * (end - start);
    else {
      const step = stepOf(v0, v1, rollover);
      if (step === undefined) return;
      this.#weighted += (step * (end - start)) / whole;
    }
    this.#covered += end - start;
  }

  #value(): number | undefined {
    const of = this.#of;
    switch (of.kind) {
      case "sum":
        return this.#sum;
      case "count":
        return this.#count;
      case "min":
        return Number.isFinite(this.#least) ? this.#least : undefined;
      case "max":
        return Number.isFinite(this.#most) ? this.#most : undefined;
      case "percentile":
        return percentile(this.#values, of.percent, this.#covered);
    }
    if (this.#covered === 0) return undefined;
    if (of.kind === "mean") return this.#weighted / this.#covered;
    if (of.kind === "energy") return this.#weighted / hourMs;
    return of.kind === "rate" ? (this.#weighted / this.#covered) * of.perMs : this.#weighted;
  }
}

/** Whether the next reading must be known to close a window. */
export function isLinear({ kind }: Aggregation): boolean {
  return kind === "energy" || kind === "increase" || kind === "rate";
}

/**
 * How far a counter went. Lower than before means that it began anew: with a known rollover and a step of less
 * than half of it, at its end; otherwise it was reset, and nobody knows how far it went.
 */
function stepOf(before: number, after: number, rollover: number | undefined): number | undefined {
  const step = after - before;
  if (step >= 0) return step;
  if (rollover === undefined) return undefined;
  const around = step + rollover;
  return around >= 0 && around <= rollover / 2 ? around : undefined;
}

/** The least value that at least so many percent of the time were not above. */
function percentile(
  values: readonly { readonly value: number; readonly ms: number }[],
  percent: number,
  total: number,
): number | undefined {
  const sorted = values.toSorted((a, b) => a.value - b.value);
  let seen = 0;
  for (const { value, ms } of sorted) {
    seen += ms;
    // A millisecond is the finest step there is: sums of times must not miss by a rounding.
    if (seen >= (total * percent) / 100 - 0.001) return value;
  }
  return sorted.at(-1)?.value;
}
