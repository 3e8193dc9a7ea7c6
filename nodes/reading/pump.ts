import type { Clock } from "../clock.ts";

/** Sent before anything else gets its turn. */
const bite = 20;

/**
 * Items on their way into a flow: in small bites, so that the flow and everything else in Node-RED get their
 * turns. What comes faster than it goes pushes the oldest out, and the next one sent says how many.
 */
export class Pump<T> implements Disposable {
  readonly #send: (item: T, lost: number) => void;
  readonly #clock: Clock;
  readonly #capacity: number;
  #waiting: T[] = [];
  #at = 0;
  #lost = 0;
  #turn: Disposable | undefined;

  constructor(clock: Clock, send: (item: T, lost: number) => void, capacity = 1000) {
    this.#clock = clock;
    this.#send = send;
    this.#capacity = capacity;
  }

  get waiting(): number {
    return this.#waiting.length - this.#at;
  }

  push(items: readonly T[]): void {
    for (const item of items) this.#waiting.push(item);
    const over = this.waiting - this.#capacity;
    if (over > 0) {
      this.#at += over;
      this.#lost += over;
    }
    if (!this.#turn) this.#run();
  }

  /** A loss on the way here. */
  lose(count: number): void {
    this.#lost += count;
  }

  [Symbol.dispose](): void {
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
    this.#waiting = [];
    this.#at = 0;
  }

  #run(): void {
    this.#turn = undefined;
    const end = Math.min(this.#at + bite, this.#waiting.length);
    // Taken first: what is sent may bring more.
    const items = this.#waiting.slice(this.#at, end);
    this.#at = end;
    if (this.waiting > 0) this.#turn = this.#clock.timer(0, () => this.#run());
    if (this.#at > 500 || this.waiting === 0) {
      this.#waiting = this.#waiting.slice(this.#at);
      this.#at = 0;
    }
    for (const item of items) {
      const lost = this.#lost;
      this.#lost = 0;
      this.#send(item, lost);
    }
  }
}
