import type { Instant } from "./clock.ts";
import { along } from "./curve.ts";
import { gcd, isZero, linear, narrow, type Rational, rational, rounder } from "./decimal.ts";
import type { Device, MaskedSentinel, Point } from "./device.ts";
import type { PrivacyStep } from "./privacy.ts";
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
  /** Privacy steps that it has gone through, in order; each step adds itself. The pack builder's door looks at it. */
  readonly through?: readonly PrivacyStep[] | undefined;
}

/** Maps raw numbers to values; NaN where there is none. */
export type Scaler = (raw: number | bigint) => number | bigint;

/**
 * Turns a raw value into readings: one, or one per bit of a bit field. Never invents a value:
 * what is absent, unknown or out of range comes back with that quality and no value.
 *
 * @param scaler of a point whose scale another point gives (`scaledBy`): without it, it has no value
 */
export function toReadings(
  device: Device,
  point: Point,
  raw: RawValue,
  time: Instant,
  scaler?: Scaler,
): Reading[] {
  const readings: Reading[] = [];
  addReadings(readings, device, point, raw, time, scaler);
  return readings;
}

/** As `toReadings`, at the end of a list: one list serves a whole answer. */
export function addReadings(
  to: Reading[],
  device: Device,
  point: Point,
  raw: RawValue,
  time: Instant,
  scaler?: Scaler,
): void {
  if (isAbsent(point, raw)) to.push(bad(device, point, "sentinel", time, `raw ${describe(raw)}`));
  else if (point.bits) to.push(...bitReadings(device, point, point.bits, raw, time));
  else to.push(valueReading(device, point, raw, time, scaler));
}

function valueReading(
  device: Device,
  point: Point,
  raw: RawValue,
  time: Instant,
  scaler: Scaler | undefined,
): Reading {
  if (point.labels) return labelReading(device, point, point.labels, raw, time);
  if (typeof raw !== "number" && typeof raw !== "bigint") return good(device, point, raw, time);
  if (typeof raw === "number" && !Number.isFinite(raw)) {
    return bad(device, point, "sentinel", time, `raw ${raw}`);
  }
  if (point.kind === "id") return good(device, point, identifier(point, raw), time);
  const value = (scaler ?? scalerOf(point))(raw);
  if (typeof value === "number" && !Number.isFinite(value)) {
    return bad(device, point, "out-of-range", time, `raw ${raw} ${withoutValue(point)}`);
  }
  return inRange(device, point, value, time);
}

function inRange(device: Device, point: Point, value: number | bigint, time: Instant): Reading {
  const { range } = point;
  if (!range || (value >= range[0] && value <= range[1])) return good(device, point, value, time);
  return bad(device, point, "out-of-range", time, `${value} is not within ${range[0]}..${range[1]}`);
}

function withoutValue({ curve, scaleSource }: Point): string {
  if (curve) return `is not within ${curve[0]![0]}..${curve.at(-1)![0]}, the ends of its curve`;
  if (scaleSource) return `has no scale: "${scaleSource.point}" is not known`;
  return "has no value that a number can hold";
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

const scalers = new WeakMap<Point, Scaler>();

/** The point's raw-to-value map, compiled once. */
function scalerOf(point: Point): Scaler {
  const known = scalers.get(point);
  if (known) return known;
  const compiled = compileScaler(point);
  scalers.set(point, compiled);
  return compiled;
}

function compileScaler({ curve, scaleSource, scale, offset, resolution }: Point): Scaler {
  if (scaleSource) return () => Number.NaN;
  if (curve) {
    const round = resolution && rounder(resolution);
    return (raw) => {
      const value = along(curve, Number(raw)) ?? Number.NaN;
      return round ? round(value) : value;
    };
  }
  return rounded(linear(scale, offset), resolution);
}

function rounded(map: Scaler, resolution: Rational | undefined): Scaler {
  if (!resolution) return map;
  const round = rounder(resolution);
  return (raw) => {
    const value = map(raw);
    return typeof value === "number" && !Number.isInteger(value) ? round(value) : value;
  };
}

/** Beyond this a power of ten is no scale but a mistake. */
const largestExponent = 30;
/** One point's scale of late: it changes seldom or never. */
const lastScales = new WeakMap<Point, { readonly given: Value; readonly scaler: Scaler }>();

/**
 * The map of a point whose scale another point gives, for that point's present value; exact. Undefined
 * when that value is no scale: no number, 0, or no whole power of ten.
 */
export function scaledBy(point: Point, given: Value): Scaler | undefined {
  const last = lastScales.get(point);
  if (last && last.given === given) return last.scaler;
  const scale = scaleFrom(point, given);
  if (!scale || isZero(scale)) return undefined;
  const scaler = rounded(linear(scale, point.offset), point.resolution ?? gcd(scale, point.offset));
  lastScales.set(point, { given, scaler });
  return scaler;
}

/** The factor that a scale point's value means. */
export function scaleFrom({ scaleSource }: Point, given: Value): Rational | undefined {
  if (typeof given !== "number" && typeof given !== "bigint") return undefined;
  if (scaleSource?.as === "exponent") {
    const exponent = Number(given);
    return Number.isInteger(exponent) && Math.abs(exponent) <= largestExponent
      ? rational(`1e${exponent}`)
      : undefined;
  }
  try {
    return rational(given);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function identifier({ format }: Point, raw: number | bigint): string {
  if (format === undefined || !Number.isInteger(Number(raw))) return String(raw);
  const bits = BigInt.asUintN(64, BigInt(raw));
  return format.replaceAll(/\{(n|hex|[0-7])\}/g, (_all, part: string) => {
    if (part === "n") return String(raw);
    if (part === "hex") return bits.toString(16).toUpperCase();
    return String((bits >> BigInt(8 * Number(part))) & 0xffn);
  });
}

function isAbsent(point: Point, raw: RawValue): boolean {
  return point.absent.length > 0 && point.absent.some((absent) => isSentinel(absent, raw));
}

function isSentinel(absent: RawValue | "nan" | MaskedSentinel, raw: RawValue): boolean {
  if (typeof absent === "object" && "mask" in absent) return isMasked(absent, raw);
  if (typeof raw === "number" || typeof raw === "bigint") {
    if (absent === "nan") return Number.isNaN(raw);
    return (typeof absent === "number" || typeof absent === "bigint") && isSameNumber(absent, raw);
  }
  if (raw instanceof Uint8Array) return absent instanceof Uint8Array && Buffer.compare(absent, raw) === 0;
  return absent === raw;
}

function isMasked({ mask, values }: MaskedSentinel, raw: RawValue): boolean {
  if (typeof raw !== "bigint" && !(typeof raw === "number" && Number.isInteger(raw))) return false;
  return values.includes(BigInt(raw) & mask);
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
