/** Time constant of the measured utilisation, ms. */
const windowMs = 60_000;

/** Which part of the recent past was busy: exponentially weighted over about a minute. */
export class LoadMeter {
  readonly #since: number;
  #at: number;
  #busyMs = 0;

  constructor(now: number) {
    this.#since = now;
    this.#at = now;
  }

  add(busyMs: number, now: number): void {
    this.#busyMs = this.#decayed(now) + busyMs;
    this.#at = now;
  }

  /** 0 = idle, 1 = always busy (more with several transactions at a time). */
  read(now: number): number {
    const seen = windowMs * (1 - Math.exp(-(now - this.#since) / windowMs));
    return seen > 0 ? this.#decayed(now) / seen : 0;
  }

  #decayed(now: number): number {
    return this.#busyMs * Math.exp(-(now - this.#at) / windowMs);
  }
}
