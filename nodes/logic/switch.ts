/** All in ms; 0: at once. */
export interface SwitchTiming {
  /** How long the other state must be wanted without a break. */
  readonly onDelayMs: number;
  readonly offDelayMs: number;
  /** How long a state lasts at least. */
  readonly minOnMs: number;
  readonly minOffMs: number;
}

/** Something that is on or off, and does not change too often. Times are monotonic ms. */
export class Switch {
  readonly #timing: SwitchTiming;
  #on: boolean | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;
  #pending: { readonly on: boolean; readonly at: number } | undefined;

  /** @param on as it was before, with nothing known of when that began */
  constructor(timing: SwitchTiming, on?: boolean) {
    this.#timing = timing;
    this.#on = on;
  }

  /** Undefined until the first word counts. */
  get on(): boolean | undefined {
    return this.#on;
  }

  /** When it will change unless something else is wanted before. */
  get due(): number | undefined {
    return this.#pending?.at;
  }

  /** Says what is wanted now. True when it has changed. */
  want(on: boolean, now: number): boolean {
    if (on === this.#on) {
      this.#pending = undefined;
      return false;
    }
    if (this.#pending?.on !== on) {
      const delay = on ? this.#timing.onDelayMs : this.#timing.offDelayMs;
      this.#pending = { on, at: Math.max(now + delay, this.#heldUntil()) };
    }
    return this.tick(now);
  }

  /** Off without delay, yet not before it has been on for long enough. True when it has changed. */
  release(now: number): boolean {
    this.#pending = this.#on === false ? undefined : { on: false, at: Math.max(now, this.#heldUntil()) };
    return this.tick(now);
  }

  /** Stays as it is: what was wanted does not count any more. */
  freeze(): void {
    this.#pending = undefined;
  }

  /** Time went on. True when it has changed. */
  tick(now: number): boolean {
    if (!this.#pending || now < this.#pending.at) return false;
    this.#on = this.#pending.on;
    this.#changedAt = now;
    this.#pending = undefined;
    return true;
  }

  #heldUntil(): number {
    if (this.#on === undefined) return Number.NEGATIVE_INFINITY;
    return this.#changedAt + (this.#on ? this.#timing.minOnMs : this.#timing.minOffMs);
  }
}
