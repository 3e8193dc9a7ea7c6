/**
 * A moment. `ms` counts from the Unix epoch (base `unix`) or, while the wall clock is not to be
 * trusted, from the kernel's boot (base `boot`). A boot-based instant is only meaningful together
 * with the boot id of the clock that made it, and is resolved to Unix time once, when trust comes.
 */
export interface Instant {
  readonly base: "unix" | "boot";
  readonly ms: number;
}

/** The only source of time. Injected everywhere, so that a test can own time. */
export interface Clock {
  /** The kernel's boot id: two runs with the same id share one monotonic clock. */
  readonly bootId: string;
  /** Whether the wall clock can be believed. Turns true at most once per process; never back. */
  readonly trusted: boolean;
  /** Wall time, Unix milliseconds. Never below the floor (build time, last good time stored). */
  now(): number;
  /** Milliseconds since boot, fractional. Never jumps, never goes back. */
  monotonic(): number;
  /** The present moment: `unix` while trusted, else `boot`. */
  stamp(): Instant;
  /** Unix milliseconds of an instant of this boot, or undefined while trust is missing. */
  toUnix(instant: Instant): number | undefined;
  /** Calls back once after `ms` of monotonic time (fractions honoured as well as the platform can), unless disposed before. */
  timer(ms: number, callback: () => void): Disposable;
  /** Resolves after `ms` of monotonic time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back when trust arrives (at once if it is there). */
  whenTrusted(callback: () => void): Disposable;
}

/** A source of randomness in [0, 1). Injected, so that a seed replays a run. */
export type Random = () => number;
