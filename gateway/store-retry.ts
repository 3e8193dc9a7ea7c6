import type { Clock } from "./model/clock.ts";
import type { Log } from "./model/log.ts";

/** The first try comes so long after the start, ms, each further one after twice the time, up to the second. */
const firstMs = 60_000;
const longestMs = 1_800_000;

export interface StoreRetryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a store could not be opened yet. */
  isMissing(): boolean;
  /** In turn with whatever else changes the gateway's parts. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  attempt(): Promise<void>;
}

/** Stores that could not be opened at the start are tried again: a disk that was full or away may be there later. */
export class StoreRetry implements AsyncDisposable {
  readonly #options: StoreRetryOptions;
  #timer: Disposable | undefined;
  #attempt: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: StoreRetryOptions) {
    this.#options = options;
  }

  /** Until nothing is missing any more. */
  begin(afterMs = firstMs): void {
    const { clock, log, isMissing, inTurn, attempt } = this.#options;
    if (this.#ended || !isMissing()) return;
    const once = async () => {
      if (this.#ended) return;
      this.#attempt = attempt();
      await this.#attempt;
    };
    this.#timer = clock.timer(afterMs, () => {
      inTurn(once).then(
        () => this.begin(Math.min(2 * afterMs, longestMs)),
        (error: unknown) => log.error({ err: error }, "stores are not tried again: a bug"),
      );
    });
  }

  /** Waits for a try that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    await this.#attempt.catch(() => {});
  }
}
