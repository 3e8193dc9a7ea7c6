import { type Device, type Point, pollPeriod } from "../model/device.ts";
import { feasibility } from "./feasibility.ts";
import type { Learned, Protocol, ReadRequest } from "./protocol.ts";

/** One connection as configured, before anything is opened. */
export interface LinePlanInput {
  readonly connection: string;
  readonly protocol: Pick<Protocol, "plan" | "faster" | "describeLearned">;
  readonly settings: unknown;
  readonly devices: readonly Device[];
  /** By device; nothing learned unless given. */
  readonly learned?: ((device: Device) => Learned) | undefined;
}

export interface PlannedRequest {
  readonly device: Device;
  readonly request: ReadRequest;
  readonly costMs: number;
  readonly periodMs: number;
}

/** Milliseconds between two runs of a request: the shortest period of its points. */
export function requestPeriod(device: Device, request: ReadRequest): number {
  return request.points.reduce(
    (least, point) => Math.min(least, pollPeriod(device, point)),
    Number.POSITIVE_INFINITY,
  );
}

/** Every read of every device of a line. Throws what the protocol's plan throws. */
export function planLine(input: LinePlanInput): {
  planned: PlannedRequest[];
  capacity: number;
  /** Points that devices send by themselves, which cost the line nothing that could be planned. */
  heard: Set<Point>;
} {
  let capacity = 1;
  const heard = new Set<Point>();
  const planned = input.devices.flatMap((device) => {
    const plan = input.protocol.plan(input.settings, device, device.profile.points, learnedOf(input, device));
    capacity = Math.max(capacity, plan.concurrency ?? 1);
    for (const point of plan.heard ?? []) heard.add(point);
    return plan.requests.map((request) => ({
      device,
      request,
      costMs: request.costMs,
      periodMs: requestPeriod(device, request),
    }));
  });
  return { planned, capacity, heard };
}

export function utilisationOf(input: LinePlanInput): number {
  const { planned, capacity } = planLine(input);
  return feasibility(planned, capacity).utilisation;
}

export function learnedOf(input: LinePlanInput, device: Device): Learned {
  return input.learned?.(device) ?? {};
}
