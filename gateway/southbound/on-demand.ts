import type { Instant } from "../model/clock.ts";
import { type Device, type Point, readablePoints } from "../model/device.ts";
import {
  ConfigError,
  GatewayError,
  LinkError,
  TransientError,
  UnsupportedPointError,
} from "../model/errors.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import { momentReadings, withInputs } from "./derivation.ts";
import type { Job } from "./jobs.ts";
import type { PolledDevice } from "./polled-device.ts";
import type { Driver, PointResult, ReadPlan, ReadRequest } from "./protocol.ts";

/** How one transaction went; `ended`: the line was lost or closed before the device had its say. */
export type Outcome =
  | { readonly kind: "read"; readonly results: PointResult[] }
  | { readonly kind: "failed"; readonly error: GatewayError }
  /** Nothing was asked, and the device is not to blame. */
  | { readonly kind: "unsent"; readonly error: GatewayError }
  | { readonly kind: "ended" };

/** What a read on demand needs of the loop that owns the line. */
export interface AskedLine {
  plan(state: PolledDevice, points: readonly Point[]): ReadPlan;
  /** The next word about points that the device sends by itself; what does not come is missing. */
  hear(
    state: PolledDevice,
    points: readonly Point[],
    signal: AbortSignal | undefined,
  ): Promise<PointResult[]>;
  /** Never rejects. */
  attempt(driver: Driver, state: PolledDevice, request: ReadRequest, ended: AbortSignal): Promise<Outcome>;
  /** Remembers what a refusal taught; the points that are left out because nothing more can be learned. */
  learn(state: PolledDevice, request: ReadRequest, refusal: UnsupportedPointError): readonly Point[];
  stamp(): Instant;
  /** Throws when the line takes no jobs. */
  push(job: Job): void;
}

/** A refused read is narrowed down at most so often. */
const mostAttempts = 32;

/**
 * Reads points now, whatever their class, with the inputs of those that are computed. One reading per
 * point at least; rejects when the line fails.
 */
export async function readPoints(
  line: AskedLine,
  state: PolledDevice,
  points: readonly Point[],
  signal: AbortSignal | undefined,
): Promise<Reading[]> {
  const { device } = state;
  const inputs = withInputs(device.profile, points);
  const results = await readResults(line, state, inputs, signal);
  // Values of one moment: what the polls know has no part in it.
  const asked = new Set(points);
  return momentReadings(device, results).filter(({ point }) => asked.has(point));
}

/** What the device says of these points, a refused read narrowed down; rejects when the line fails. */
export async function readResults(
  line: AskedLine,
  state: PolledDevice,
  points: readonly Point[],
  signal: AbortSignal | undefined,
  attempts = mostAttempts,
): Promise<PointResult[]> {
  const { requests, heard = [] } = line.plan(state, points);
  const answered = new Set([...requests.flatMap((request) => request.points), ...heard]);
  const missing = points
    .filter((point) => !answered.has(point))
    .map((point) => without(point, "config-error", line.stamp(), "no permitted read holds this point"));
  const read = requests.map(async (request): Promise<PointResult[]> => {
    const outcome = await ask(line, state, request, signal);
    if (!(outcome instanceof GatewayError)) return outcome;
    if (
      outcome instanceof UnsupportedPointError &&
      attempts > 0 &&
      line.learn(state, request, outcome).length === 0
    ) {
      return readResults(line, state, request.points, signal, attempts - 1);
    }
    const quality = outcome instanceof TransientError ? "comm-error" : "config-error";
    return request.points.map((point) => without(point, quality, line.stamp(), outcome.message));
  });
  if (heard.length > 0) read.push(listen(line, state, heard, signal));
  return [...(await Promise.all(read)).flat(), ...missing];
}

function without(point: Point, problem: Quality, at: Instant, detail: string): PointResult {
  return { point, at, problem, detail };
}

async function listen(
  line: AskedLine,
  state: PolledDevice,
  points: readonly Point[],
  signal: AbortSignal | undefined,
): Promise<PointResult[]> {
  const found = await line.hear(state, points, signal);
  const spoken = new Set(found.map(({ point }) => point));
  const silent = points
    .filter((point) => !spoken.has(point))
    .map((point) => without(point, "comm-error", line.stamp(), "silent"));
  return [...found, ...silent];
}

/** One transaction ahead of the polls: results, or why the device gave none. Rejects when it was not carried out. */
function ask(
  line: AskedLine,
  state: PolledDevice,
  request: ReadRequest,
  signal: AbortSignal | undefined,
): Promise<PointResult[] | GatewayError> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => reject(signal?.reason);
    const settle = () => signal?.removeEventListener("abort", abort);
    line.push({
      async run(driver, ended) {
        if (signal?.aborted) return;
        const outcome = await line.attempt(driver, state, request, ended);
        settle();
        if (outcome.kind === "read") resolve(outcome.results);
        else if (outcome.kind !== "ended") resolve(outcome.error);
        else reject(ended.reason ?? new LinkError("the line is closed", { code: "closed" }));
      },
      fail(error) {
        settle();
        reject(error);
      },
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The point of that name. Throws ConfigError. */
export function pointOf(device: Device, name: string): Point {
  const points = readablePoints(device.profile);
  const point = points.find((one) => one.name === name);
  if (point) return point;
  throw new ConfigError(`${device.id} has no point ${name}`, {
    code: "unknown-point",
    hint: `it has ${points.map((one) => one.name).join(", ")}`,
  });
}
