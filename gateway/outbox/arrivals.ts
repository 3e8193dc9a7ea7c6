import type { Clock } from "../model/clock.ts";
import type { Lane } from "./outbox.ts";
import { lanes as allLanes, type PackIndex } from "./pack-index.ts";

/** Those who wait for packs to come. */
export class Arrivals {
  readonly #index: PackIndex;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(index: PackIndex, clock: Clock) {
    this.#index = index;
    this.#clock = clock;
  }

  announce(): void {
    for (const wake of this.#waiting) wake();
  }

  /** See Outbox.waitFor. */
  waitFor(wanted: readonly Lane[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const counts = this.#index.status().lanes;
      if (allLanes.some((lane) => wanted.includes(lane) && counts[lane] > 0)) return resolve();
      // A live pack becomes backlog by waiting alone: no append will tell.
      const due = wanted.includes("backlog") ? this.#index.nextBacklogAt() : undefined;
      const timer =
        due === undefined ? undefined : this.#clock.timer(due - this.#clock.monotonic(), () => wake());
      const settle = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", abort);
        timer?.[Symbol.dispose]();
      };
      const wake = () => {
        settle();
        resolve();
      };
      const abort = () => {
        settle();
        reject(signal.reason);
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
