import { one, zero } from "../model/decimal.ts";
import { type Device, type Point, readablePoints } from "../model/device.ts";
import type { Value } from "../model/value.ts";
import { sameValue, writtenPoint } from "../model/write.ts";
import type { RawKind, SetupStep, VerifyRule } from "../model/write-rule.ts";

/** A 32-bit float keeps so much of a value. */
const floatPrecision = 2 ** -23;

/**
 * Where it shows what a point is: a point of the profile, or a place that is read in the form of the
 * written one. Undefined when nothing shows it.
 */
export function shownAt(device: Device, point: Point, verify: VerifyRule | undefined): Point | undefined {
  const readable = readablePoints(device.profile);
  if (verify?.point !== undefined) return readable.find(({ name }) => name === verify.point);
  if (verify?.address !== undefined) return { ...point, address: verify.address, write: undefined };
  return readable.find(({ name }) => name === point.name);
}

/** As `shownAt`, for a step of a setup. A place that is no point shows its raw value. */
export function shownOf(
  device: Device,
  step: SetupStep,
  index: number,
  rawKind: (address: unknown) => RawKind,
): Point | undefined {
  if (step.point !== undefined) {
    const point = writtenPoint(device.profile, step.point);
    return point && shownAt(device, point, step.verify);
  }
  if (!step.verify) return undefined;
  const address = step.verify.address ?? step.address;
  const place: Point = {
    name: `setup_${index + 1}`,
    address,
    rawKind: rawKind(address),
    scale: one,
    offset: zero,
    kind: "state",
    pollClass: "once",
    absent: [],
    personal: false,
  };
  return step.verify.point === undefined ? place : shownAt(device, place, step.verify);
}

/**
 * Whether what is shown is what was wanted: within the tolerance, and within what the shown point can
 * tell apart (half a step of its resolution, the digits of a 32-bit float).
 */
export function isShown(seen: Value, wanted: Value, shown: Point, tolerance = 0): boolean {
  if (seen instanceof Uint8Array && wanted instanceof Uint8Array) return Buffer.compare(seen, wanted) === 0;
  if (sameValue(seen, wanted)) return true;
  const [is, should] = [numberOf(seen), numberOf(wanted)];
  if (is === undefined || should === undefined) return false;
  const { resolution, rawKind } = shown;
  const step = resolution ? Math.abs(Number(resolution.numerator) / Number(resolution.denominator)) / 2 : 0;
  const float = rawKind === "float" ? Math.abs(should) * floatPrecision : 0;
  const rounding = Math.abs(should) * 4 * Number.EPSILON;
  return Math.abs(is - should) <= Math.max(tolerance, step, float) + rounding;
}

function numberOf(value: Value): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}
