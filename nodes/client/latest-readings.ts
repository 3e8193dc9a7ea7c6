import type { ReadingJson } from "../../gateway/model/json.ts";

/** More points than the largest gateway has; beyond it nothing is remembered of a new one. */
const most = 50_000;

/** The latest reading of each point, so that a stream that begins anew repeats nothing. */
export class LatestReadings {
  readonly #byPoint = new Map<string, ReadingJson>();

  /** Whether it is another one than before. */
  take(reading: ReadingJson): boolean {
    const key = `${reading.device}/${reading.point}`;
    const before = this.#byPoint.get(key);
    if (before && isSame(before, reading)) return false;
    if (before || this.#byPoint.size < most) this.#byPoint.set(key, reading);
    return true;
  }

  all(): readonly ReadingJson[] {
    return [...this.#byPoint.values()];
  }
}

function isSame(a: ReadingJson, b: ReadingJson): boolean {
  return a.time === b.time && a.bootMs === b.bootMs && a.value === b.value && a.quality === b.quality;
}
