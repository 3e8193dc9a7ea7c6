import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Clock, Instant } from "../model/clock.ts";

/**
 * When the wall clock is believed.
 *
 * - `auto`: systemd-timesyncd says so; or there is a hardware clock, or no systemd-timesyncd, and the
 *   time is not below the floor
 * - `always`: at once
 * - `timesync`: only when systemd-timesyncd says so
 */
export type ClockTrust = "auto" | "always" | "timesync";

export interface ClockOptions {
  /** Build time or the last good time stored, Unix ms: the real time cannot be earlier. */
  readonly floor: number;
  readonly trust: ClockTrust;
  /** How often to look for trust, ms. */
  readonly watchMs?: number | undefined;
  /** Seams for tests: whether a file exists, and what the system takes for the time. */
  readonly exists?: ((path: string) => boolean) | undefined;
  readonly wall?: (() => number) | undefined;
}

/** Written by systemd-timesyncd once it has set the clock (systemd-timesyncd.service(8)). */
const synchronized = "/run/systemd/timesync/synchronized";
const timesyncd = ["/usr/lib/systemd/systemd-timesyncd", "/lib/systemd/systemd-timesyncd"];

/** setTimeout may come this much late; the rest of a precise wait is spun. */
const spinMs = 1.5;
const longestTimeoutMs = 2 ** 31 - 1;

/** The system's clock, which also takes the time of a device that knows it. */
export interface OpenClock extends Clock, Disposable {
  /**
   * A receiver of GNSS or the like says: at monotonic `at` it was `unixMs`. Believed while nothing
   * better is known (never with trust `timesync`), and not below the floor. From then on it is this
   * process's time, and later words of the same kind keep it right. Returns whether it is used.
   */
  offer(unixMs: number, at: number): boolean;
}

/** A word that is further from the time it gave before is not used, ms: a receiver does not jump. */
const furthestStepMs = 2000;

/** The system's clock. Disposing ends the watch for trust; timers that are set stay. */
export function openClock(options: ClockOptions): OpenClock {
  return new SystemClock(options);
}

class SystemClock implements OpenClock {
  readonly bootId: string;
  readonly #floor: number;
  readonly #floorAt: number;
  /** Of performance.now(), which is as fine and much cheaper to read, to the kernel's CLOCK_MONOTONIC. */
  readonly #sinceBoot: number;
  readonly #wall: () => number;
  readonly #waiting = new Set<() => void>();
  readonly #trust: ClockTrust;
  #trusted: boolean;
  /** Unix ms at monotonic 0, as a device said it; undefined while the system's own time counts. */
  #offered: number | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor({ floor, trust, watchMs = 1000, exists = existsSync, wall = Date.now }: ClockOptions) {
    this.#sinceBoot = Number(process.hrtime.bigint()) / 1e6 - performance.now();
    this.#floor = floor;
    this.#floorAt = this.monotonic();
    this.#wall = wall;
    this.#trust = trust;
    this.bootId = readBootId();
    const believable = () => isTrusted(trust, wall() >= floor, exists);
    this.#trusted = believable();
    if (this.#trusted) return;
    this.#watch = setInterval(() => {
      if (believable()) this.#believe();
    }, watchMs);
    this.#watch.unref();
  }

  get trusted(): boolean {
    return this.#trusted;
  }

  now(): number {
    // Time goes on from the floor too, or everything below it would have one and the same time.
    const wall = this.#offered === undefined ? this.#wall() : this.#offered + this.monotonic();
    return Math.max(wall, this.#floor + (this.monotonic() - this.#floorAt));
  }

  offer(unixMs: number, at: number): boolean {
    if (this.#trust === "timesync" || (this.#trusted && this.#offered === undefined)) return false;
    const origin = unixMs - at;
    if (origin + this.monotonic() < this.#floor) return false;
    if (this.#offered !== undefined && Math.abs(origin - this.#offered) > furthestStepMs) return false;
    this.#offered = origin;
    if (!this.#trusted) this.#believe();
    return true;
  }

  monotonic(): number {
    return this.#sinceBoot + performance.now();
  }

  stamp(): Instant {
    return this.#trusted ? { base: "unix", ms: this.now() } : { base: "boot", ms: this.monotonic() };
  }

  toUnix(instant: Instant): number | undefined {
    if (instant.base === "unix") return instant.ms;
    return this.#trusted ? instant.ms + (this.now() - this.monotonic()) : undefined;
  }

  /**
   * Never early. Measured on an idle x86-64: a fraction 0.01 ms late (p95 0.2 to 1, about 1 ms of CPU),
   * a whole number 0.3 ms late (0.2 ms of CPU). Whole milliseconds ask for no more than the event loop's own millisecond; a fraction
   * asks for precision, and the last 1.5 ms are then spun, with I/O served in between.
   */
  timer(ms: number, callback: () => void): Disposable {
    const due = this.monotonic() + ms;
    const precise = !Number.isInteger(ms);
    let timeout: NodeJS.Timeout | undefined;
    let immediate: NodeJS.Immediate | undefined;
    const arm = () => {
      const left = due - this.monotonic();
      if (left <= 0 && (timeout || immediate)) callback();
      else if (left <= (precise ? spinMs : 0)) immediate = setImmediate(arm);
      else {
        const wait = precise ? Math.floor(left - spinMs) : Math.ceil(left);
        timeout = setTimeout(arm, Math.min(longestTimeoutMs, Math.max(1, wait)));
      }
    };
    arm();
    return {
      [Symbol.dispose]() {
        clearTimeout(timeout);
        clearImmediate(immediate);
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
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

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  #believe(): void {
    clearInterval(this.#watch);
    this.#trusted = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}

function isTrusted(trust: ClockTrust, plausible: boolean, exists: (path: string) => boolean): boolean {
  if (trust === "always") return true;
  if (exists(synchronized)) return true;
  if (trust === "timesync" || !plausible) return false;
  // By /sys as well: a unit with PrivateDevices= sees no /dev/rtc0.
  return exists("/dev/rtc0") || exists("/sys/class/rtc/rtc0") || !hasTimesyncd(exists);
}

/** Whether systemd-timesyncd will set the clock sooner or later. */
function hasTimesyncd(exists: (path: string) => boolean): boolean {
  if (exists("/run/systemd/timesync")) return true;
  return exists("/run/systemd/system") && timesyncd.some(exists);
}

/** A system that has none gets one for this process: boot times are then never mixed with another run's. */
function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}
