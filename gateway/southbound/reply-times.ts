/** Upper bounds of the classes, ms: from a meter on the LAN to one that takes its time on a slow line. */
const bounds = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const;

/** How long answers took. Plain data. */
export interface ReplyTimesStatus {
  /** Upper bounds of the classes, ms, ascending; each belongs to its class. */
  readonly bounds: readonly number[];
  /** Answers per class, one class more than bounds: the last is for all that took longer. */
  readonly counts: readonly number[];
}

/** A histogram of fixed classes: a few comparisons per answer, no memory per answer. */
export class ReplyTimes {
  readonly #counts = new Array<number>(bounds.length + 1).fill(0);

  add(ms: number): void {
    let at = 0;
    while (at < bounds.length && ms > bounds[at]!) at++;
    this.#counts[at]!++;
  }

  status(): ReplyTimesStatus {
    return { bounds, counts: [...this.#counts] };
  }
}
