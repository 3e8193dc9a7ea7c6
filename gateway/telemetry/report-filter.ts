import type { Instant } from "../model/clock.ts";
import { type Device, type Point, staleAfter } from "../model/device.ts";
import type { Quality } from "../model/quality.ts";
import { badReadings, type Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";

/** What was last sent under one name. */
interface Sent {
  value: Value;
  /** Monotonic ms. */
  at: number;
  /** The point's spell of good quality in which it was sent. */
  spell: number;
}

interface PointState {
  readonly device: Device;
  readonly point: Point;
  readonly staleAfterMs: number;
  quality: Quality;
  /** Monotonic ms of the last reading of any quality. */
  seenAt: number;
  /** Counts the returns to good quality. */
  spell: number;
  readonly sent: Map<string, Sent>;
}

/**
 * Decides which readings are worth sending. Pure in time: `at` is monotonic milliseconds, so a wall
 * clock that jumps changes nothing.
 *
 * - The first reading of a name always; the first good one after any other quality always, because it
 *   alone says "good again".
 * - Good readings without a report rule always; with one, when the value moved by at least `change`
 *   since the last one sent (any difference when `change` is not given or the value is no number), or
 *   when `withinMs` has passed.
 * - Readings that are not good once per change of quality.
 * - A counter that is lower than what was last sent always, and `reset` is told unless it rolls over.
 */
export class ReportFilter {
  readonly #devices = new Map<string, Map<string, PointState>>();
  readonly #staleAfter: (device: Device, point: Point) => number;

  readonly #reset: (reading: Reading, before: Value) => void;

  constructor(
    reset: (reading: Reading, before: Value) => void = () => {},
    staleAfterMs: (device: Device, point: Point) => number = staleAfter,
  ) {
    this.#reset = reset;
    this.#staleAfter = staleAfterMs;
  }

  /** Whether to send it; if so it counts as sent. */
  passes(reading: Reading, at: number): boolean {
    const { device, point, name, quality, value } = reading;
    const state = this.#state(device, point);
    const before = state.quality;
    const fresh = state.seenAt === Number.NEGATIVE_INFINITY;
    state.seenAt = at;
    state.quality = quality;
    if (quality !== "good" || value === undefined) return fresh || quality !== before;
    if (before !== "good") state.spell++;
    const sent = state.sent.get(name);
    if (!sent) {
      state.sent.set(name, { value, at, spell: state.spell });
      return true;
    }
    const back = point.kind === "counter" && isLess(value, sent.value);
    if (back && point.rollover === undefined) this.#reset(reading, sent.value);
    if (!back && sent.spell === state.spell && !isDue(point, sent, value, at)) return false;
    sent.value = value;
    sent.at = at;
    sent.spell = state.spell;
    return true;
  }

  /**
   * The points that have become stale since the last call, as readings to send; `now` is their time.
   * Call about once a second. A point that is not good already stays what it is.
   */
  expire(at: number, now: Instant): Reading[] {
    const stale: Reading[] = [];
    for (const points of this.#devices.values()) {
      for (const state of points.values()) {
        if (state.quality !== "good" || at - state.seenAt <= state.staleAfterMs) continue;
        state.quality = "stale";
        const age = Math.round((at - state.seenAt) / 1000);
        stale.push(...badReadings(state.device, state.point, "stale", now, `nothing new for ${age} s`));
      }
    }
    return stale;
  }

  /** Forgets a device that is gone or was configured anew: its next readings are first ones. */
  forget(device: string): void {
    this.#devices.delete(device);
  }

  #state(device: Device, point: Point): PointState {
    let points = this.#devices.get(device.id);
    if (!points) {
      points = new Map();
      this.#devices.set(device.id, points);
    }
    let state = points.get(point.name);
    if (!state) {
      state = {
        device,
        point,
        staleAfterMs: this.#staleAfter(device, point),
        quality: "good",
        seenAt: Number.NEGATIVE_INFINITY,
        spell: 0,
        sent: new Map(),
      };
      points.set(point.name, state);
    }
    return state;
  }
}

function isDue(point: Point, sent: Sent, value: Value, at: number): boolean {
  const { report } = point;
  if (!report) return true;
  if (report.withinMs !== undefined && at - sent.at >= report.withinMs) return true;
  return differs(sent.value, value, report.change);
}

function isLess(value: Value, before: Value): boolean {
  const numbers =
    (typeof value === "number" || typeof value === "bigint") &&
    (typeof before === "number" || typeof before === "bigint");
  return numbers && value < before;
}

function differs(before: Value, value: Value, change: number | undefined): boolean {
  const numeric = typeof value === "number" || typeof value === "bigint";
  if (numeric && (typeof before === "number" || typeof before === "bigint")) {
    if (change === undefined) return value !== before;
    const moved =
      typeof value === "bigint" && typeof before === "bigint"
        ? Number(value - before)
        : Number(value) - Number(before);
    // 230.1 - 230 is a hair less than 0.1: a step of exactly `change` must count.
    return Math.abs(moved) >= change * (1 - 1e-9) && moved !== 0;
  }
  if (value instanceof Uint8Array && before instanceof Uint8Array) return Buffer.compare(value, before) !== 0;
  return value !== before;
}
