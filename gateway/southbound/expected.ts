import type { Clock } from "../model/clock.ts";

/** How long a line keeps itself free for one write that is announced, ms: what a slow disk needs to make its command durable. */
const keptFreeMs = 100;

/**
 * Writes that are announced and have not come yet. A transaction that began just before one came would
 * make it wait for all of it; so nothing is begun any more while one is expected, for a time.
 */
export class Expected {
  readonly #clock: Clock;
  /** Ms that the line may yet be kept free for each. */
  readonly #left = new Map<object, number>();
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A write is coming, until this is disposed. */
  announce(): Disposable {
    const announced = {
      [Symbol.dispose]: () => {
        this.#left.delete(announced);
        this.came();
      },
    };
    this.#left.set(announced, keptFreeMs);
    return announced;
  }

  /** Whether the line is to be kept free, and is not yet. */
  get wanted(): boolean {
    return this.#end === undefined && this.#left.size > 0 && this.#mostLeft() > 0;
  }

  /** Something was asked for that goes ahead of polls, or one is expected no more. */
  came(): void {
    this.#end?.();
  }

  /** Keeps the line free until something came, or the time for it is over. */
  async keepFree(ended: AbortSignal): Promise<void> {
    const since = this.#clock.monotonic();
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#end = undefined;
        timer[Symbol.dispose]();
        ended.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#clock.timer(this.#mostLeft(), end);
      this.#end = end;
      ended.addEventListener("abort", end);
    });
    const heldMs = this.#clock.monotonic() - since;
    for (const [announced, left] of this.#left) this.#left.set(announced, left - heldMs);
  }

  #mostLeft(): number {
    let most = 0;
    for (const left of this.#left.values()) most = Math.max(most, left);
    return most;
  }
}
