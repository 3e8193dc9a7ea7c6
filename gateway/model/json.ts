import type { Clock } from "./clock.ts";
import type { Reading } from "./reading.ts";
import type { Value } from "./value.ts";

/** A reading as the local API and the command line show it. */
export interface ReadingJson {
  readonly device: string;
  readonly point: string;
  /** Absent unless the quality is good. 64-bit integers beyond 2^53 and bytes come as strings (decimal, hex). */
  readonly value?: number | boolean | string;
  readonly unit?: string;
  readonly quality: string;
  /** ISO 8601 UTC with milliseconds; absent while the clock is not trusted. */
  readonly time?: string;
  /** Milliseconds since boot, while the clock is not trusted. */
  readonly bootMs?: number;
  readonly detail?: string;
}

export function readingToJson(reading: Reading, clock: Clock): ReadingJson {
  const unix = clock.toUnix(reading.time);
  return {
    device: reading.device.id,
    point: reading.name,
    ...(reading.value === undefined ? {} : { value: valueToJson(reading.value) }),
    ...(reading.point.unit === undefined ? {} : { unit: reading.point.unit }),
    quality: reading.quality,
    ...(unix === undefined ? { bootMs: reading.time.ms } : { time: new Date(unix).toISOString() }),
    ...(reading.detail === undefined ? {} : { detail: reading.detail }),
  };
}

export function valueToJson(value: Value): number | boolean | string {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return value;
}
