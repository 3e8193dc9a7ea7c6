import type { Device } from "../model/device.ts";
import type { ReadRequest } from "./protocol.ts";

/** What a device that is not set up yet is asked for, in place of its polls. */
export const setupRequest: ReadRequest = { points: [], costMs: 100, label: "setup" };
/** How often a device that does not answer is tried, ms. */
export const setupPeriodMs = 10_000;
/** Pauses after a setup that failed, ms: doubled from the first to the longest. Registers wear out. */
const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;

/**
 * Whether a device holds what its profile sets at every (re)connect. Until then none of its points are
 * polled: what they mean may depend on it.
 */
export class Setup {
  readonly #isNeeded: boolean;
  #phase: "due" | "failed" | "done";
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;

  constructor({ profile }: Device) {
    this.#isNeeded = (profile.setup ?? []).length > 0;
    this.#phase = this.#isNeeded ? "due" : "done";
  }

  get phase(): "due" | "failed" | "done" {
    return this.#phase;
  }

  /** Why it failed, for people. */
  get problem(): string | undefined {
    return this.#phase === "failed" ? this.#problem : undefined;
  }

  /** The device was away: it may have forgotten. What it refused lately is still not tried again. */
  reset(): void {
    if (this.#isNeeded && this.#phase === "done") this.#phase = "due";
  }

  /** Ms until the next try may write; 0: now. */
  pauseMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** Something was written: whatever comes of it, the device is left alone for a while. */
  wrote(now: number): void {
    this.#notBefore = now + Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 30));
  }

  succeeded(): void {
    this.#phase = "done";
    this.#failures = 0;
  }

  failed(problem: string, now: number): void {
    this.wrote(now);
    this.#failures += 1;
    this.#phase = "failed";
    this.#problem = problem;
  }
}
