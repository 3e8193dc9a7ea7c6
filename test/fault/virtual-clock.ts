import type { Clock, Instant } from "../../gateway/model/clock.ts";

interface Timer {
  at: number;
  order: number;
  callback: () => void;
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
  #order = 0;
  #timers: Timer[] = [];
  #waiting = new Set<() => void>();

  constructor({ unix = 1_790_000_000_000, monotonic = 60_000, trusted = true, bootId = "boot-1" } = {}) {
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
    const timer = { at: this.#monotonic + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.push(timer);
    return { [Symbol.dispose]: () => this.#forget(timer) };
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
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((timer) => timer.at));
  }

  /** Lets `ms` pass, firing every timer on the way. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.#forget(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.callback();
      await settle();
    }
    this.#monotonic = end;
    await settle();
  }

  #forget(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}

/** Lets everything that is ready run: promise reactions and what they schedule with setImmediate. */
export async function settle(rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}
