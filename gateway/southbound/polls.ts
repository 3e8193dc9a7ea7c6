import {
  ConfigError,
  type GatewayError,
  LinkError,
  TransientError,
  UnsupportedPointError,
} from "../model/errors.ts";
import type { DeviceStates } from "./device-states.ts";
import { asGatewayError, lost, stackOf } from "./failure.ts";
import type { Line } from "./line.ts";
import type { Outcome } from "./on-demand.ts";
import { countCode, type PolledDevice, type PollTask } from "./polled-device.ts";
import { type Driver, type DriverWrite, type PendingWrite, type ReadRequest, unsent } from "./protocol.ts";

/** Transactions on a line, and what follows for the device from how they went. */
export class Polls {
  readonly #line: Line;
  readonly #states: DeviceStates;

  constructor(line: Line, states: DeviceStates) {
    this.#line = line;
    this.#states = states;
  }

  /** One poll, or one probe of a dead unit. Never rejects. */
  async poll(
    driver: Driver,
    state: PolledDevice,
    task: PollTask,
    ended: AbortSignal,
    probe: boolean,
  ): Promise<void> {
    const { clock } = this.#line;
    const startedAt = clock.monotonic();
    const outcome = await this.attempt(driver, state, task.request, ended);
    const now = clock.monotonic();
    // The device may have been removed or replaced meanwhile: then this belongs to nobody.
    if (!this.#line.has(state)) return;
    if (outcome.kind === "ended") {
      if (probe) this.#line.breakers.abandoned(state.device.id);
      return;
    }
    if (outcome.kind === "unsent") {
      // Nothing was tried and nothing is known: the next turn comes as if this one had been held up.
      if (probe) this.#line.breakers.failed(state.device.id, now, 0);
      else this.#line.schedule.passed(task, now);
      return;
    }
    this.#line.jobs.polled(now - startedAt);
    if (!probe) {
      const putOffMs = this.#setback(state, task, outcome, now - startedAt);
      this.#line.schedule.done(task, startedAt, now, outcome.kind === "read", putOffMs);
    }
    if (outcome.kind === "read" && state.identity.phase !== "known") {
      this.#states.identify(state, outcome.results);
    } else if (outcome.kind === "read" && state.isReady) {
      this.#line.pass(state, state.readings(outcome.results, task, now, this.#line.schedule.stretch));
    } else if (outcome.kind === "read") {
      // It was away, and is to be set up again first.
      return;
    } else if (outcome.error instanceof UnsupportedPointError) {
      this.#states.refused(state, task.request, outcome.error);
    } else if (outcome.error instanceof ConfigError) {
      if (probe) this.#line.breakers.failed(state.device.id, now, 0);
      this.#states.impossible(state, task.request, outcome.error);
    }
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
    for (const one of this.#line.devices.values())
      if (this.#line.breakers.state(one.device.id) === "closed") count += one.setbacks.count;
    return (costMs * count) / this.#line.spareShare;
  }

  /** One reading per point and one line in the log, at the change only. */
  #notAnswered(state: PolledDevice, request: ReadRequest, { code, message, hint }: GatewayError): void {
    if (state.availability === "unavailable") return;
    // What it is cannot be known without that answer.
    if (!state.isReady) {
      this.#line.unavailable(state, new TransientError(message, { code, hint }));
      return;
    }
    this.#line.log.warn(
      { device: state.device.id, request: request.label, code, error: message, hint },
      "the device does not answer this request: it is asked less often",
    );
    this.#line.pass(state, this.#line.problems(state, request.points, "comm-error", code));
  }

  /** One transaction, with all that follows for the device whoever asked for it. Never rejects. */
  async attempt(
    driver: Driver,
    state: PolledDevice,
    request: ReadRequest,
    ended: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.#line;
    const startedAt = clock.monotonic();
    try {
      if (!driver.read) throw new ConfigError("this protocol cannot be asked", { code: "cannot-read" });
      const results = await driver.read(state.device, request, ended);
      const now = clock.monotonic();
      this.#line.meter.add(now - startedAt, now);
      this.#answered(state, startedAt);
      state.remembered.take(results, now);
      return { kind: "read", results };
    } catch (error) {
      return this.#failed(state, error, startedAt, ended, request);
    }
  }

  /**
   * One write, with all that follows for the device. Rejects as `Driver.write` does; with LinkError
   * also when the line was closed meanwhile.
   */
  async write(
    driver: Driver,
    state: PolledDevice,
    order: DriverWrite,
    ended: AbortSignal,
  ): Promise<PendingWrite | undefined> {
    const { clock } = this.#line;
    const startedAt = clock.monotonic();
    try {
      if (!driver.write)
        throw new ConfigError("nothing can be written over this connection", { code: "cannot-write" });
      const pending = await driver.write(state.device, order, ended);
      const now = clock.monotonic();
      this.#line.meter.add(now - startedAt, now);
      // A far side that has only taken it over says nothing about the device.
      if (!pending) this.#answered(state, startedAt);
      return pending;
    } catch (error) {
      const outcome = this.#failed(state, error, startedAt, ended);
      throw outcome.kind === "ended" ? lost(ended) : outcome.error;
    }
  }

  /** What follows from a transaction that did not give what was asked for. */
  #failed(
    state: PolledDevice,
    error: unknown,
    startedAt: number,
    ended: AbortSignal,
    request?: ReadRequest,
  ): Exclude<Outcome, { kind: "read" }> {
    const now = this.#line.clock.monotonic();
    this.#line.meter.add(now - startedAt, now);
    if (ended.aborted) return { kind: "ended" };
    if (error instanceof LinkError) {
      this.#line.giveUp(error);
      return { kind: "ended" };
    }
    const known = asGatewayError(error);
    if (known.code === unsent) return { kind: "unsent", error: known };
    if (known.code === "internal" && !state.errors.has(known.code)) {
      this.#line.log.error({ device: state.device.id, error: stackOf(error) }, "a transaction broke: a bug");
    }
    state.count(known.code);
    countCode(this.#line.errors, known.code);
    // A device that says no is alive.
    if (known instanceof TransientError) this.#silent(state, request, known, now - startedAt);
    // What cannot be asked at all says nothing about the device.
    else if (!(known instanceof ConfigError)) this.#answered(state, startedAt);
    return { kind: "failed", error: known };
  }

  #answered(state: PolledDevice, startedAt: number): void {
    const { clock } = this.#line;
    const now = clock.monotonic();
    this.#line.replies.add(now - startedAt);
    if (!this.#line.has(state)) return;
    state.answered(now - startedAt, clock.stamp());
    this.#line.back(state);
    if (!this.#line.breakers.succeeded(state.device.id)) return;
    // It may have been replaced or restarted: what it refused before may work now.
    this.#line.schedule.remove(...state.reconnect());
    this.#states.plan(state, false);
  }

  #silent(state: PolledDevice, request: ReadRequest | undefined, error: GatewayError, costMs: number): void {
    const { id } = state.device;
    if (!this.#line.has(state)) return;
    // Who is never asked anything is not taken for dead.
    if (!request && state.tasks.length === 0) return;
    // A request that is known for its silence says nothing about the unit, as long as others speak for it.
    if (this.#line.breakers.state(id) === "closed" && request && state.saysNothing(request)) return;
    const dead = this.#line.breakers.failed(id, this.#line.clock.monotonic(), costMs);
    if (!dead) {
      this.#connectAnew();
      return;
    }
    this.#line.schedule.remove(...state.tasks);
    this.#line.unavailable(state, error);
  }

  /** When nobody on a network answers, not even probes, the connection may be what is dead. */
  #connectAnew(): void {
    const { breakers, clock, isLocal, silence } = this.#line;
    if (isLocal || breakers.someAlive || !silence.isTooLong(clock.monotonic())) return;
    silence.tried();
    // Silence has its own, longer pauses: no more is to be missed of whoever comes back.
    this.#line.attempts = 0;
    this.#line.giveUp(
      new LinkError("nobody answers on this connection: it is made anew", {
        code: "silent",
        hint: "is there power behind it, and is the network up?",
      }),
    );
  }
}
