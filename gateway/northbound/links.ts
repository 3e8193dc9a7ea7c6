import type { Clock } from "../model/clock.ts";
import type { Northbound } from "./northbound.ts";

/** How often the far sides are looked at, ms: who acts on a lost link waits much longer than that. */
const lookMs = 1000;

/** Tells when a far side comes or goes. Looks only while somebody wants to know. */
export class LinkWatch implements Disposable {
  readonly #clock: Clock;
  readonly #northbound: (name: string) => Northbound | undefined;
  readonly #names: () => readonly string[];
  readonly #callbacks = new Set<() => void>();
  #timer: Disposable | undefined;
  #last = "";

  constructor(
    clock: Clock,
    names: () => readonly string[],
    northbound: (name: string) => Northbound | undefined,
  ) {
    this.#clock = clock;
    this.#names = names;
    this.#northbound = northbound;
  }

  linkUp(name: string): boolean {
    return this.#northbound(name)?.status().connected ?? false;
  }

  /** Called after every change, until disposed. */
  onChange(callback: () => void): Disposable {
    this.#callbacks.add(callback);
    if (!this.#timer) {
      this.#last = this.#state();
      this.#watch();
    }
    return {
      [Symbol.dispose]: () => {
        this.#callbacks.delete(callback);
        if (this.#callbacks.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #state(): string {
    return this.#names()
      .map((name) => `${name} ${this.linkUp(name)}`)
      .join("\n");
  }

  #watch(): void {
    this.#timer = this.#clock.timer(lookMs, () => {
      const now = this.#state();
      this.#watch();
      if (now === this.#last) return;
      this.#last = now;
      for (const callback of [...this.#callbacks]) callback();
    });
  }
}
