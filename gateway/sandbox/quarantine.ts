import type { Clock } from "../model/clock.ts";

/** Strikes that cost nothing: one bad payload is no bad codec. */
const freeStrikes = 3;
/** How long it takes to forget one strike, ms. */
const forgetMs = 600_000;
/** The first wait, doubled by every further strike, and the longest one, ms. */
const firstWaitMs = 1000;
const longestWaitMs = 3_600_000;

/**
 * The record of one codec that costs its neighbours time: it hung, ate the memory or broke the thread.
 * After a few strikes it has to wait, each time twice as long; strikes are forgotten one by one.
 */
export class Quarantine {
  readonly #clock: Clock;
  #strikes = 0;
  #lastAt = 0;
  #until = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long it still has to wait, ms. */
  get leftMs(): number {
    return Math.max(0, this.#until - this.#clock.monotonic());
  }

  /** Notes that it did harm. Returns how long it has to wait for it, ms. */
  strike(): number {
    const now = this.#clock.monotonic();
    this.#strikes = Math.max(0, this.#strikes - Math.floor((now - this.#lastAt) / forgetMs)) + 1;
    this.#lastAt = now;
    const over = this.#strikes - freeStrikes;
    const waitMs = over < 1 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(over - 1, 20));
    this.#until = now + waitMs;
    return waitMs;
  }
}
