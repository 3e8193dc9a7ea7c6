import type { Clock } from "../clock.ts";

/** Timers beyond this are cut into pieces, so that a clock that was set is noticed. */
const longestMs = 3_600_000;

/** One call at a time in the future; a later word replaces an earlier one. */
export class Wake implements Disposable {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #timer: Disposable | undefined;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** @param ms from now on; undefined: never. It may be called before, at the latest after an hour: look whether it is time. */
  in(ms: number | undefined): void {
    this[Symbol.dispose]();
    if (ms === undefined) return;
    this.#timer = this.#clock.timer(Math.min(Math.max(0, ms), longestMs), () => {
      this.#timer = undefined;
      this.#callback();
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
