import type { Clock } from "../model/clock.ts";

/** Lets one loop sleep until something happened or a time is up. A notice while nobody sleeps is kept. */
export class Wake {
  readonly #clock: Clock;
  #noticed = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    if (this.#resolve) this.#resolve();
    else this.#noticed = true;
  }

  /** Resolves at the next notice, or after `ms` when given (whole milliseconds: polls need no finer clock). */
  wait(ms?: number): Promise<void> {
    if (this.#noticed) {
      this.#noticed = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      let timer: Disposable | undefined;
      this.#resolve = () => {
        timer?.[Symbol.dispose]();
        this.#resolve = undefined;
        resolve();
      };
      if (ms !== undefined) timer = this.#clock.timer(Math.max(1, Math.ceil(ms)), () => this.#resolve?.());
    });
  }
}
