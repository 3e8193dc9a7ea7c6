import type { Instant } from "../model/clock.ts";
import {
  type Device,
  type DeviceProfile,
  neededPoints,
  type Point,
  readablePoints,
  staleAfter,
} from "../model/device.ts";
import { type Formula, pointNameOf } from "../model/formula.ts";
import type { Quality } from "../model/quality.ts";
import { addReadings, badReadings, type Reading, scaledBy, toReadings } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import type { PointResult } from "./protocol.ts";

/** What was last known of a point that others need. */
interface Known {
  readonly quality: Quality;
  readonly time: Instant;
  /** Monotonic ms. */
  readonly seenAt: number;
  readonly staleAfterMs: number;
}

/** A result that waits for a point that it needs and that was never read. */
interface Waiting {
  readonly result: Extract<PointResult, { raw: unknown }>;
  readonly passes: boolean;
}

/** The points of a profile that take part: undefined when none does. */
interface Graph {
  /** Points that others need. */
  readonly inputs: ReadonlySet<string>;
  /** Points that need others, each after those that it needs. */
  readonly order: readonly Point[];
  readonly dependent: ReadonlySet<Point>;
  readonly needs: ReadonlyMap<Point, readonly string[]>;
}

const graphs = new WeakMap<DeviceProfile, Graph | undefined>();

/** One reading, or one per bit, for what a driver says of a point that needs no other. */
export function resultReadings(device: Device, result: PointResult): Reading[] {
  const readings: Reading[] = [];
  addResultReadings(readings, device, result);
  return readings;
}

/** As `resultReadings`, at the end of a list. */
export function addResultReadings(to: Reading[], device: Device, result: PointResult): void {
  const { point, at } = result;
  if ("problem" in result) to.push(...badReadings(device, point, result.problem, at, result.detail));
  else addReadings(to, device, point, result.raw, at);
}

/** Whether points of this profile are computed, guarded, scaled by others, or hidden. */
export function isDerived(profile: DeviceProfile): boolean {
  return graphOf(profile) !== undefined;
}

/** Points with all that they need, as far as the device is read for it; in the profile's order. */
export function withInputs(profile: DeviceProfile, points: readonly Point[]): readonly Point[] {
  if (!isDerived(profile)) return points;
  const wanted = new Set<string>();
  const byName = new Map(readablePoints(profile).map((point) => [point.name, point]));
  const add = (point: Point | undefined): void => {
    if (!point || wanted.has(point.name)) return;
    wanted.add(point.name);
    for (const name of neededPoints(point)) add(byName.get(name));
  };
  for (const point of points) add(point);
  return profile.points.filter(({ name }) => wanted.has(name));
}

/**
 * Readings of results that belong together, hidden points included, with all that follows from them.
 * Of several results of one point the last one counts.
 */
export function momentReadings(device: Device, results: Iterable<PointResult>): Reading[] {
  const last = [...new Map(Array.from(results, (result) => [result.point, result] as const)).values()];
  return isDerived(device.profile)
    ? new Derivation(device, true).readings(last, 0)
    : last.flatMap((result) => resultReadings(device, result));
}

/**
 * Turns what a driver says about points into readings, with those that follow from them. For one
 * device; remembers the newest value of every point that others need.
 *
 * - A computed point has one reading per batch that brings something new about one of its inputs,
 *   with the time of the newest input. It waits until each of them was read once.
 * - A point with a guard, or with a scale of another point, is one reading per result; it waits until
 *   what it needs was read once.
 * - While an input is not good, or stale, so is what needs it, and it has no value.
 */
export class Derivation {
  readonly #device: Device;
  readonly #graph: Graph;
  readonly #showHidden: boolean;
  readonly #known = new Map<string, Known>();
  readonly #values = new Map<string, Value>();
  readonly #waiting = new Map<Point, Waiting>();

  /** `showHidden`: for who asks for hidden points by name. The profile must be derived. */
  constructor(device: Device, showHidden = false) {
    const graph = graphOf(device.profile);
    if (!graph) throw new RangeError(`${device.profile.id} has no points that need others`);
    this.#device = device;
    this.#graph = graph;
    this.#showHidden = showHidden;
  }

  /**
   * Readings of a batch of results, `now` being monotonic ms. What does not pass is not reported and
   * sets nothing off, but its value counts for others.
   */
  readings(
    results: readonly PointResult[],
    now: number,
    passes: (result: PointResult) => boolean = () => true,
  ): Reading[] {
    const { dependent, inputs, order } = this.#graph;
    const found: Reading[] = [];
    const fresh = new Set<string>();
    const take = (point: Point, readings: readonly Reading[], passed: boolean): void => {
      if (inputs.has(point.name)) this.#remember(point, readings, now);
      if (!passed) return;
      fresh.add(point.name);
      if (!point.hidden || this.#showHidden) found.push(...readings);
    };
    for (const result of results) {
      const { point } = result;
      const passed = passes(result);
      if (dependent.has(point) && "raw" in result) {
        const before = this.#waiting.get(point);
        this.#waiting.set(point, { result, passes: passed || before?.passes === true });
        continue;
      }
      this.#waiting.delete(point);
      if (passed || inputs.has(point.name)) take(point, resultReadings(this.#device, result), passed);
    }
    for (const point of order) {
      if (point.formula) {
        if (!point.formula.needs.some((name) => fresh.has(pointNameOf(name)))) continue;
        const readings = this.#compute(point, point.formula, now);
        if (readings) take(point, readings, true);
        continue;
      }
      const waiting = this.#waiting.get(point);
      const readings = waiting && this.#complete(waiting.result, now);
      if (!readings) continue;
      this.#waiting.delete(point);
      take(point, readings, waiting.passes);
    }
    return found;
  }

  #remember(point: Point, readings: readonly Reading[], now: number): void {
    const [first] = readings;
    if (!first) return;
    const { quality, time } = first;
    const staleAfterMs = this.#known.get(point.name)?.staleAfterMs ?? staleAfter(this.#device, point);
    this.#known.set(point.name, { quality, time, seenAt: now, staleAfterMs });
    for (const { name, value } of readings) if (value !== undefined) this.#values.set(name, value);
  }

  /** Undefined while an input was never read. */
  #compute(point: Point, formula: Formula, now: number): Reading[] | undefined {
    const inputs = this.#inputs(point);
    if (!inputs) return undefined;
    const { time } = inputs.reduce((newest, one) =>
      one.seenAt > newest.seenAt || (one.seenAt === newest.seenAt && one.time.ms > newest.time.ms)
        ? one
        : newest,
    );
    const bad = this.#badInput(point, inputs, now);
    if (bad) return badReadings(this.#device, point, bad.quality, time, bad.detail);
    const result = formula.evaluate(this.#values);
    if ("problem" in result) return badReadings(this.#device, point, "out-of-range", time, result.problem);
    return this.#guarded(point, toReadings(this.#device, point, result.value, time));
  }

  /** Undefined while something that the point needs was never read. */
  #complete({ point, raw, at }: Waiting["result"], now: number): Reading[] | undefined {
    const inputs = this.#inputs(point);
    if (!inputs) return undefined;
    const bad = this.#badInput(point, inputs, now);
    if (bad) return badReadings(this.#device, point, bad.quality, at, bad.detail);
    const { scaleSource } = point;
    if (!scaleSource) return this.#guarded(point, toReadings(this.#device, point, raw, at));
    const given = this.#values.get(scaleSource.point);
    const scaler = given === undefined ? undefined : scaledBy(point, given);
    if (scaler) return this.#guarded(point, toReadings(this.#device, point, raw, at, scaler));
    const detail = `${scaleSource.point} is ${String(given)}, which is no scale`;
    return badReadings(this.#device, point, "config-error", at, detail);
  }

  #inputs(point: Point): readonly Known[] | undefined {
    const inputs: Known[] = [];
    for (const name of this.#graph.needs.get(point) ?? []) {
      const known = this.#known.get(name);
      if (!known) return undefined;
      inputs.push(known);
    }
    return inputs;
  }

  #badInput(
    point: Point,
    inputs: readonly Known[],
    now: number,
  ): { quality: Quality; detail: string } | undefined {
    const index = inputs.findIndex(
      ({ quality, seenAt, staleAfterMs }) => quality !== "good" || now - seenAt > staleAfterMs,
    );
    const input = inputs[index];
    if (!input) return undefined;
    const quality = input.quality === "good" ? "stale" : input.quality;
    return { quality, detail: `needs ${this.#graph.needs.get(point)?.[index]}, which is ${quality}` };
  }

  /** Readings of a point whose guard holds, or the reading that says that it does not. */
  #guarded(point: Point, readings: Reading[]): Reading[] {
    const [reading] = readings;
    if (!point.valid || reading?.value === undefined) return readings;
    const { value, time } = reading;
    const inputs = new Map<string, Value>([["value", value]]);
    for (const name of point.valid.needs) {
      const known = this.#values.get(name);
      if (known !== undefined) inputs.set(name, known);
    }
    const result = point.valid.evaluate(inputs);
    if ("value" in result && result.value === true) return readings;
    const detail =
      "problem" in result ? result.problem : `${describe(value)}: ${point.valid.text} does not hold`;
    return badReadings(this.#device, point, "sentinel", time, detail);
  }
}

function graphOf(profile: DeviceProfile): Graph | undefined {
  if (graphs.has(profile)) return graphs.get(profile);
  const graph = buildGraph(readablePoints(profile));
  graphs.set(profile, graph);
  return graph;
}

function buildGraph(points: readonly Point[]): Graph | undefined {
  const needs = new Map(points.map((point) => [point, neededPoints(point)] as const));
  const isDependent = (point: Point): boolean =>
    point.formula !== undefined || point.valid !== undefined || point.scaleSource !== undefined;
  const dependent = new Set(points.filter(isDependent));
  if (dependent.size === 0 && !points.some((point) => point.hidden)) return undefined;
  const byName = new Map(points.map((point) => [point.name, point]));
  const order = new Set<Point>();
  const begun = new Set<Point>();
  const add = (point: Point): void => {
    if (begun.has(point)) return;
    begun.add(point);
    for (const name of needs.get(point) ?? []) {
      const input = byName.get(name);
      if (input && dependent.has(input)) add(input);
    }
    order.add(point);
  };
  for (const point of dependent) add(point);
  return { inputs: new Set([...needs.values()].flat()), order: [...order], dependent, needs };
}

function describe(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
}
