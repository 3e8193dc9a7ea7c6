import type { Clock } from "../model/clock.ts";
import type { WriteRule } from "../model/write-rule.ts";
import { pointKey, type WearCount } from "./entry.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import { leastAge, type Moment, momentOf } from "./moment.ts";

const dayMs = 86_400_000;
const hourMs = 3_600_000;

type Place = { readonly device: string; readonly point: string };

/**
 * Physical writes per point, against the budget of its memory. A day is any 24 hours: writes are
 * counted in buckets of an hour, and a bucket counts until all of it is a day old.
 */
export class Wear {
  readonly #counts: Map<string, WearCount>;
  readonly #clock: Clock;

  /** `counts` is the ledger's own map. */
  constructor(counts: Map<string, WearCount>, clock: Clock) {
    this.#counts = counts;
    this.#clock = clock;
  }

  /** Writes that the budget leaves. */
  left(place: Place, budget: NonNullable<WriteRule["budget"]>): number {
    const count = this.#counts.get(pointKey(place));
    const today = this.#hours(count).reduce((sum, hour) => sum + hour.count, 0);
    return Math.min(
      (budget.perDay ?? Number.POSITIVE_INFINITY) - today,
      (budget.lifetime ?? Number.POSITIVE_INFINITY) - (count?.lifetime ?? 0),
    );
  }

  /** Counts writes, or gives back (`writes` < 0) what was counted and not done. Returns what must be saved. */
  count(place: Place, writes: number): LedgerRecord {
    const old = this.#counts.get(pointKey(place));
    const hours = this.#hours(old).map((hour) => ({ ...hour }));
    const last = hours.at(-1);
    if (writes < 0) {
      let back = -writes;
      for (const hour of hours.toReversed()) {
        const some = Math.min(back, hour.count);
        hour.count -= some;
        back -= some;
      }
    } else if (last && leastAge(last.at, this.#clock) < hourMs) last.count += writes;
    else hours.push({ at: momentOf(this.#clock), count: writes });
    const wear: WearCount = {
      device: place.device,
      point: place.point,
      lifetime: Math.max(0, (old?.lifetime ?? 0) + writes),
      hours: hours.filter(({ count }) => count > 0),
    };
    this.#counts.set(pointKey(place), wear);
    return { type: "wear", wear };
  }

  #hours(count: WearCount | undefined): readonly { readonly at: Moment; count: number }[] {
    return (count?.hours ?? []).filter(({ at }) => leastAge(at, this.#clock) < dayMs + hourMs);
  }
}

/** Commands taken per point in a sliding time. Rebuilt from the ledger at a restart. */
export class Rates {
  readonly #taken = new Map<string, Moment[]>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ms until one more may be taken; 0 for now. */
  wait(place: Place, { count, perMs }: NonNullable<WriteRule["rate"]>): number {
    const taken = this.#taken.get(pointKey(place));
    if (!taken) return 0;
    while (taken[0] && leastAge(taken[0], this.#clock) >= perMs) taken.shift();
    const blocking = taken.at(-count);
    return blocking ? Math.max(1, perMs - leastAge(blocking, this.#clock)) : 0;
  }

  note(place: Place, at: Moment): void {
    const key = pointKey(place);
    const taken = this.#taken.get(key);
    if (taken) taken.push(at);
    else this.#taken.set(key, [at]);
  }

  /** One that was not taken after all: the disk failed. */
  takeBack(place: Place, at: Moment): void {
    const taken = this.#taken.get(pointKey(place));
    const index = taken?.indexOf(at) ?? -1;
    if (index >= 0) taken?.splice(index, 1);
  }
}
