import type { Clock } from "../model/clock.ts";
import type { EventCursor, Taken } from "./fan.ts";

/** What one reader follows alone: nothing is fetched before the reader has taken what came before. */
export interface FollowOptions<T> {
  /** Ends when the signal aborts. */
  begin(signal: AbortSignal): AsyncIterable<T>;
  told(item: T): Taken;
  /** At least so many ms between two items: what changes faster is seen less often. */
  readonly everyMs?: number | undefined;
  readonly clock: Clock;
}

/** A cursor over something that changes, for one event stream. */
export function follow<T>({ begin, told, everyMs = 0, clock }: FollowOptions<T>): EventCursor {
  const leaving = new AbortController();
  const { signal } = leaving;
  const items = begin(signal)[Symbol.asyncIterator]();
  let takenAt = Number.NEGATIVE_INFINITY;
  return {
    async take() {
      const wait = takenAt + everyMs - clock.monotonic();
      if (wait > 0) await pause(clock, wait, signal);
      if (signal.aborted) return undefined;
      const { value, done } = await items.next();
      takenAt = clock.monotonic();
      return done || signal.aborted ? undefined : told(value);
    },
    close() {
      if (signal.aborted) return;
      leaving.abort();
      // It may wait for something that never comes; whoever is in it is told by the signal.
      void items.return?.().catch(() => {});
    },
  };
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
