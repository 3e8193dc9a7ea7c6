import type { Clock } from "../model/clock.ts";
import type { Point } from "../model/device.ts";
import type { PolledDevice } from "./polled-device.ts";
import type { PointResult } from "./protocol.ts";

/** Silence after which a device that speaks first counts as gone, ms, where its protocol does not say. */
export const defaultSilenceMs = 60_000;

interface Watched {
  readonly silentAfterMs: number;
  heardAt: number;
  timer: Disposable | undefined;
}

interface Waiting {
  readonly state: PolledDevice;
  readonly missing: Set<Point>;
  readonly found: PointResult[];
  end(error?: unknown): void;
}

/** What a loop knows of the devices on its line that speak first: when each was heard, and who waits for a word. */
export class Hearing {
  readonly #clock: Clock;
  readonly #silent: (state: PolledDevice, silentAfterMs: number) => void;
  readonly #watched = new Map<PolledDevice, Watched>();
  readonly #waiting = new Set<Waiting>();

  /** `silent` is called once per silence. */
  constructor(clock: Clock, silent: (state: PolledDevice, silentAfterMs: number) => void) {
    this.#clock = clock;
    this.#silent = silent;
  }

  /** From now on the device is expected to speak. */
  watch(state: PolledDevice, silentAfterMs: number): void {
    this.forget(state);
    const watched: Watched = { silentAfterMs, heardAt: this.#clock.monotonic(), timer: undefined };
    this.#watched.set(state, watched);
    this.#arm(state, watched, silentAfterMs);
  }

  forget(state: PolledDevice): void {
    this.#watched.get(state)?.timer?.[Symbol.dispose]();
    this.#watched.delete(state);
  }

  /** The line is gone: nobody is expected to speak. */
  clear(): void {
    for (const state of [...this.#watched.keys()]) this.forget(state);
  }

  /** Whether somebody waits for a word about this point. */
  isAwaited(state: PolledDevice, point: Point): boolean {
    for (const waiting of this.#waiting)
      if (waiting.state === state && waiting.missing.has(point)) return true;
    return false;
  }

  /** The device spoke; `results` are all that its words say, thinned out or not. */
  heard(state: PolledDevice, results: readonly PointResult[]): void {
    const watched = this.#watched.get(state);
    if (watched) {
      watched.heardAt = this.#clock.monotonic();
      if (!watched.timer) this.#arm(state, watched, watched.silentAfterMs);
    }
    for (const waiting of this.#waiting) {
      if (waiting.state !== state) continue;
      const wanted = results.filter(({ point }) => waiting.missing.has(point));
      waiting.found.push(...wanted);
      for (const { point } of wanted) waiting.missing.delete(point);
      if (waiting.missing.size === 0) waiting.end();
    }
  }

  /**
   * The next word about each of these points, waited for as long as the device may be silent; what
   * did not come is missing. Rejects with the signal's reason.
   */
  next(
    state: PolledDevice,
    points: readonly Point[],
    signal: AbortSignal | undefined,
  ): Promise<PointResult[]> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => waiting.end(signal?.reason);
      const timer = this.#clock.timer(this.#watched.get(state)?.silentAfterMs ?? defaultSilenceMs, () =>
        waiting.end(),
      );
      const waiting: Waiting = {
        state,
        missing: new Set(points),
        found: [],
        end: (error) => {
          timer[Symbol.dispose]();
          signal?.removeEventListener("abort", abort);
          this.#waiting.delete(waiting);
          if (error === undefined) resolve(waiting.found);
          else reject(error);
        },
      };
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Moved on lazily: a meter may speak many times before the timer looks. */
  #arm(state: PolledDevice, watched: Watched, ms: number): void {
    watched.timer = this.#clock.timer(Math.max(1, Math.ceil(ms)), () => {
      watched.timer = undefined;
      const left = watched.heardAt + watched.silentAfterMs - this.#clock.monotonic();
      if (left > 0) this.#arm(state, watched, left);
      else this.#silent(state, watched.silentAfterMs);
    });
  }
}
