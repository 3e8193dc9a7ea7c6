import type { Instant } from "../model/clock.ts";
import { type Device, type Point, pollPeriod } from "../model/device.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import { addResultReadings, Derivation, isDerived } from "./derivation.ts";
import { Identity } from "./identity.ts";
import { requestPeriod } from "./line-plan.ts";
import type { Learned, PointResult, Protocol, ReadRequest } from "./protocol.ts";
import { Remembered } from "./remembered.ts";
import type { Task } from "./schedule.ts";
import { Setbacks } from "./setbacks.ts";
import { Setup, setupPeriodMs, setupRequest } from "./setup.ts";

export type Availability = "unknown" | "available" | "unavailable";

/** One request of a device, as the schedule repeats it. */
export interface PollTask extends Task {
  readonly device: string;
  readonly request: ReadRequest;
}

export interface PlanChange {
  readonly added: readonly PollTask[];
  readonly removed: readonly PollTask[];
  /** Points that no request answers, named for the first time since the device was connected. */
  readonly unreadable: readonly Point[];
}

const mostErrorCodes = 32;

/** One more of this error code; beyond a number of codes they are `other`. */
export function countCode(counts: Map<string, number>, code: string): void {
  const key = counts.has(code) || counts.size < mostErrorCodes ? code : "other";
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** What the loop knows of one device while it runs: its plan, what it taught, how it fares. */
export class PolledDevice {
  readonly device: Device;
  learned: Learned;
  availability: Availability = "unknown";
  /** Why it is not available, or cannot be polled at all. */
  problem: string | undefined;
  lastSeen: Instant | undefined;
  /** Smoothed time of one answered request, ms. */
  replyMs: number | undefined;
  readonly errors = new Map<string, number>();
  readonly leftOut = new Set<Point>();
  /** Requests that fail while others are answered, by label. */
  readonly setbacks = new Setbacks();
  readonly identity: Identity;
  readonly setup: Setup;
  /** What writes look at. */
  readonly remembered: Remembered;
  /** Who is writing it: one at a time. */
  writer: object | undefined;
  /** Undefined for the many whose points all stand for themselves. */
  readonly #derivation: Derivation | undefined;
  #probes = 0;
  /** Points that only say who the device is. */
  readonly #onlyTells: ReadonlySet<Point>;
  readonly #passedAt = new Map<Point, number>();
  readonly #heardOf = new Map<Point, { at: number; good: boolean }>();
  /** Whether it cannot be planned: it is left alone. */
  unplanned = false;
  /** Whether the line cannot carry it beside the others: it is left alone. */
  refused = false;
  /** Points that the device sends by itself. */
  heard: ReadonlySet<Point> = new Set();
  #tasks = new Map<string, PollTask>();

  constructor(device: Device, learned: Learned) {
    this.device = device;
    this.learned = learned;
    this.identity = new Identity(device);
    this.setup = new Setup(device);
    this.remembered = new Remembered(device);
    this.#onlyTells = new Set(device.profile.identifyPoints);
    this.#derivation = isDerived(device.profile) ? new Derivation(device) : undefined;
  }

  /** Whether it is known who it is and it is set up: then it is polled, and what it says counts. */
  get isReady(): boolean {
    return this.identity.phase === "known" && this.setup.phase === "done";
  }

  /** Whether it waits to be set up. */
  get isSettling(): boolean {
    return this.identity.phase === "known" && this.setup.phase !== "done";
  }

  get tasks(): readonly PollTask[] {
    return [...this.#tasks.values()];
  }

  /** Whether this request fails as ever, while there are others that do not. */
  saysNothing({ label }: ReadRequest): boolean {
    return this.setbacks.has(label) && this.setbacks.count < this.#tasks.size;
  }

  /** What to ask a unit that was silent: the cheapest first, then the others in turn, as one may be the very one it never answers. */
  probe(): PollTask | undefined {
    const byCost = this.tasks.toSorted((a, b) => a.costMs - b.costMs);
    return byCost[this.#probes++ % byCost.length];
  }

  /** A new chance for everything: points left out, and points that are read once; and it may be another device. */
  reconnect(): readonly PollTask[] {
    const removed = this.tasks;
    this.identity.reset();
    this.setup.reset();
    this.remembered.clear();
    this.#tasks = new Map();
    this.leftOut.clear();
    this.#passedAt.clear();
    this.#heardOf.clear();
    return removed;
  }

  /**
   * Plans what is not left out; while it is not known who the device is, only what tells; and until it
   * is set up, that. Requests that stay the same keep their tasks, and with them their place in the
   * schedule. Throws what the protocol's plan throws.
   */
  plan(protocol: Pick<Protocol, "plan">, settings: unknown): PlanChange {
    const { device, identity } = this;
    const known = identity.phase === "known";
    const wanted = (known ? device.profile.points : identity.points).filter(
      (point) => !this.leftOut.has(point) && !(known && this.#isDone(point)),
    );
    const planned = protocol.plan(settings, device, wanted, this.learned);
    const { heard = [] } = planned;
    const requests = this.isSettling ? [setupRequest] : planned.requests;
    this.heard = new Set([...heard, ...[...this.heard].filter((point) => this.#isDone(point))]);
    const answered = new Set([...requests.flatMap((request) => request.points), ...heard]);
    const unreadable = this.isSettling ? [] : wanted.filter((point) => !answered.has(point));
    for (const point of unreadable) this.leftOut.add(point);
    const before = this.#tasks;
    const added: PollTask[] = [];
    this.#tasks = new Map();
    for (const request of requests) {
      const key = JSON.stringify([identity.phase, request.label, ...request.points.map(({ name }) => name)]);
      const kept = before.get(key);
      before.delete(key);
      const task = kept ?? {
        device: device.id,
        request,
        costMs: request.costMs,
        periodMs: this.isSettling ? setupPeriodMs : identity.period(requestPeriod(device, request)),
      };
      if (!kept) added.push(task);
      this.#tasks.set(key, task);
    }
    this.setbacks.keep(new Set(requests.map(({ label }) => label)));
    added.sort((a, b) => a.periodMs - b.periodMs);
    return { added, removed: [...before.values()], unreadable };
  }

  /**
   * Results of one request as readings, with those that follow from them. A point that rides along in
   * a request of a faster class is passed on in its own rhythm, and a point that is read once only once.
   */
  readings(results: readonly PointResult[], task: PollTask, now: number, stretch: number): Reading[] {
    return this.derive(results, now, (result) => this.#passes(result, task, now, stretch));
  }

  /** Readings of what passes, and of what follows from it. */
  derive(
    results: readonly PointResult[],
    now: number,
    passes: (result: PointResult) => boolean = () => true,
  ): Reading[] {
    if (this.#derivation) return this.#derivation.readings(results, now, passes);
    const readings: Reading[] = [];
    for (const result of results) if (passes(result)) addResultReadings(readings, this.device, result);
    return readings;
  }

  /** What these points say while they have no value, and what follows for others. */
  problems(points: readonly Point[], problem: Quality, at: Instant, detail: string, now: number): Reading[] {
    return this.derive(
      points.map((point) => ({ point, at, problem, detail })),
      now,
    );
  }

  #passes(result: PointResult, task: PollTask, now: number, stretch: number): boolean {
    const { point } = result;
    const period = pollPeriod(this.device, point);
    if (period > task.periodMs) {
      const last = this.#passedAt.get(point);
      if (last !== undefined && now - last < (period - task.periodMs / 2) * stretch) return false;
    }
    // A point that is read once is not done before it gave a value.
    if (!("problem" in result) || Number.isFinite(period)) this.#passedAt.set(point, now);
    return true;
  }

  /**
   * Which of these words are passed on: a point that is heard more often than its class asks for is
   * thinned out; events, and a change from good to bad or back, always pass.
   */
  thinned(results: readonly PointResult[], now: number): PointResult[] {
    return results.filter((result) => {
      const { point } = result;
      if (this.#onlyTells.has(point)) return false;
      const good = !("problem" in result);
      const before = this.#heardOf.get(point);
      this.#heardOf.set(point, { at: now, good });
      const passedAt = this.#passedAt.get(point);
      if (passedAt !== undefined && before?.good === good && point.kind !== "event") {
        const period = pollPeriod(this.device, point);
        const interval = Math.min(period, now - before.at);
        if (now - passedAt < period - interval / 2) return false;
      }
      if (good || Number.isFinite(pollPeriod(this.device, point))) this.#passedAt.set(point, now);
      return true;
    });
  }

  spoke(at: Instant): void {
    this.lastSeen = at;
  }

  answered(tookMs: number, at: Instant): void {
    this.lastSeen = at;
    this.replyMs = this.replyMs === undefined ? tookMs : this.replyMs + (tookMs - this.replyMs) / 8;
  }

  count(code: string): void {
    countCode(this.errors, code);
  }

  /** One reading without a value for every point that could have had one. */
  unavailableReadings(quality: Quality, time: Instant, detail: string, now: number): Reading[] {
    const points = this.device.profile.points.filter((point) => !this.leftOut.has(point));
    return this.problems(points, quality, time, detail, now);
  }

  #isDone(point: Point): boolean {
    return pollPeriod(this.device, point) === Number.POSITIVE_INFINITY && this.#passedAt.has(point);
  }
}
