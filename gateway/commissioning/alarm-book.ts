import type { Clock, Instant } from "../model/clock.ts";
import type { Alarm } from "./alarms.ts";

/** Remembers since when there is which trouble. */
export class AlarmBook {
  readonly #clock: Clock;
  #since = new Map<string, Instant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same alarms with their times; what is not among them has ended. */
  take(alarms: readonly Alarm[]): readonly Alarm[] {
    const now = this.#clock.stamp();
    const since = new Map(alarms.map(({ id }) => [id, this.#since.get(id) ?? now]));
    this.#since = since;
    return alarms.map((alarm) => {
      const first = since.get(alarm.id);
      const unix = first && this.#clock.toUnix(first);
      return unix === undefined ? alarm : { ...alarm, since: new Date(unix).toISOString() };
    });
  }
}

/** How much a counter has grown of late. */
export class Lately {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #counters = new Map<string, { at: number; count: number }[]>();

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Counted since the window began, as far as it was looked at; a counter that begins anew begins at 0. */
  grown(name: string, count: number): number {
    const now = this.#clock.monotonic();
    const looks = this.#counters.get(name) ?? [];
    const last = looks.at(-1);
    if (last && count < last.count) looks.length = 0;
    // A first look says nothing of when.
    if (looks.length === 0) looks.push({ at: now, count: last && count < last.count ? 0 : count });
    else if (last && count > last.count) looks.push({ at: now, count });
    // The one before the window is what is compared with.
    while (looks.length > 1 && looks[1]!.at < now - this.#windowMs) looks.shift();
    // One per step of the window is enough.
    if (looks.length > mostLooks) looks.splice(1, 1);
    this.#counters.set(name, looks);
    return count - looks[0]!.count;
  }

  /** Forgets all counters but these. */
  keep(names: readonly string[]): void {
    for (const name of this.#counters.keys()) if (!names.includes(name)) this.#counters.delete(name);
  }
}

const mostLooks = 64;
