import { shownDecimals } from "./format.ts";

const longestMs = 120_000;
const most = 240;

/** The numbers of one point over the last two minutes, in bounded memory. */
export class Trail {
  readonly #times: number[] = [];
  readonly #values: number[] = [];

  #decimals = 0;

  /** Decimals that its numbers have had, so that they stand still: 231.4 and 231.0. */
  get decimals(): number {
    return this.#decimals;
  }

  push(at: number, value: number): void {
    if (!Number.isInteger(value) && Number(value.toFixed(this.#decimals)) !== value)
      this.#decimals = Math.max(this.#decimals, shownDecimals(value));
    this.#times.push(at);
    this.#values.push(value);
    let old = Math.max(0, this.#times.length - most);
    while ((this.#times[old] ?? at) < at - longestMs) old++;
    // Cut seldom: to cut moves all that stays.
    if (old >= 30 || this.#times.length > most) {
      this.#times.splice(0, old);
      this.#values.splice(0, old);
    }
  }

  get length(): number {
    return this.#times.length;
  }

  /** An SVG path in a box of `width` times `height`, time to the right; empty for fewer than two numbers. */
  path(now: number, width: number, height: number): string {
    const from = now - longestMs;
    const first = this.#times.findIndex((time) => time >= from);
    if (first < 0 || this.#times.length - first < 2) return "";
    const values = this.#values.slice(first);
    const low = Math.min(...values);
    const high = Math.max(...values);
    const span = high - low || 1;
    return values
      .map((value, index) => {
        const x = ((this.#times[first + index]! - from) / longestMs) * width;
        const y = high === low ? height / 2 : height - 1 - ((value - low) / span) * (height - 2);
        return `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
      })
      .join("");
  }

  /** Smallest and greatest number, undefined for none. */
  get bounds(): readonly [number, number] | undefined {
    return this.length === 0 ? undefined : [Math.min(...this.#values), Math.max(...this.#values)];
  }
}
