import type { Point } from "../model/device.ts";
import type { Value } from "../model/value.ts";

/** Where a number starts when no example says: what a device at rest shows. By unit. */
const usual: Readonly<Record<string, number>> = {
  V: 230,
  A: 4,
  W: 900,
  VA: 950,
  var: 120,
  Hz: 50,
  Cel: 20,
  "%RH": 45,
  "/": 0.5,
  "m/s": 3,
  deg: 180,
  m: 1,
  Pa: 101_300,
  hPa: 1013,
  lx: 300,
};
/** Seconds of one swing of a gauge. */
const swingS = 300;
/** How far it swings, as a part of its value. */
const swing = 0.03;

/**
 * A plausible value of a point at a time, from what an example says it has: gauges swing a little,
 * counters rise, states stay. Deterministic. Undefined where nothing plausible is known.
 *
 * @param seconds since the simulation began
 * @param example what the profile's example says of this point
 */
export function specimen(point: Point, seconds: number, example: Value | undefined): Value | undefined {
  // What does not lead straight back to a raw value stays what the example gives.
  if (point.bits || point.hidden || point.scaleSource || point.curve || point.kind === "id") return undefined;
  if (point.labels) return typeof example === "string" ? example : point.labels.values().next().value?.en;
  if (typeof example === "boolean" || typeof example === "string" || example instanceof Uint8Array)
    return example;
  if (point.kind === "text") return undefined;
  if (point.kind === "state" && point.unit === undefined) return false;
  const start = Number(example ?? usual[point.unit ?? ""] ?? 1);
  const value =
    point.kind === "counter"
      ? start + seconds * Math.max(Math.abs(start) * 1e-5, 0.001)
      : start * (1 + swing * Math.sin((2 * Math.PI * seconds) / swingS + phase(point.name)));
  if (!point.range) return value;
  const [low, high] = point.range;
  return Math.min(high, Math.max(low, value));
}

/** Points do not swing in step. */
function phase(name: string): number {
  let sum = 0;
  for (const sign of name) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 628;
  return sum / 100;
}
