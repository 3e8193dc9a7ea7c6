// Longer than most: the life of one connection in one place, open to close. What can be decided
// without waiting lives in schedule, breaker, jobs, delivery and polled-device.
import { type Device, type Point, readablePoints } from "../model/device.ts";
import {
  ConfigError,
  GatewayError,
  LinkError,
  StorageError,
  TransientError,
  UnsupportedPointError,
} from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Quality } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import { type BreakerLimits, Breakers, defaultBreakerLimits } from "./breaker.ts";
import { Delivery, type Sink } from "./delivery.ts";
import { defaultSilenceMs, Hearing } from "./hearing.ts";
import { JobQueue } from "./jobs.ts";
import { LoadMeter } from "./load-meter.ts";
import { momentsOf } from "./moments.ts";
import { type AskedLine, type Outcome, pointOf, readPoints, readResults } from "./on-demand.ts";
import { type PlanChange, PolledDevice, type PollTask } from "./polled-device.ts";
import {
  type Driver,
  type Learned,
  type PointResult,
  type Protocol,
  type ReadRequest,
  type SouthboundContext,
  unsent,
} from "./protocol.ts";
import { Schedule } from "./schedule.ts";
import type { ConnectionState, ConnectionStatus, DeviceStatus } from "./status.ts";
import { Wake } from "./wake.ts";
import type { WriteOrder, WriteOutcome } from "./write-order.ts";

/** Keeps what devices taught, so that it is not learned again after a restart. */
export interface LearnedStore {
  load(device: Device): Promise<Learned> | Learned;
  save(device: Device, learned: Learned): Promise<void> | void;
}

/** Pauses before a lost link is opened again, ms: doubled from the first to the longest, jittered. */
export interface ReopenPauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A port that is plugged in again is back at once; nobody else is disturbed by trying. */
export const serialReopen: ReopenPauses = { firstMs: 250, longestMs: 1000 };
export const networkReopen: ReopenPauses = { firstMs: 500, longestMs: 30_000 };
/** Full jitter may say 0; this keeps a link that fails at once from being tried without a pause. */
const shortestPauseMs = 100;
/** Code of a device that is not the model that its profile describes. */
const wrongDevice = "wrong-device";

export interface LoopOptions {
  /** Its id in gateway.yaml. */
  readonly connection: string;
  readonly protocol: Protocol;
  readonly settings: unknown;
  readonly devices: readonly Device[];
  readonly context: Omit<SouthboundContext, "emit">;
  readonly sink: Sink;
  readonly learnedStore: LearnedStore;
  /** `networkReopen` unless given. */
  readonly reopen?: ReopenPauses | undefined;
  readonly breaker?: BreakerLimits | undefined;
}

/** The loop of one connection. Disposing ends it and closes the link; safe to call twice. */
export interface ConnectionLoop extends AsyncDisposable {
  readonly connection: string;
  /**
   * Reads points now, ahead of polls, all readable points unless named. One reading per point at
   * least; a device that does not answer gives `comm-error` readings. Rejects with ConfigError
   * (unknown device or point), LinkError, TransientError (`queue-full`) or the signal's reason.
   */
  readNow(device: string, points?: readonly string[], signal?: AbortSignal): Promise<Reading[]>;
  /**
   * Carries out one write in one turn of the line, ahead of polls and within their bounded share. Says
   * on the way what is known (`order.progress`). Rejects with RefusedError (the device, or `prepare`,
   * said no), ConfigError (this protocol or device cannot be written), TransientError (`no-answer`,
   * `not-verified`, `queue-full`), LinkError, or the signal's reason when it had not begun.
   */
  write(device: string, order: WriteOrder, signal?: AbortSignal): Promise<WriteOutcome>;
  /** Adds a device or replaces the one with its id. The schedule of the others stays as it is. */
  setDevice(device: Device): Promise<void>;
  removeDevice(device: string): void;
  learned(device: string): Learned;
  status(): ConnectionStatus;
}

/** Starts the loop of one connection. The link is opened as soon as there is a device; failures are retried inside. */
export async function openLoop(options: LoopOptions): Promise<ConnectionLoop> {
  const loop = new Loop(options);
  for (const device of options.devices) await loop.setDevice(device);
  loop.run();
  return loop;
}

class Loop implements ConnectionLoop {
  readonly connection: string;
  readonly #options: LoopOptions;
  readonly #protocol: Protocol;
  readonly #context: Omit<SouthboundContext, "emit">;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #devices = new Map<string, PolledDevice>();
  readonly #breakers: Breakers;
  readonly #jobs = new JobQueue();
  /** Part of the line's time for probes of dead units, and as much for requests that are put off. */
  readonly #spareShare: number;
  readonly #delivery: Delivery;
  readonly #wake: Wake;
  readonly #meter: LoadMeter;
  readonly #hearing: Hearing;
  /** What a read on demand needs of this loop. */
  readonly #asked: AskedLine = {
    plan: (state, points) => this.#protocol.plan(this.#options.settings, state.device, points, state.learned),
    hear: (state, points, signal) => this.#hear(state, points, signal),
    attempt: (driver, state, request, ended) => this.#attempt(driver, state, request, ended),
    learn: (state, request, refusal) => this.#learn(state, request, refusal),
    stamp: () => this.#context.clock.stamp(),
    push: (job) => {
      if (this.#state === "failed" || this.#state === "closed" || this.#signal.aborted) {
        throw reasonOf(this.#signal, this.#lastError);
      }
      this.#jobs.push(job);
      this.#wake.notify();
    },
  };
  #schedule = new Schedule<PollTask>();
  #driver: Driver | undefined;
  #broken: AbortController | undefined;
  #state: ConnectionState = "idle";
  #lastError: GatewayError | undefined;
  #attempts = 0;
  #linkReported = false;
  #saving: Promise<void> = Promise.resolve();
  #running: Promise<void> = Promise.resolve();

  constructor(options: LoopOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#protocol = options.protocol;
    this.#context = options.context;
    this.#log = options.context.log.child({ connection: options.connection });
    this.#signal = AbortSignal.any([options.context.signal, this.#closing.signal]);
    const limits = options.breaker ?? defaultBreakerLimits;
    this.#breakers = new Breakers(options.context.random, limits);
    this.#spareShare = limits.probeShare;
    this.#delivery = new Delivery(options.sink, options.context.clock, this.#log);
    this.#wake = new Wake(options.context.clock);
    this.#meter = new LoadMeter(options.context.clock.monotonic());
    this.#hearing = new Hearing(options.context.clock, (state, ms) => this.#unheard(state, ms));
  }

  run(): void {
    const wake = () => this.#wake.notify();
    this.#signal.addEventListener("abort", wake);
    this.#running = this.#live()
      .catch((error: unknown) => {
        // A bug of ours takes down this connection alone.
        this.#fail(asGatewayError(error));
        this.#log.error({ error: stackOf(error) }, "the connection's loop broke: a bug");
      })
      .finally(() => {
        this.#signal.removeEventListener("abort", wake);
        if (this.#state !== "failed") this.#state = "closed";
        this.#jobs.failAll(reasonOf(this.#signal, this.#lastError));
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#saving;
  }

  async setDevice(device: Device): Promise<void> {
    const learned = await this.#recall(device);
    this.removeDevice(device.id);
    const state = new PolledDevice(device, learned);
    this.#devices.set(device.id, state);
    this.#breakers.add(device.id);
    if (this.#driver) this.#connect(state);
    void this.#listen();
    this.#wake.notify();
  }

  /** What cannot be recalled is learned again. */
  async #recall(device: Device): Promise<Learned> {
    try {
      return await this.#options.learnedStore.load(device);
    } catch (error) {
      this.#log.warn({ device: device.id, error: String(error) }, "what was learned cannot be read");
      return {};
    }
  }

  removeDevice(device: string): void {
    const state = this.#devices.get(device);
    if (!state) return;
    this.#schedule.remove(...state.tasks);
    this.#hearing.forget(state);
    this.#breakers.remove(device);
    this.#devices.delete(device);
    void this.#listen();
  }

  learned(device: string): Learned {
    return this.#devices.get(device)?.learned ?? {};
  }

  async readNow(deviceId: string, names?: readonly string[], signal?: AbortSignal): Promise<Reading[]> {
    const state = this.#devices.get(deviceId);
    if (!state) {
      throw new ConfigError(`no device ${deviceId} on ${this.connection}`, { code: "unknown-device" });
    }
    const points = names
      ? names.map((name) => pointOf(state.device, name))
      : readablePoints(state.device.profile).filter((point) => !point.hidden);
    const { identity } = state;
    if (state.refused) return this.#problems(state, points, "config-error", state.problem ?? "refused");
    if (identity.phase === "asking")
      this.#identify(state, await readResults(this.#asked, state, identity.points, signal));
    if (identity.mismatch !== undefined) return this.#problems(state, points, "config-error", wrongDevice);
    return readPoints(this.#asked, state, points, signal);
  }

  write(device: string, order: WriteOrder, signal?: AbortSignal): Promise<WriteOutcome> {
    throw new ConfigError(`nothing can be written yet: ${device} ${order.point} ${signal?.aborted}`, {
      code: "cannot-write",
    });
  }

  status(): ConnectionStatus {
    const now = this.#context.clock.monotonic();
    const error = this.#lastError;
    return {
      connection: this.connection,
      state: this.#state,
      lastError: error && { code: error.code, message: error.message, hint: error.hint },
      utilisation: this.#meter.read(now) / (this.#driver?.concurrency ?? 1),
      demanded: this.#schedule.utilisation,
      stretch: this.#schedule.stretch,
      missed: this.#schedule.missed,
      dropped: this.#delivery.dropped,
      statistics: { ...this.#driver?.statistics },
      unknown: this.#driver?.unknown?.(),
      devices: Array.from(this.#devices.values(), (state) => this.#deviceStatus(state)),
    };
  }

  #deviceStatus(state: PolledDevice): DeviceStatus {
    return {
      device: state.device.id,
      availability: state.availability,
      problem: state.problem ?? state.identity.waitsFor,
      lastSeen: state.lastSeen,
      breaker: this.#breakers.state(state.device.id),
      replyMs: state.replyMs,
      errors: Object.fromEntries(state.errors),
      leftOut: Array.from(state.leftOut, (point) => point.name),
      learned: this.#protocol.describeLearned?.(state.learned) ?? [],
    };
  }

  // ---- the link ----

  async #live(): Promise<void> {
    while (!this.#signal.aborted) {
      if (this.#devices.size === 0) {
        this.#state = "idle";
        await this.#wake.wait();
        continue;
      }
      let driver: Driver;
      try {
        this.#state = "opening";
        driver = await this.#open();
      } catch (error) {
        if (this.#signal.aborted) return;
        if (error instanceof ConfigError) return this.#fail(error);
        this.#linkDown(asGatewayError(error), true);
        await this.#pause();
        continue;
      }
      try {
        await this.#serve(driver);
      } finally {
        this.#driver = undefined;
        await this.#close(driver);
      }
      if (!this.#signal.aborted) await this.#pause();
    }
  }

  #open(): Promise<Driver> {
    const { clock, random, connect } = this.#context;
    return this.#protocol.open(this.#options.settings, {
      clock,
      random,
      connect,
      log: this.#log,
      signal: this.#signal,
      emit: (device, results, mark) => this.#emit(device, results, mark),
      marks: this.#context.marks,
      memory: this.#context.memory,
      timeSource: this.#context.timeSource,
      sandbox: this.#context.sandbox,
      names: this.#context.names && { ...this.#context.names, connection: this.connection },
    });
  }

  /** A link that cannot be closed properly is gone all the same. */
  async #close(driver: Driver): Promise<void> {
    try {
      await driver[Symbol.asyncDispose]();
    } catch (error) {
      this.#log.warn({ error: String(error) }, "closing the line failed");
    }
  }

  async #pause(): Promise<void> {
    const { firstMs, longestMs } = this.#options.reopen ?? networkReopen;
    const full = Math.min(longestMs, firstMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    this.#state = "waiting";
    try {
      await this.#context.clock.sleep(Math.max(shortestPauseMs, full * this.#context.random()), this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }

  /** `failed`: opening did not work, so that the devices are really out of reach. */
  #linkDown(error: GatewayError, failed: boolean): void {
    this.#lastError = error;
    if (!this.#linkReported) {
      this.#linkReported = true;
      this.#log.warn({ code: error.code, error: error.message, hint: error.hint }, "the line is down");
    }
    if (!failed) return;
    this.#jobs.failAll(error);
    for (const state of this.#devices.values()) this.#unavailable(state, error);
  }

  #fail(error: GatewayError): void {
    this.#state = "failed";
    this.#lastError = error;
    this.#log.error({ code: error.code, error: error.message, hint: error.hint }, "the line cannot be used");
    for (const state of this.#devices.values()) this.#unavailable(state, error);
    this.#jobs.failAll(error);
  }

  /** Works the line until it is lost or the loop ends. */
  async #serve(driver: Driver): Promise<void> {
    const { clock } = this.#context;
    const broken = new AbortController();
    const ended = AbortSignal.any([this.#signal, driver.lost, broken.signal]);
    const wake = () => this.#wake.notify();
    ended.addEventListener("abort", wake);
    this.#driver = driver;
    this.#broken = broken;
    this.#state = "open";
    this.#breakers.reset();
    // A network carries a burst; on a slow line it would only stand in everybody's way.
    const spread = this.#protocol.isLocal?.(this.#options.settings) ?? true;
    this.#schedule = new Schedule(driver.concurrency, spread);
    for (const state of this.#devices.values()) this.#connect(state);
    // Whom the line refuses is not to be asked; but a driver that never says must not hold up the end.
    await Promise.race([this.#listen(), new Promise((end) => ended.addEventListener("abort", end))]);
    const running = new Set<Promise<void>>();
    while (!ended.aborted) {
      if (!this.#delivery.hasRoom) await this.#delivery.room(ended);
      const work = running.size < driver.concurrency ? this.#next(driver, ended) : undefined;
      if (work && driver.concurrency === 1) await work();
      else if (work) {
        const done: Promise<void> = work().finally(() => {
          running.delete(done);
          this.#wake.notify();
        });
        running.add(done);
      } else {
        const due = running.size < driver.concurrency ? this.#dueAt() : undefined;
        await this.#wake.wait(due === undefined ? undefined : due - clock.monotonic());
      }
    }
    ended.removeEventListener("abort", wake);
    this.#hearing.clear();
    await Promise.allSettled(running);
    if (this.#signal.aborted) return;
    this.#linkDown(asGatewayError(ended.reason), false);
  }

  #dueAt(): number | undefined {
    const poll = this.#schedule.dueAt() ?? Number.POSITIVE_INFINITY;
    const probe = this.#breakers.dueAt() ?? Number.POSITIVE_INFINITY;
    const due = Math.min(poll, probe);
    return Number.isFinite(due) ? due : undefined;
  }

  /** Starts what comes next: what was asked for, a dead unit's probe, or the most urgent poll. */
  #next(driver: Driver, ended: AbortSignal): (() => Promise<void>) | undefined {
    const now = this.#context.clock.monotonic();
    const due = this.#schedule.dueAt();
    const job = this.#jobs.next(due !== undefined && due <= now);
    if (job) return () => job.run(driver, ended);
    if (!driver.read) return undefined;
    const dead = this.#breakers.next(now);
    const state = dead === undefined ? undefined : this.#devices.get(dead);
    if (dead !== undefined && state) {
      const probe = state.probe();
      if (probe) return () => this.#poll(driver, state, probe, ended, true);
      this.#breakers.succeeded(dead);
    }
    const task = this.#schedule.next(now);
    const polled = task && this.#devices.get(task.device);
    return polled && (() => this.#poll(driver, polled, task, ended, false));
  }

  // ---- one device ----

  /** Plans the device anew, as after a reconnect; everything is read as soon as possible. */
  #connect(state: PolledDevice): void {
    if (!this.#driver) return;
    this.#schedule.remove(...state.reconnect());
    this.#plan(state, true);
    this.#watch(state);
    this.#identify(state, []);
  }

  #watch(state: PolledDevice): void {
    if (!this.#driver?.listen || state.heard.size === 0) return;
    this.#hearing.watch(
      state,
      this.#protocol.silentAfter?.(this.#options.settings, state.device) ?? defaultSilenceMs,
    );
  }

  /** Tells a driver whose devices speak first who is on the line, and leaves alone whom it refuses. */
  async #listen(): Promise<void> {
    const driver = this.#driver;
    if (!driver?.listen) return;
    try {
      await this.#tell(driver);
    } catch (error) {
      this.#log.error({ error: stackOf(error) }, "listening broke");
      this.#broken?.abort(asGatewayError(error));
    }
  }

  async #tell(driver: Driver): Promise<void> {
    // What cannot be planned cannot be listened to either.
    const states = [...this.#devices.values()].filter(({ unplanned }) => !unplanned);
    const refused = (await driver.listen?.(states.map(({ device }) => device))) ?? [];
    for (const state of states) {
      const before = state.refused;
      const error = refused.find(({ device }) => device === state.device)?.error;
      state.refused = error !== undefined;
      if (this.#devices.get(state.device.id) !== state || this.#driver !== driver) continue;
      if (error) {
        this.#schedule.remove(...state.reconnect());
        this.#hearing.forget(state);
        this.#unavailable(state, error, "config-error");
      } else if (before) {
        state.availability = "unknown";
        state.problem = undefined;
        this.#connect(state);
      }
    }
  }

  #plan(state: PolledDevice, first: boolean): void {
    const now = this.#context.clock.monotonic();
    let change: PlanChange;
    state.unplanned = true;
    try {
      change = state.plan(this.#protocol, this.#options.settings);
      state.unplanned = false;
    } catch (error) {
      // One device that cannot be planned is left out alone.
      this.#schedule.remove(...state.reconnect());
      const known = asGatewayError(error);
      if (!(error instanceof GatewayError))
        this.#log.error({ error: stackOf(error) }, "planning broke: a bug");
      this.#unavailable(state, known, known instanceof ConfigError ? "config-error" : "comm-error");
      return;
    }
    this.#schedule.remove(...change.removed);
    for (const task of change.added) this.#schedule.add(task, now, first);
    if (state.identity.phase === "known")
      this.#pass(state, this.#unreadable(state, change.unreadable, "no permitted read holds this point"));
  }

  /** What a device says of who it is. Once that is known its points are polled, or it is left alone. True from then on. */
  #identify(state: PolledDevice, results: readonly PointResult[]): boolean {
    const { identity } = state;
    const before = identity.phase;
    if (!identity.take(results, state.leftOut)) return false;
    if (identity.mismatch === undefined) {
      this.#back(state);
      this.#plan(state, true);
      this.#watch(state);
      return true;
    }
    state.leftOut.clear();
    if (before !== "wrong") {
      state.availability = "unknown";
      const hint = "check the wiring, the address and the profile; it is asked again once a minute";
      this.#unavailable(
        state,
        new ConfigError(identity.mismatch, { code: wrongDevice, hint }),
        "config-error",
      );
    }
    this.#plan(state, false);
    return false;
  }

  async #poll(
    driver: Driver,
    state: PolledDevice,
    task: PollTask,
    ended: AbortSignal,
    probe: boolean,
  ): Promise<void> {
    const { clock } = this.#context;
    const startedAt = clock.monotonic();
    const outcome = await this.#attempt(driver, state, task.request, ended);
    const now = clock.monotonic();
    // The device may have been removed or replaced meanwhile: then this belongs to nobody.
    if (this.#devices.get(state.device.id) !== state) return;
    if (outcome.kind === "ended") {
      if (probe) this.#breakers.abandoned(state.device.id);
      return;
    }
    if (outcome.kind === "unsent") {
      // Nothing was tried and nothing is known: the next turn comes as if this one had been held up.
      if (probe) this.#breakers.failed(state.device.id, now, 0);
      else this.#schedule.passed(task, now);
      return;
    }
    this.#jobs.polled(now - startedAt);
    if (!probe) {
      const putOffMs = this.#setback(state, task, outcome, now - startedAt);
      this.#schedule.done(task, startedAt, now, outcome.kind === "read", putOffMs);
    }
    if (outcome.kind === "read" && state.identity.phase !== "known") {
      this.#identify(state, outcome.results);
    } else if (outcome.kind === "read") {
      this.#pass(state, state.readings(outcome.results, task, now, this.#schedule.stretch));
    } else if (outcome.error instanceof UnsupportedPointError) {
      this.#refused(state, task.request, outcome.error);
    } else if (outcome.error instanceof ConfigError) {
      if (probe) this.#breakers.failed(state.device.id, now, 0);
      this.#impossible(state, task.request, outcome.error);
    }
  }

  /** A request that can never be made as things are configured: its points are left out until reconnect. */
  #impossible(state: PolledDevice, { points }: ReadRequest, error: ConfigError): void {
    if (state.identity.phase === "known") this.#pass(state, this.#unreadable(state, points, error.message));
    for (const point of points) state.leftOut.add(point);
    this.#plan(state, false);
    if (state.tasks.length > 0 || state.heard.size > 0) return;
    this.#unavailable(state, error, "config-error");
  }

  /** How long to put off a request that fails again and again while its unit answers others, ms. */
  #setback(state: PolledDevice, { request }: PollTask, outcome: Outcome, costMs: number): number {
    const { setbacks } = state;
    if (outcome.kind !== "failed" || !(outcome.error instanceof TransientError)) {
      setbacks.answered(request.label);
      return 0;
    }
    if (setbacks.failed(request.label)) this.#notAnswered(state, request, outcome.error);
    if (!setbacks.has(request.label)) return 0;
    // All that are put off share the line's spare time.
    let count = 0;
    for (const one of this.#devices.values())
      if (this.#breakers.state(one.device.id) === "closed") count += one.setbacks.count;
    return (costMs * count) / this.#spareShare;
  }

  /** One reading per point and one line in the log, at the change only. */
  #notAnswered(state: PolledDevice, request: ReadRequest, { code, message, hint }: GatewayError): void {
    if (state.availability === "unavailable") return;
    // What it is cannot be known without that answer.
    if (state.identity.phase !== "known") {
      this.#unavailable(state, new TransientError(message, { code, hint }));
      return;
    }
    this.#log.warn(
      { device: state.device.id, request: request.label, code, error: message, hint },
      "the device does not answer this request: it is asked less often",
    );
    this.#pass(state, this.#problems(state, request.points, "comm-error", code));
  }

  /** One transaction, with all that follows for the device whoever asked for it. Never rejects. */
  async #attempt(
    driver: Driver,
    state: PolledDevice,
    request: ReadRequest,
    ended: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.#context;
    const startedAt = clock.monotonic();
    try {
      if (!driver.read) throw new ConfigError("this protocol cannot be asked", { code: "cannot-read" });
      const results = await driver.read(state.device, request, ended);
      const now = clock.monotonic();
      this.#meter.add(now - startedAt, now);
      this.#answered(state, startedAt);
      return { kind: "read", results };
    } catch (error) {
      const now = clock.monotonic();
      this.#meter.add(now - startedAt, now);
      if (ended.aborted) return { kind: "ended" };
      if (error instanceof LinkError) {
        this.#broken?.abort(error);
        return { kind: "ended" };
      }
      const known = asGatewayError(error);
      if (known.code === unsent) return { kind: "unsent", error: known };
      if (known.code === "internal" && !state.errors.has(known.code)) {
        this.#log.error({ device: state.device.id, error: stackOf(error) }, "reading broke: a bug");
      }
      state.count(known.code);
      // A device that says no is alive.
      if (known instanceof TransientError) this.#silent(state, request, known, now - startedAt);
      // What cannot be asked at all says nothing about the device.
      else if (!(known instanceof ConfigError)) this.#answered(state, startedAt);
      return { kind: "failed", error: known };
    }
  }

  #answered(state: PolledDevice, startedAt: number): void {
    const { clock } = this.#context;
    const now = clock.monotonic();
    if (this.#devices.get(state.device.id) !== state) return;
    state.answered(now - startedAt, clock.stamp());
    this.#back(state);
    if (!this.#breakers.succeeded(state.device.id)) return;
    // It may have been replaced or restarted: what it refused before may work now.
    this.#schedule.remove(...state.reconnect());
    this.#plan(state, false);
  }

  /** The device gave a sign of life, and so did the line. */
  #back(state: PolledDevice): void {
    this.#attempts = 0;
    if (this.#linkReported) this.#log.info({}, "the line is back");
    this.#linkReported = false;
    if (state.identity.phase !== "known") return;
    if (state.availability === "unavailable")
      this.#log.info({ device: state.device.id }, "the device is back");
    state.availability = "available";
    state.problem = undefined;
  }

  #silent(state: PolledDevice, request: ReadRequest, error: GatewayError, costMs: number): void {
    const { id } = state.device;
    if (this.#devices.get(id) !== state) return;
    // A request that is known for its silence says nothing about the unit, as long as others speak for it.
    if (this.#breakers.state(id) === "closed" && state.saysNothing(request)) return;
    const dead = this.#breakers.failed(id, this.#context.clock.monotonic(), costMs);
    if (!dead) return;
    this.#schedule.remove(...state.tasks);
    this.#unavailable(state, error);
  }

  /** One reading per point and one line in the log, at the change only. */
  #unavailable(state: PolledDevice, error: GatewayError, quality: Quality = "comm-error"): void {
    if (state.availability === "unavailable") return;
    state.availability = "unavailable";
    state.problem = `${error.code}: ${error.message}`;
    this.#log.warn(
      { device: state.device.id, code: error.code, error: error.message, hint: error.hint },
      "the device is not available",
    );
    const { clock } = this.#context;
    this.#pass(state, state.unavailableReadings(quality, clock.stamp(), error.code, clock.monotonic()));
  }

  #refused(state: PolledDevice, request: ReadRequest, error: UnsupportedPointError): void {
    const left = this.#learn(state, request, error);
    if (state.identity.phase === "known") this.#pass(state, this.#unreadable(state, left, error.message));
    this.#plan(state, false);
    this.#identify(state, []);
  }

  /** Remembers what a refusal taught. Returns the points that are now left out. */
  #learn(state: PolledDevice, request: ReadRequest, refusal: UnsupportedPointError): readonly Point[] {
    const learned = this.#protocol.learn(request, state.learned, refusal);
    if (!learned) {
      for (const point of request.points) state.leftOut.add(point);
      return request.points;
    }
    state.learned = learned;
    const { learnedStore } = this.#options;
    this.#saving = this.#saving
      .then(() => learnedStore.save(state.device, learned))
      .catch((error: unknown) => {
        this.#log.warn({ device: state.device.id, error: String(error) }, "what was learned is not kept");
      });
    return [];
  }

  #unreadable(state: PolledDevice, points: readonly Point[], detail: string): Reading[] {
    if (points.length > 0) {
      this.#log.warn(
        { device: state.device.id, points: points.map(({ name }) => name), detail },
        "points are left out until reconnect",
      );
    }
    return this.#problems(state, points, "config-error", detail);
  }

  #problems(state: PolledDevice, points: readonly Point[], quality: Quality, detail: string): Reading[] {
    const { clock } = this.#context;
    return state.problems(points, quality, clock.stamp(), detail, clock.monotonic());
  }

  #pass(state: PolledDevice, readings: readonly Reading[]): void {
    // Never rejects; `room` watches how many are on their way.
    void this.#delivery.deliver(state.device, readings);
  }

  // ---- devices that speak first ----

  async #emit(device: Device, results: readonly PointResult[], mark?: string): Promise<void> {
    const state = this.#devices.get(device.id);
    // Words of a device that was replaced meanwhile belong to nobody.
    if (state?.device !== device) return;
    const now = this.#context.clock.monotonic();
    state.spoke(this.#context.clock.stamp());
    this.#back(state);
    if (state.identity.phase !== "known" && !this.#identify(state, results))
      return this.#hearing.heard(state, results);
    const passed = new Set(this.#protocol.everyWord ? results : state.thinned(results, now));
    this.#hearing.heard(state, results);
    const moments = mark === undefined ? [results] : momentsOf(results);
    const readings = moments.flatMap((one) => state.derive(one, now, (result) => passed.has(result)));
    if ((await this.#delivery.deliver(device, readings, mark)) === "dropped" && this.#protocol.everyWord)
      throw new StorageError("the readings were not taken", { code: "not-taken" });
  }

  #unheard(state: PolledDevice, ms: number): void {
    const error = new TransientError(`nothing was heard for ${ms / 1000} s`, {
      code: "silent",
      hint: "check the cable, the power of the device and the baud rate",
    });
    state.count(error.code);
    if (state.tasks.length === 0) {
      // What speaks next may be another device.
      state.identity.reset();
      this.#unavailable(state, error);
      return;
    }
    // It still answers when it is asked.
    this.#log.warn({ device: state.device.id, code: error.code }, error.message);
    this.#pass(state, this.#problems(state, [...state.heard], "comm-error", error.code));
  }

  #hear(
    state: PolledDevice,
    points: readonly Point[],
    signal: AbortSignal | undefined,
  ): Promise<PointResult[]> {
    if (this.#state === "failed" || this.#state === "closed" || this.#signal.aborted) {
      throw reasonOf(this.#signal, this.#lastError);
    }
    return this.#hearing.next(state, points, AbortSignal.any([this.#signal, ...(signal ? [signal] : [])]));
  }
}

/** What is not one of our errors is a bug: it counts as a failed attempt and keeps its cause. */
function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new TransientError(error instanceof Error ? error.message : String(error), {
    code: "internal",
    cause: error,
  });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function reasonOf(signal: AbortSignal, fallback: GatewayError | undefined): Error {
  if (signal.aborted && signal.reason instanceof Error) return signal.reason;
  return fallback ?? new LinkError("the line is closed", { code: "closed" });
}
