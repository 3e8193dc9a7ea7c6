import type { Random } from "../model/clock.ts";

export interface BreakerLimits {
  /** Failures in a row after which a unit is taken for dead. */
  readonly failures: number;
  /** First and longest pause between probes of one unit, ms. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** Part of the line's time that probes of all dead units together may take. */
  readonly probeShare: number;
}

export const defaultBreakerLimits: BreakerLimits = {
  failures: 3,
  pauseMs: 1000,
  longestPauseMs: 30_000,
  probeShare: 0.03,
};

export type BreakerState = "closed" | "open" | "probing";

interface Unit {
  state: BreakerState;
  failures: number;
  probes: number;
  probeAt: number;
}

/**
 * One circuit breaker per unit of a connection, and one purse for all: a unit that fails several
 * times in a row is polled no more, but probed with exponential pauses and jitter; and after a probe
 * of `c` ms no other probe runs for `c / share` ms, so that any number of dead units costs the
 * healthy ones no more than the share. When no unit is left alive there is nobody to protect and
 * only the pauses count. Time is an argument; nothing here waits.
 */
export class Breakers {
  readonly #units = new Map<string, Unit>();
  readonly #random: Random;
  readonly #limits: BreakerLimits;
  #gateAt = Number.NEGATIVE_INFINITY;

  constructor(random: Random, limits: BreakerLimits = defaultBreakerLimits) {
    this.#random = random;
    this.#limits = limits;
  }

  add(unit: string): void {
    if (!this.#units.has(unit))
      this.#units.set(unit, { state: "closed", failures: 0, probes: 0, probeAt: 0 });
  }

  remove(unit: string): void {
    this.#units.delete(unit);
  }

  /** The line was reopened: everybody gets a new chance. */
  reset(): void {
    for (const unit of this.#units.keys()) {
      this.#units.set(unit, { state: "closed", failures: 0, probes: 0, probeAt: 0 });
    }
    this.#gateAt = Number.NEGATIVE_INFINITY;
  }

  get someAlive(): boolean {
    for (const { state } of this.#units.values()) if (state === "closed") return true;
    return false;
  }

  state(unit: string): BreakerState {
    return this.#units.get(unit)?.state ?? "closed";
  }

  /** The unit answered. True when it was dead until now. */
  succeeded(unit: string): boolean {
    const found = this.#units.get(unit);
    if (!found) return false;
    const back = found.state !== "closed";
    found.state = "closed";
    found.failures = 0;
    found.probes = 0;
    return back;
  }

  /** The unit did not answer; the attempt took `costMs` of line time. True when it is dead from now on. */
  failed(unit: string, now: number, costMs: number): boolean {
    const found = this.#units.get(unit);
    if (!found) return false;
    if (found.state === "closed") {
      found.failures += 1;
      if (found.failures < this.#limits.failures) return false;
      found.state = "open";
      found.probeAt = now + this.#pause(found);
      return true;
    }
    // A read that was on its way when the unit was given up tells nothing new.
    if (found.state === "open") return false;
    found.state = "open";
    found.probes += 1;
    found.probeAt = now + this.#pause(found);
    // The attempt itself belongs to the time that it has to be paid for with.
    this.#gateAt = Math.max(this.#gateAt, now - costMs + costMs / this.#limits.probeShare);
    return false;
  }

  /** Takes the dead unit whose probe is due, or undefined; answer with `succeeded`, `failed` or `abandoned`. */
  next(now: number): string | undefined {
    const due = this.#earliest();
    if (!due || this.#due(due.probeAt) > now) return undefined;
    due.found.state = "probing";
    return due.unit;
  }

  /** When the next probe is due, or undefined. */
  dueAt(): number | undefined {
    const due = this.#earliest();
    return due && this.#due(due.probeAt);
  }

  /** The probe was not carried out. */
  abandoned(unit: string): void {
    const found = this.#units.get(unit);
    if (found?.state === "probing") found.state = "open";
  }

  #due(probeAt: number): number {
    return this.someAlive ? Math.max(probeAt, this.#gateAt) : probeAt;
  }

  #earliest(): { unit: string; found: Unit; probeAt: number } | undefined {
    let earliest: { unit: string; found: Unit; probeAt: number } | undefined;
    for (const [unit, found] of this.#units) {
      // One probe at a time, or the purse is spent twice.
      if (found.state === "probing") return undefined;
      if (found.state !== "open") continue;
      if (!earliest || found.probeAt < earliest.probeAt) earliest = { unit, found, probeAt: found.probeAt };
    }
    return earliest;
  }

  /** Doubles up to the cap; between half and all of it, so that units that died together part. */
  #pause(unit: Unit): number {
    const { pauseMs, longestPauseMs } = this.#limits;
    const full = Math.min(longestPauseMs, pauseMs * 2 ** Math.min(unit.probes, 30));
    return full * (0.5 + this.#random() / 2);
  }
}
