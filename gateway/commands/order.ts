import { type Device, type Point, readablePoints } from "../model/device.ts";
import { pointNameOf } from "../model/formula.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import {
  isRefused,
  type PreparedWrite,
  prepareWrite,
  type WriteInputs,
  writtenPoint,
} from "../model/write.ts";
import type { WriteRule } from "../model/write-rule.ts";

/** Names of the readings (bits too) that a write of this point looks at. */
export function readingsNeeded(device: Device, point: Point): readonly string[] {
  const rule = point.write;
  if (!rule) return [];
  const names = new Set([...(rule.interlock?.needs ?? []), ...(rule.value?.needs ?? [])]);
  for (const step of sequences(rule).flat()) {
    if (step.kind !== "set") continue;
    const target = writtenPoint(device.profile, step.point);
    if (target?.scaleSource) names.add(target.scaleSource.point);
  }
  names.delete("value");
  return [...names];
}

/** The points behind them. */
export function pointsNeeded(device: Device, point: Point): readonly string[] {
  return [...new Set(readingsNeeded(device, point).map(pointNameOf))];
}

/** The good values of them; undefined when one is missing. */
export function inputsOf(
  device: Device,
  point: Point,
  latest: (device: string, point: string) => Reading | undefined,
): WriteInputs | undefined {
  const inputs = new Map<string, Value>();
  for (const name of readingsNeeded(device, point)) {
    const value = latest(device.id, name)?.value;
    if (value === undefined) return undefined;
    inputs.set(name, value);
  }
  return inputs;
}

function sequences(rule: WriteRule): WriteRule["steps"][] {
  return [rule.steps, ...(rule.stepsByValue?.values() ?? [])];
}

/**
 * Whether the point's own reading tells that a write would change nothing: it is read, and a write sets
 * it and nothing else. What is kept alive must be written again even when it is the same.
 */
export function showsItself(device: Device, point: Point): boolean {
  const rule = point.write;
  if (!rule || rule.stepsByValue || rule.keepaliveMs !== undefined) return false;
  const [only, ...more] = rule.steps;
  const plain =
    more.length === 0 && only?.kind === "set" && only.point === point.name && only.value === undefined;
  return plain && readablePoints(device.profile).some(({ name }) => name === point.name);
}

/** Physical writes of one attempt, by point with a budget. At least one of the point itself. */
export function writesOf(
  device: Device,
  point: Point,
  prepared: PreparedWrite | undefined,
): Map<string, number> {
  const writes = new Map<string, number>();
  for (const step of prepared?.steps ?? []) {
    if ("waitMs" in step || step.point === undefined) continue;
    if (writtenPoint(device.profile, step.point)?.write?.budget)
      writes.set(step.point, (writes.get(step.point) ?? 0) + 1);
  }
  if (point.write?.budget && !writes.has(point.name)) writes.set(point.name, 1);
  return writes;
}

/** What a command would write, as far as it can be known before it is written. */
export function foreseen(
  device: Device,
  point: Point,
  value: Value,
  inputs: WriteInputs | undefined,
): PreparedWrite | undefined {
  const prepared = prepareWrite(device.profile, point, value, inputs);
  return isRefused(prepared) ? undefined : prepared;
}
