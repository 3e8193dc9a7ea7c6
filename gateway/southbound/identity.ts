import { type Device, type Point, pollPeriod } from "../model/device.ts";
import { identified } from "../model/identify.ts";
import type { Value } from "../model/value.ts";
import { momentReadings, withInputs } from "./derivation.ts";
import type { PointResult } from "./protocol.ts";

/** A device that waits to be identified is asked as often as for its fastest point, and at least so often, ms. */
const slowestMs = 10_000;
/** How often a device that is another model is asked again, ms: somebody may have put the right one there. */
const wrongMs = 60_000;

/**
 * Whether the device on the line is the model that its profile describes, as far as the profile says
 * how to tell: asked once after every (re)connect, before anything else.
 */
export class Identity {
  /** What has to be read to know; empty when the profile names nothing. */
  readonly points: readonly Point[];
  readonly #device: Device;
  readonly #askingMs: number;
  readonly #results = new Map<Point, PointResult>();
  #phase: "asking" | "known" | "wrong";
  #mismatch: string | undefined;

  constructor(device: Device) {
    const { profile } = device;
    const named = new Set(profile.identify?.map(({ point }) => point));
    const raw = (profile.identifyPoints ?? []).filter(({ name }) => named.has(name));
    const own = profile.points.filter(({ name }) => named.has(name));
    this.points = named.size === 0 ? [] : [...raw, ...withInputs(profile, own)];
    this.#device = device;
    this.#askingMs = profile.points.reduce(
      (least, point) => Math.min(least, pollPeriod(device, point)),
      slowestMs,
    );
    this.#phase = named.size === 0 ? "known" : "asking";
  }

  get phase(): "asking" | "known" | "wrong" {
    return this.#phase;
  }

  /** Nothing is known of a device any more that was away. */
  reset(): void {
    this.#results.clear();
    if (this.points.length > 0) this.#phase = "asking";
  }

  /** Ms between two runs of a request that has a period of `ownMs` when the device is known. */
  period(ownMs: number): number {
    if (this.#phase === "known") return ownMs;
    return this.#phase === "wrong" ? wrongMs : this.#askingMs;
  }

  /**
   * Takes what was read. True when that decided the matter, or decided it anew: `phase` and `mismatch`
   * then say how. `unreadable`: points that the device will not tell.
   */
  take(results: readonly PointResult[], unreadable: ReadonlySet<Point>): boolean {
    if (this.#phase === "known") return false;
    for (const result of results)
      if (this.points.includes(result.point)) this.#results.set(result.point, result);
    if (this.points.some((point) => !this.#results.has(point) && !unreadable.has(point))) return false;
    const found = new Map<string, Value>();
    for (const { name, quality, value } of momentReadings(this.#device, this.#results.values()))
      if (quality === "good" && value !== undefined) found.set(name, value);
    this.#results.clear();
    const verdict = identified(this.#device.profile, found);
    this.#mismatch = "mismatch" in verdict ? verdict.mismatch : undefined;
    this.#phase = "mismatch" in verdict ? "wrong" : "known";
    return true;
  }

  /** Why the device is another one; undefined while that is not known. */
  get mismatch(): string | undefined {
    return this.#phase === "wrong" ? this.#mismatch : undefined;
  }

  /** What is still to be told, for people: undefined when nothing is. */
  get waitsFor(): string | undefined {
    const missing = this.points.find((point) => !this.#results.has(point));
    return this.#phase === "asking" && missing
      ? `not identified yet: waits for "${missing.name}"`
      : undefined;
  }
}
