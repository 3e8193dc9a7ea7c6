import type { Clock, Instant } from "../../gateway/model/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  gone: boolean;
}

/**
 * Time that a test owns. Nothing happens until `advance`; timers then fire in order of their due
 * time, and between two of them all promise work that is ready gets done.
 */
export class VirtualClock implements Clock {
  readonly bootId: string;
  #trusted: boolean;
  #monotonic: number;
  #offset: number;
  readonly #rounds: number;
  #order = 0;
  /** In order of their due time; those that are gone are left out when they come up. */
  #timers: Timer[] = [];
  #waiting = new Set<() => void>();

  /** @param rounds turns of the event loop between two timers: one does where nothing but promises is waited for */
  constructor({
    unix = 1_790_000_000_000,
    monotonic = 60_000,
    trusted = true,
    bootId = "boot-1",
    rounds = 3,
  } = {}) {
    this.#rounds = rounds;
    this.#monotonic = monotonic;
    this.#offset = unix - monotonic;
    this.#trusted = trusted;
    this.bootId = bootId;
  }

  get trusted(): boolean {
    return this.#trusted;
  }

  now(): number {
    return this.#monotonic + this.#offset;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  stamp(): Instant {
    return this.#trusted ? { base: "unix", ms: this.now() } : { base: "boot", ms: this.#monotonic };
  }

  toUnix(instant: Instant): number | undefined {
    if (instant.base === "unix") return instant.ms;
    return this.#trusted ? instant.ms + this.#offset : undefined;
  }

  timer(ms: number, callback: () => void): Disposable {
    const timer: Timer = {
      at: this.#monotonic + Math.max(0, ms),
      order: this.#order++,
      callback,
      gone: false,
    };
    this.#insert(timer);
    return {
      [Symbol.dispose]: () => {
        timer.gone = true;
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      const timer = this.timer(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  whenTrusted(callback: () => void): Disposable {
    if (this.#trusted) callback();
    else this.#waiting.add(callback);
    return { [Symbol.dispose]: () => this.#waiting.delete(callback) };
  }

  /** The wall clock becomes right: `unix` is the present moment. */
  trust(unix = this.now()): void {
    this.#offset = unix - this.#monotonic;
    this.#trusted = true;
    for (const callback of this.#waiting) callback();
    this.#waiting.clear();
  }

  /** The wall clock jumps; the monotonic clock does not. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  /** When the next timer is due (monotonic ms), or undefined. */
  get nextDue(): number | undefined {
    return this.#next()?.at;
  }

  /** Timers that will fire. */
  get pending(): number {
    return this.#timers.filter(({ gone }) => !gone).length;
  }

  /** Lets `ms` pass, firing every timer on the way; less when `stop` says so after one of them. */
  async advance(ms: number, stop: () => boolean = () => false): Promise<void> {
    const end = this.#monotonic + ms;
    await settle(this.#rounds);
    while (!stop()) {
      const next = this.#next();
      if (!next || next.at > end) {
        this.#monotonic = end;
        break;
      }
      this.#timers.shift();
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.callback();
      await settle(this.#rounds);
    }
    if (this.#rounds > 1) await settle(this.#rounds);
  }

  #next(): Timer | undefined {
    while (this.#timers[0]?.gone) this.#timers.shift();
    return this.#timers[0];
  }

  /** Behind all that are due at the same moment. */
  #insert(timer: Timer): void {
    let [low, high] = [0, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.at <= timer.at) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
  }
}

/** Lets everything that is ready run: promise reactions and what they schedule with setImmediate. */
export async function settle(rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}
