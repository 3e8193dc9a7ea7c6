/** What the frame counter of an uplink says about the ones before it. */
export interface Counted {
  /** Uplinks that did not arrive and are given up now. */
  readonly lost: number;
  readonly kind: "next" | "late" | "reset";
}

/** Missing uplinks of one device that are still waited for; more than that is one long gap, given up at once. */
const mostMissing = 64;

/**
 * Follows the frame counters of one device. A missing uplink is given up when the one after the one
 * that showed the gap has come, so that two that changed places are no loss.
 */
export class FrameCounts {
  #last: number | undefined;
  /** The first one ever heard: its neighbour may have changed places with it. */
  #first: number | undefined;
  /** Not here when the newest came. */
  readonly #missing: Set<number>;

  /** Goes on where another one stood. */
  constructor(last?: number, missing: Iterable<number> = []) {
    this.#last = last;
    this.#missing = new Set([...missing].slice(-mostMissing));
  }

  get last(): number | undefined {
    return this.#last;
  }

  /** Those that are waited for. */
  get missing(): number[] {
    return [...this.#missing];
  }

  /** This one is known to have come. In any order; those that are known already change nothing. */
  recall(fCnt: number): void {
    const last = this.#last;
    if (last !== undefined && fCnt <= last && last - fCnt <= mostMissing) this.#missing.delete(fCnt);
    else this.count(fCnt);
  }

  count(fCnt: number): Counted {
    const last = this.#last;
    if (last === undefined) {
      this.#last = fCnt;
      this.#first = fCnt;
      return { lost: 0, kind: "next" };
    }
    if (fCnt <= last) {
      if (this.#missing.delete(fCnt)) return { lost: 0, kind: "late" };
      if (this.#first !== undefined && fCnt === this.#first - 1 && last - fCnt <= 2) {
        this.#first = fCnt;
        return { lost: 0, kind: "late" };
      }
      const lost = this.#missing.size;
      this.#missing.clear();
      this.#last = fCnt;
      this.#first = fCnt;
      return { lost, kind: "reset" };
    }
    let lost = this.#missing.size;
    this.#missing.clear();
    const gap = fCnt - last - 1;
    if (gap > mostMissing) lost += gap;
    else for (let one = last + 1; one < fCnt; one++) this.#missing.add(one);
    this.#last = fCnt;
    return { lost, kind: "next" };
  }

  /** The device joined anew and counts from 0. Returns how many are given up. */
  restart(): number {
    const lost = this.#missing.size;
    this.#missing.clear();
    this.#last = undefined;
    return lost;
  }
}
