import type { Instant } from "./clock.ts";
import { linear, narrow, rounder } from "./decimal.ts";
import type { Device, Point } from "./device.ts";
import type { Quality } from "./quality.ts";
import type { RawValue, Value } from "./value.ts";

/** A point's value at a time, with a quality. `value` is there exactly when the quality is good. */
export interface Reading {
  readonly device: Device;
  readonly point: Point;
  /** The point's name, or `<point>/<bit>` for one bit of a bit field. */
  readonly name: string;
  readonly quality: Quality;
  readonly value?: Value | undefined;
  /** When the frame that carried it ended. */
  readonly time: Instant;
  /** Why a reading is not good: the raw value, the exception, the error code. For people and events. */
  readonly detail?: string | undefined;
}

/**
 * Turns a raw value into readings: one, or one per bit of a bit field. Never invents a value:
 * what is absent, unknown or out of range comes back with that quality and no value.
 */
export function toReadings(device: Device, point: Point, raw: RawValue, time: Instant): Reading[] {
  if (isAbsent(point, raw)) return badReadings(device, point, "sentinel", time, `raw ${describe(raw)}`);
  if (point.bits) return bitReadings(device, point, point.bits, raw, time);
  if (point.labels) return [labelReading(device, point, point.labels, raw, time)];
  if (typeof raw !== "number" && typeof raw !== "bigint") return [good(device, point, raw, time)];
  if (typeof raw === "number" && !Number.isFinite(raw)) {
    return [bad(device, point, "sentinel", time, `raw ${raw}`)];
  }
  const value = scaler(point)(raw);
  if (typeof value === "number" && !Number.isFinite(value)) {
    return [bad(device, point, "out-of-range", time, `raw ${raw} has no value that a number can hold`)];
  }
  if (point.range && (value < point.range[0] || value > point.range[1])) {
    return [
      bad(device, point, "out-of-range", time, `${value} is not within ${point.range[0]}..${point.range[1]}`),
    ];
  }
  return [good(device, point, value, time)];
}

/** What a point without a value says: one reading under its own name, which for a bit field holds for all its bits. */
export function badReadings(
  device: Device,
  point: Point,
  quality: Quality,
  time: Instant,
  detail?: string,
): Reading[] {
  return [bad(device, point, quality, time, detail)];
}

const scalers = new WeakMap<Point, (raw: number | bigint) => number | bigint>();

/** The point's raw-to-value map, compiled once. */
function scaler(point: Point): (raw: number | bigint) => number | bigint {
  const known = scalers.get(point);
  if (known) return known;
  const map = linear(point.scale, point.offset);
  const round = point.resolution && rounder(point.resolution);
  const compiled = round
    ? (raw: number | bigint) => {
        const value = map(raw);
        return typeof value === "number" && !Number.isInteger(value) ? round(value) : value;
      }
    : map;
  scalers.set(point, compiled);
  return compiled;
}

function isAbsent(point: Point, raw: RawValue): boolean {
  return point.absent.some((absent) => isSentinel(absent, raw));
}

function isSentinel(absent: RawValue | "nan", raw: RawValue): boolean {
  if (typeof raw === "number" || typeof raw === "bigint") {
    if (absent === "nan") return Number.isNaN(raw);
    return (typeof absent === "number" || typeof absent === "bigint") && isSameNumber(absent, raw);
  }
  if (raw instanceof Uint8Array) return absent instanceof Uint8Array && Buffer.compare(absent, raw) === 0;
  return absent === raw;
}

/** Whether a sentinel, as written in a profile, is this raw value: 5 and 5n are the same. */
function isSameNumber(absent: number | bigint, raw: number | bigint): boolean {
  if (absent === raw) return true;
  if (typeof absent === "bigint") return typeof raw === "number" && isInteger(raw, absent);
  if (typeof raw === "bigint") return isInteger(absent, raw);
  // A profile says -9999.9 or 3.4028235e38 where a 32-bit float can only hold its neighbour.
  return !Number.isSafeInteger(absent) && raw === Math.fround(absent);
}

function isInteger(value: number, integer: bigint): boolean {
  return Number.isInteger(value) && BigInt(value) === integer;
}

function labelReading(
  device: Device,
  point: Point,
  labels: NonNullable<Point["labels"]>,
  raw: RawValue,
  time: Instant,
): Reading {
  const key = typeof raw === "boolean" ? Number(raw) : typeof raw === "bigint" ? narrow(raw) : raw;
  const label = (typeof key === "number" ? labels.get(key) : undefined) ?? point.otherLabel;
  if (!label) return bad(device, point, "out-of-range", time, `unknown state ${describe(raw)}`);
  return good(device, point, label.en, time);
}

function bitReadings(
  device: Device,
  point: Point,
  bits: NonNullable<Point["bits"]>,
  raw: RawValue,
  time: Instant,
): Reading[] {
  if (typeof raw !== "bigint" && !(typeof raw === "number" && Number.isInteger(raw))) {
    return [bad(device, point, "config-error", time, `bits need an integer, got ${describe(raw)}`)];
  }
  const word = BigInt(raw);
  return Array.from(bits, ([bit, name]) => ({
    device,
    point,
    name: `${point.name}/${name}`,
    quality: "good" as const,
    value: ((word >> BigInt(bit)) & 1n) === 1n,
    time,
  }));
}

function good(device: Device, point: Point, value: Value, time: Instant): Reading {
  return { device, point, name: point.name, quality: "good", value, time };
}

function bad(device: Device, point: Point, quality: Quality, time: Instant, detail?: string): Reading {
  return { device, point, name: point.name, quality, time, detail };
}

function describe(raw: RawValue): string {
  return raw instanceof Uint8Array ? Buffer.from(raw).toString("hex") : String(raw);
}
