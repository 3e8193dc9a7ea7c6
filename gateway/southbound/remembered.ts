import { type Device, type DeviceProfile, type Point, pollPeriod, staleAfter } from "../model/device.ts";
import { pointNameOf } from "../model/formula.ts";
import type { Value } from "../model/value.ts";
import { momentReadings, withInputs } from "./derivation.ts";
import type { PointResult } from "./protocol.ts";

interface Entry {
  result: PointResult | undefined;
  /** Monotonic ms. */
  at: number;
}

const looked = new WeakMap<DeviceProfile, readonly Point[]>();

/** Points that writes of this profile look at: what is written, what its rules need, and where it shows. */
function lookedAt(profile: DeviceProfile): readonly Point[] {
  const known = looked.get(profile);
  if (known) return known;
  const names = new Set<string>();
  for (const { name, write, scaleSource } of [...profile.points, ...(profile.commands ?? [])]) {
    if (!write) continue;
    names.add(name);
    for (const needed of [...(write.interlock?.needs ?? []), ...(write.value?.needs ?? [])])
      names.add(pointNameOf(needed));
    if (write.verify?.point !== undefined) names.add(write.verify.point);
    if (scaleSource) names.add(scaleSource.point);
  }
  for (const { point, verify } of profile.setup ?? []) {
    if (point !== undefined) names.add(point);
    if (verify?.point !== undefined) names.add(verify.point);
  }
  const all = [...profile.points, ...(profile.computed ?? [])];
  const found = withInputs(
    profile,
    all.filter(({ name }) => names.has(name)),
  ).filter(({ formula }) => !formula);
  looked.set(profile, found);
  return found;
}

/**
 * What a device said last of the points that writes look at, and when. Of a device that cannot be
 * written it remembers nothing; else it allocates nothing per poll.
 */
export class Remembered {
  readonly #device: Device;
  readonly #entries = new Map<Point, Entry>();

  constructor(device: Device) {
    this.#device = device;
    for (const point of lookedAt(device.profile)) this.#entries.set(point, { result: undefined, at: 0 });
  }

  take(results: readonly PointResult[], now: number): void {
    if (this.#entries.size === 0) return;
    for (const result of results) {
      const entry = this.#entries.get(result.point);
      if (!entry) continue;
      entry.result = result;
      entry.at = now;
    }
  }

  /** Nothing is known any more of a device that was away. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.result = undefined;
  }

  /** What was said of a point at most so long ago, unless that was a problem. */
  result(point: Point, now: number, longestMs: number): PointResult | undefined {
    const entry = this.#entries.get(point);
    if (!entry?.result || "problem" in entry.result) return undefined;
    return now - entry.at <= longestMs ? entry.result : undefined;
  }

  /** As `result`, for as long as the point is not stale; for ever where it is read once only. */
  lasting(point: Point, now: number): PointResult | undefined {
    const once = !Number.isFinite(pollPeriod(this.#device, point));
    return this.result(point, now, once ? Number.POSITIVE_INFINITY : staleAfter(this.#device, point));
  }

  /** The last good value of a point, unless it is stale. */
  value(point: Point, now: number): Value | undefined {
    const inputs = withInputs(this.#device.profile, [point]).filter(({ formula }) => !formula);
    const results = inputs.flatMap((input) => this.lasting(input, now) ?? []);
    if (results.length < inputs.length) return undefined;
    return momentReadings(this.#device, results).find(({ name }) => name === point.name)?.value;
  }
}
