import { ConfigError, type GatewayError } from "../model/errors.ts";
import type { DeviceStates } from "./device-states.ts";
import { asGatewayError } from "./failure.ts";
import type { Line } from "./line.ts";
import { networkReopen } from "./loop-options.ts";
import type { PolledDevice } from "./polled-device.ts";
import type { Polls } from "./polls.ts";
import type { Driver } from "./protocol.ts";
import { Schedule } from "./schedule.ts";
import type { Setups } from "./setups.ts";

/** Full jitter may say 0; this keeps a link that fails at once from being tried without a pause. */
const shortestPauseMs = 100;

/** The life of a connection's link: opened, worked until it is lost, paused, opened again. */
export class Link {
  readonly #line: Line;
  readonly #states: DeviceStates;
  readonly #polls: Polls;
  readonly #setups: Setups;

  constructor(line: Line, states: DeviceStates, polls: Polls, setups: Setups) {
    this.#line = line;
    this.#states = states;
    this.#polls = polls;
    this.#setups = setups;
  }

  /** Opens the link, works it and opens it again, until the loop ends or what was configured cannot work. */
  async live(): Promise<void> {
    while (!this.#line.signal.aborted) {
      if (this.#line.devices.size === 0) {
        this.#line.state = "idle";
        await this.#line.wake.wait();
        continue;
      }
      let driver: Driver;
      try {
        this.#line.state = "opening";
        driver = await this.#open();
      } catch (error) {
        if (this.#line.signal.aborted) return;
        if (error instanceof ConfigError) return this.fail(error);
        this.#linkDown(asGatewayError(error), true);
        await this.#pause();
        continue;
      }
      try {
        await this.#serve(driver);
      } finally {
        this.#line.driver = undefined;
        await this.#close(driver);
      }
      if (!this.#line.signal.aborted) await this.#pause();
    }
  }

  #open(): Promise<Driver> {
    const { connection, context, protocol, settings } = this.#line.options;
    const { clock, random, connect, timeSource, sandbox, names, marks, memory } = context;
    return protocol.open(settings, {
      clock,
      random,
      connect,
      log: this.#line.log,
      signal: this.#line.signal,
      emit: (device, results, mark) => this.#states.emit(device, results, mark),
      marks,
      memory,
      timeSource,
      sandbox,
      names: names && { ...names, connection },
    });
  }

  /** A link that cannot be closed properly is gone all the same. */
  async #close(driver: Driver): Promise<void> {
    try {
      await driver[Symbol.asyncDispose]();
    } catch (error) {
      this.#line.log.warn({ error: String(error) }, "closing the line failed");
    }
  }

  async #pause(): Promise<void> {
    const { firstMs, longestMs } = this.#line.options.reopen ?? networkReopen;
    const full = Math.min(longestMs, firstMs * 2 ** Math.min(this.#line.attempts, 30));
    this.#line.attempts += 1;
    this.#line.state = "waiting";
    try {
      await this.#line.clock.sleep(
        Math.max(shortestPauseMs, full * this.#line.options.context.random()),
        this.#line.signal,
      );
    } catch (error) {
      if (!this.#line.signal.aborted) throw error;
    }
  }

  /** `failed`: opening did not work, so that the devices are really out of reach. */
  #linkDown(error: GatewayError, failed: boolean): void {
    this.#line.lastError = error;
    if (!this.#line.downReported) {
      this.#line.downReported = true;
      this.#line.log.warn({ code: error.code, error: error.message, hint: error.hint }, "the line is down");
    }
    if (!failed) return;
    this.#line.jobs.failAll(error);
    for (const state of this.#line.devices.values()) this.#line.unavailable(state, error);
  }

  /** It is not tried again. */
  fail(error: GatewayError): void {
    this.#line.state = "failed";
    this.#line.lastError = error;
    this.#line.log.error(
      { code: error.code, error: error.message, hint: error.hint },
      "the line cannot be used",
    );
    for (const state of this.#line.devices.values()) this.#line.unavailable(state, error);
    this.#line.jobs.failAll(error);
  }

  /** Works the line until it is lost or the loop ends. */
  async #serve(driver: Driver): Promise<void> {
    const { clock } = this.#line;
    const broken = new AbortController();
    const ended = AbortSignal.any([this.#line.signal, driver.lost, broken.signal]);
    const wake = () => this.#line.wake.notify();
    ended.addEventListener("abort", wake);
    this.#line.driver = driver;
    this.#line.broken = broken;
    this.#line.state = "open";
    this.#line.breakers.reset();
    this.#line.silence.opened(clock.monotonic());
    this.#line.isLocal = this.#line.options.protocol.isLocal?.(this.#line.options.settings) ?? true;
    // A network carries a burst; on a slow line it would only stand in everybody's way.
    this.#line.schedule = new Schedule(driver.concurrency, this.#line.isLocal);
    for (const state of this.#line.devices.values()) this.#states.connect(state);
    // Whom the line refuses is not to be asked; but a driver that never says must not hold up the end.
    await Promise.race([this.#states.listen(), new Promise((end) => ended.addEventListener("abort", end))]);
    const running = new Set<Promise<void>>();
    while (!ended.aborted) {
      // While nobody takes readings there are no polls; what was asked for is done all the same.
      const { hasRoom } = this.#line.delivery;
      const work = running.size < driver.concurrency ? this.#next(driver, ended, hasRoom) : undefined;
      if (work && driver.concurrency === 1) await this.#line.turn(work);
      else if (work) {
        const done: Promise<void> = this.#line.turn(work).finally(() => {
          running.delete(done);
          this.#line.wake.notify();
        });
        running.add(done);
      } else if (!hasRoom) {
        await Promise.race([this.#line.delivery.room(ended), this.#line.wake.wait()]);
      } else {
        const due = running.size < driver.concurrency ? this.#dueAt() : undefined;
        await this.#line.wake.wait(due === undefined ? undefined : due - clock.monotonic());
      }
    }
    ended.removeEventListener("abort", wake);
    this.#states.hearing.clear();
    await Promise.allSettled(running);
    if (this.#line.signal.aborted) return;
    this.#linkDown(asGatewayError(ended.reason), false);
  }

  #dueAt(): number | undefined {
    const poll = this.#line.schedule.dueAt() ?? Number.POSITIVE_INFINITY;
    const probe = this.#line.breakers.dueAt() ?? Number.POSITIVE_INFINITY;
    const due = Math.min(poll, probe);
    return Number.isFinite(due) ? due : undefined;
  }

  /** Starts what comes next: what was asked for, a dead unit's probe, or the most urgent poll. */
  #next(driver: Driver, ended: AbortSignal, hasRoom: boolean): (() => Promise<void>) | undefined {
    const now = this.#line.clock.monotonic();
    const due = this.#line.schedule.dueAt();
    const pollWaits = hasRoom && due !== undefined && due <= now;
    const { jobs, expected, breakers } = this.#line;
    const job = jobs.next(pollWaits);
    if (job) return () => this.#run(() => job.run(driver, ended));
    if (!hasRoom) return undefined;
    if (expected.wanted && jobs.allows(pollWaits) && (this.#dueAt() ?? now + 1) <= now)
      return () => this.#run(() => expected.keepFree(ended));
    const dead = breakers.next(now);
    const state = dead === undefined ? undefined : this.#line.devices.get(dead);
    if (dead !== undefined && state) {
      const probe = state.probe();
      if (probe) return () => this.#partOf(state).poll(driver, state, probe, ended, true);
      breakers.succeeded(dead);
    }
    const task = this.#line.schedule.next(now);
    const polled = task && this.#line.devices.get(task.device);
    return polled && (() => this.#partOf(polled).poll(driver, polled, task, ended, false));
  }

  #partOf(state: PolledDevice): Polls | Setups {
    return state.isSettling ? this.#setups : this.#polls;
  }

  /** Something that goes ahead of polls; what it keeps them waiting is owed to them. */
  async #run(job: () => Promise<void>): Promise<void> {
    const { clock, jobs, schedule } = this.#line;
    const startedAt = clock.monotonic();
    await job();
    const now = clock.monotonic();
    const due = schedule.dueAt();
    if (due !== undefined && due < now) jobs.ran(now - Math.max(due, startedAt));
  }
}
