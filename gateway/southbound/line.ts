import type { Clock } from "../model/clock.ts";
import type { Point } from "../model/device.ts";
import type { GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import { Breakers, defaultBreakerLimits } from "./breaker.ts";
import { Delivery } from "./delivery.ts";
import { Expected } from "./expected.ts";
import { reasonOf } from "./failure.ts";
import { type Job, JobQueue } from "./jobs.ts";
import { LoadMeter } from "./load-meter.ts";
import type { LoopOptions } from "./loop-options.ts";
import type { PolledDevice, PollTask } from "./polled-device.ts";
import type { Driver } from "./protocol.ts";
import { ReplyTimes } from "./reply-times.ts";
import { Schedule } from "./schedule.ts";
import { Silence } from "./silence.ts";
import type { ConnectionState } from "./status.ts";
import { Wake } from "./wake.ts";

/**
 * What the parts of one connection's loop share: who is on the line, how it fares, and the ways to
 * tell about it. The parts: `link` (open, pause, serve), `device-states` (planning, identity,
 * availability), `polls` (transactions and what follows from them), `writes` and `setups` (what is
 * written, each in a `write-turn`).
 */
export class Line {
  readonly options: LoopOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly closing = new AbortController();
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly devices = new Map<string, PolledDevice>();
  readonly breakers: Breakers;
  readonly jobs: JobQueue;
  readonly expected: Expected;
  readonly delivery: Delivery;
  readonly wake: Wake;
  readonly meter: LoadMeter;
  readonly replies = new ReplyTimes();
  readonly silence: Silence;
  /** Whether the link that is open is a port of this machine: not a network. */
  isLocal = true;
  /** Transactions that failed, by error code; bounded. */
  readonly errors = new Map<string, number>();
  /** Part of the line's time for probes of dead units, and as much for requests that are put off. */
  readonly spareShare: number;
  schedule = new Schedule<PollTask>();
  /** While the link is open. */
  driver: Driver | undefined;
  /** Gives up the link that is open. */
  broken: AbortController | undefined;
  state: ConnectionState = "idle";
  lastError: GatewayError | undefined;
  /** Since when each turn that is under way has been, monotonic ms; the oldest first. */
  readonly turns = new Map<symbol, number>();
  /** When a bug ended the loop, monotonic ms. */
  brokeAt: number | undefined;
  /** Attempts to open since a device gave a sign of life. */
  attempts = 0;
  /** Whether people were told that the line is down. */
  downReported = false;

  constructor(options: LoopOptions) {
    const { clock, log, random, signal } = options.context;
    const limits = options.breaker ?? defaultBreakerLimits;
    this.options = options;
    this.clock = clock;
    this.log = log.child({ connection: options.connection });
    this.signal = AbortSignal.any([signal, this.closing.signal]);
    this.breakers = new Breakers(random, limits);
    this.spareShare = limits.probeShare;
    this.jobs = new JobQueue(options.commandShare);
    this.expected = new Expected(clock);
    this.delivery = new Delivery(options.sink, clock, this.log);
    this.wake = new Wake(clock);
    this.meter = new LoadMeter(clock.monotonic());
    this.silence = new Silence(clock.monotonic());
  }

  /** Whether this is still the device that goes by its name: else what it says belongs to nobody. */
  has(state: PolledDevice): boolean {
    return this.devices.get(state.device.id) === state;
  }

  /** Throws why nothing more is done on this line, if so. */
  check(): void {
    if (this.state === "failed" || this.state === "closed" || this.signal.aborted)
      throw reasonOf(this.signal, this.lastError);
  }

  /** Does one turn of the line. */
  async turn(work: () => Promise<void>): Promise<void> {
    const key = Symbol("turn");
    this.turns.set(key, this.clock.monotonic());
    try {
      await work();
    } finally {
      this.turns.delete(key);
    }
  }

  push(job: Job): void {
    this.check();
    this.jobs.push(job);
    this.expected.came();
    this.wake.notify();
  }

  /** The link is not to be used any more. */
  giveUp(error: GatewayError): void {
    this.broken?.abort(error);
  }

  pass(state: PolledDevice, readings: readonly Reading[]): void {
    // Never rejects; `room` watches how many are on their way.
    void this.delivery.deliver(state.device, readings);
  }

  problems(state: PolledDevice, points: readonly Point[], quality: Quality, detail: string): Reading[] {
    return state.problems(points, quality, this.clock.stamp(), detail, this.clock.monotonic());
  }

  /** The device gave a sign of life, and so did the line. */
  back(state: PolledDevice): void {
    this.attempts = 0;
    this.silence.heard(this.clock.monotonic());
    if (this.downReported) this.log.info({}, "the line is back");
    this.downReported = false;
    if (!state.isReady) return;
    if (state.availability === "unavailable")
      this.log.info({ device: state.device.id }, "the device is back");
    state.availability = "available";
    state.problem = undefined;
  }

  /** One reading per point and one line in the log, at the change only. */
  unavailable(state: PolledDevice, error: GatewayError, quality: Quality = "comm-error"): void {
    if (state.availability === "unavailable") return;
    state.availability = "unavailable";
    state.problem = `${error.code}: ${error.message}`;
    this.log.warn(
      { device: state.device.id, code: error.code, error: error.message, hint: error.hint },
      "the device is not available",
    );
    this.pass(
      state,
      state.unavailableReadings(quality, this.clock.stamp(), error.code, this.clock.monotonic()),
    );
  }
}
