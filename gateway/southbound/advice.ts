import { type Device, type Point, pollPeriod } from "../model/device.ts";
import { type LinePlanInput, type PlannedRequest, utilisationOf } from "./line-plan.ts";
import type { ReadRequest } from "./protocol.ts";

/** What to change so that the line is used at most to `target`, in words. */
export function advice(input: LinePlanInput, planned: readonly PlannedRequest[], target: number): string {
  const changes: string[] = [];
  const move = fewestMoves(input, planned, target);
  if (move) changes.push(`move ${move.count} points of class ${move.from} to slow`);
  const faster = input.protocol.faster?.(input.settings).find(({ connection }) => {
    return utilisationOf({ ...input, settings: connection }) <= target;
  });
  if (faster) changes.push(faster.change);
  if (changes.length === 0) {
    const factor = utilisationOf(input) / target;
    changes.push(`lengthen all periods ${factor.toFixed(2)} times, or split the devices over more lines`);
  }
  return changes.join(", or ");
}

/** The points of the heaviest class whose move to `slow` makes the plan fit, whole requests at a time. */
function fewestMoves(
  input: LinePlanInput,
  planned: readonly PlannedRequest[],
  target: number,
): { count: number; from: string } | undefined {
  const loads = new Map<string, number>();
  for (const { device, request, costMs, periodMs } of planned) {
    if (!(periodMs < device.poll.slow)) continue;
    const from = className(device, request, periodMs);
    loads.set(from, (loads.get(from) ?? 0) + costMs / periodMs);
  }
  const from = [...loads].sort((a, b) => b[1] - a[1])[0]?.[0];
  if (from === undefined) return undefined;
  const heaviest = planned
    .filter(
      (one) =>
        one.periodMs < one.device.poll.slow && className(one.device, one.request, one.periodMs) === from,
    )
    .sort((a, b) => b.costMs / b.periodMs - a.costMs / a.periodMs);
  const moved = (requests: number) => {
    const points = new Map<Device, Set<Point>>();
    for (const { device, request } of heaviest.slice(0, requests)) {
      const chosen = points.get(device) ?? new Set();
      points.set(device, chosen);
      for (const point of request.points) if (pollPeriod(device, point) < device.poll.slow) chosen.add(point);
    }
    return points;
  };
  const fits = (requests: number) => utilisationOf(slowed(input, moved(requests))) <= target;
  if (!fits(heaviest.length)) return undefined;
  let low = 1;
  let high = heaviest.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  const count = [...moved(low).values()].reduce((sum, points) => sum + points.size, 0);
  return { count, from };
}

function slowed(input: LinePlanInput, points: ReadonlyMap<Device, ReadonlySet<Point>>): LinePlanInput {
  const devices = input.devices.map((device) => ({
    ...device,
    profile: {
      ...device.profile,
      points: device.profile.points.map((point) =>
        points.get(device)?.has(point) ? { ...point, pollClass: "slow" as const } : point,
      ),
    },
  }));
  return { ...input, devices };
}

function className(device: Device, request: ReadRequest, periodMs: number): string {
  const { pollClass } = request.points.find((point) => pollPeriod(device, point) === periodMs)!;
  return typeof pollClass === "string" ? pollClass : `every ${pollClass.everyMs / 1000}s`;
}
