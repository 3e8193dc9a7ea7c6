import type { Clock, Instant } from "../model/clock.ts";
import type { Device, Point } from "../model/device.ts";
import { ConfigError, RefusedError } from "../model/errors.ts";
import { type Reading, toReadings } from "../model/reading.ts";

/** A value that was computed outside the gateway, as it is handed in. */
export interface DerivedValue {
  readonly point: string;
  readonly value: number | boolean | string;
  /** Where given it must be the point's own: nothing is converted. */
  readonly unit?: string | undefined;
  /** Unix ms; the present moment where none is given. */
  readonly time?: number | undefined;
}

/** A value from the future is one of a wrong clock; small differences between machines are not. */
const mostAheadMs = 60_000;
/** Older values are no news but history, which has no way in. */
const oldestMs = 24 * 3_600_000;
const longestText = 200;

/**
 * The reading that a derived value becomes; it goes the way of every other one. Throws ConfigError
 * `unknown-point`, and RefusedError `wrong-type`, `wrong-unit`, `out-of-range`, `bad-time` or `clock-untrusted`.
 */
export function derivedReading(device: Device | undefined, given: DerivedValue, clock: Clock): Reading {
  const point = device?.profile.points.find(({ name }) => name === given.point);
  if (!device || !point)
    throw new ConfigError(`no derived point ${given.point}`, {
      code: "unknown-point",
      hint: "declare it under derivedPoints of gateway.yaml, with its unit and audience",
    });
  checkValue(point, given);
  const [reading] = toReadings(device, point, given.value, timeOf(given, clock));
  if (reading?.quality !== "good")
    throw new RefusedError(reading?.detail ?? "it has no value", { code: "out-of-range" });
  return reading;
}

function checkValue(point: Point, { value, unit }: DerivedValue): void {
  const wanted = point.rawKind === "float" ? "number" : point.rawKind === "boolean" ? "boolean" : "string";
  if (typeof value !== wanted || (typeof value === "number" && !Number.isFinite(value)))
    throw new RefusedError(`${point.name} takes a ${wanted === "string" ? "text" : wanted}`, {
      code: "wrong-type",
    });
  if (typeof value === "string" && value.length > longestText)
    throw new RefusedError(`a text has at most ${longestText} characters`, { code: "out-of-range" });
  if (unit !== undefined && unit !== point.unit)
    throw new RefusedError(`${point.name} is in ${point.unit ?? "no unit"}, not in ${unit}`, {
      code: "wrong-unit",
      hint: "nothing is converted: compute it in the unit that gateway.yaml declares",
    });
}

function timeOf({ time }: DerivedValue, clock: Clock): Instant {
  if (time === undefined) return clock.stamp();
  if (!clock.trusted)
    throw new RefusedError("the gateway's clock is not right yet: a time cannot be judged", {
      code: "clock-untrusted",
    });
  const ahead = time - clock.now();
  if (ahead > mostAheadMs) throw new RefusedError("its time lies in the future", { code: "bad-time" });
  if (-ahead > oldestMs) throw new RefusedError("it is older than a day", { code: "bad-time" });
  return { base: "unix", ms: Math.round(time) };
}
