/** What a clock of the nodes offers (nodes/clock.ts). */
export interface NodeClock {
  now(): number;
  monotonic(): number;
  timer(ms: number, callback: () => void): Disposable;
  random(): number;
}

const longestMs = 2 ** 31 - 1;

/**
 * Time for a whole process: `Date`, `setTimeout`, `setInterval`, `performance.now` and `process.hrtime` of whatever
 * is loaded after `install`. It runs like the real one until `stop`; then it stands still but for `advance`.
 * `setImmediate` and what Node.js does inside (sockets) stay real.
 */
export class VirtualTime {
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    clearTimeout: globalThis.clearTimeout,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    Date: globalThis.Date,
    performanceNow: performance.now.bind(performance),
    hrtime: process.hrtime,
  };
  readonly #timers = new Set<VirtualTimer>();
  #unix: number | undefined;
  #passed = 0;
  #order = 0;
  #seed = 1;
  /** Counts what was set, so that one can tell whether something still goes on. */
  activity = 0;

  install(): void {
    const { setTimeout, setInterval, clearTimeout, clearInterval, Date: RealDate, hrtime } = this.#real;
    const set =
      (real: typeof setTimeout | typeof setInterval, repeats: boolean) =>
      (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
        this.#unix === undefined
          ? real(callback, ms, ...args)
          : this.#set(Number(ms), () => callback(...args), repeats);
    const clear = (real: typeof clearTimeout) => (timer: unknown) => {
      if (timer instanceof VirtualTimer) timer.close();
      else if (timer !== undefined && timer !== null) real(timer as NodeJS.Timeout);
    };
    Object.assign(globalThis, {
      setTimeout: Object.assign(set(setTimeout, false), {
        [Symbol.for("nodejs.util.promisify.custom")]: (ms: number, value: unknown) =>
          new Promise((resolve) => globalThis.setTimeout(() => resolve(value), ms)),
      }),
      setInterval: set(setInterval, true),
      clearTimeout: clear(clearTimeout),
      clearInterval: clear(clearInterval),
      Date: new Proxy(RealDate, {
        construct: (target, args, self) =>
          Reflect.construct(target, args.length === 0 ? [this.now()] : args, self),
        apply: () => new RealDate(this.now()).toString(),
        get: (target, key) => (key === "now" ? () => this.now() : Reflect.get(target, key)),
      }),
    });
    performance.now = () => this.monotonic();
    const elapsed = (since?: [number, number]): [number, number] => {
      const ms = this.monotonic() - (since ? since[0] * 1000 + since[1] / 1e6 : 0);
      return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
    };
    process.hrtime = Object.assign(
      (since?: [number, number]) => (this.#unix === undefined ? hrtime(since) : elapsed(since)),
      {
        bigint: () =>
          this.#unix === undefined ? hrtime.bigint() : BigInt(Math.round(this.monotonic() * 1e6)),
      },
    );
  }

  /** From now on it is `unix`, until time is made to pass. */
  stop(unix: number): void {
    this.#unix = unix;
  }

  now(): number {
    return this.#unix === undefined ? this.#real.Date.now() : this.#unix + this.#passed;
  }

  monotonic(): number {
    return this.#unix === undefined ? this.#real.performanceNow() : this.#passed;
  }

  /** Ms since `stop`. */
  get passed(): number {
    return this.#passed;
  }

  get clock(): NodeClock {
    return {
      now: () => this.now(),
      monotonic: () => this.monotonic(),
      timer: (ms, callback) => {
        const timer = this.#set(ms, callback, false);
        return { [Symbol.dispose]: () => timer.close() };
      },
      random: () => {
        // Park and Miller: every run is the same.
        this.#seed = (this.#seed * 48_271) % 2_147_483_647;
        return this.#seed / 2_147_483_647;
      },
    };
  }

  /** Lets time pass until `end` (ms since `stop`), timer by timer, with `settled` after each. */
  async advance(end: number, settled: () => Promise<void>): Promise<void> {
    await settled();
    for (;;) {
      let next: VirtualTimer | undefined;
      for (const timer of this.#timers) {
        if (timer.at > end) continue;
        if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
      }
      if (!next) break;
      this.#passed = Math.max(this.#passed, next.at);
      next.fire();
      await settled();
    }
    this.#passed = end;
  }

  /** One real round of the event loop. */
  round(): Promise<void> {
    return new Promise((resolve) => this.#real.setImmediate(resolve));
  }

  #set(ms: number, callback: () => void, repeats: boolean): VirtualTimer {
    this.activity++;
    const delay = ms >= 1 && ms <= longestMs ? ms : 1;
    const timer = new VirtualTimer(this, this.#timers, delay, callback, repeats);
    timer.refresh();
    return timer;
  }

  /** For a timer that is set: the present moment and its place among those of one moment. */
  take(): { passed: number; order: number } {
    return { passed: this.#passed, order: this.#order++ };
  }
}

/** As `NodeJS.Timeout`. */
class VirtualTimer {
  readonly #time: VirtualTime;
  readonly #timers: Set<VirtualTimer>;
  readonly #ms: number;
  readonly #callback: () => void;
  readonly #repeats: boolean;
  at = 0;
  order = 0;

  constructor(
    time: VirtualTime,
    timers: Set<VirtualTimer>,
    ms: number,
    callback: () => void,
    repeats: boolean,
  ) {
    this.#time = time;
    this.#timers = timers;
    this.#ms = ms;
    this.#callback = callback;
    this.#repeats = repeats;
  }

  fire(): void {
    if (this.#repeats) this.refresh();
    else this.#timers.delete(this);
    this.#callback();
  }

  refresh(): this {
    const { passed, order } = this.#time.take();
    this.at = passed + this.#ms;
    this.order = order;
    this.#timers.add(this);
    return this;
  }

  close(): this {
    this.#timers.delete(this);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
