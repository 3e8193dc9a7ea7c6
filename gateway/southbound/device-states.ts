import type { Device, Point } from "../model/device.ts";
import {
  ConfigError,
  GatewayError,
  StorageError,
  TransientError,
  type UnsupportedPointError,
} from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import { asGatewayError, stackOf } from "./failure.ts";
import { defaultSilenceMs, Hearing } from "./hearing.ts";
import type { Line } from "./line.ts";
import { momentsOf } from "./moments.ts";
import type { PlanChange, PolledDevice } from "./polled-device.ts";
import type { Driver, PointResult, ReadRequest } from "./protocol.ts";

/** Code of a device that is not the model that its profile describes. */
export const wrongDevice = "wrong-device";

/** What becomes of the devices of a line: planned, identified, listened to, left alone. */
export class DeviceStates {
  readonly hearing: Hearing;
  readonly #line: Line;
  #saving: Promise<void> = Promise.resolve();

  constructor(line: Line) {
    this.#line = line;
    this.hearing = new Hearing(line.clock, (state, ms) => this.#unheard(state, ms));
  }

  /** Resolves when all that was learned is kept. */
  get saved(): Promise<void> {
    return this.#saving;
  }

  /** Plans the device anew, as after a reconnect; everything is read as soon as possible. */
  connect(state: PolledDevice): void {
    if (!this.#line.driver) return;
    this.#line.schedule.remove(...state.reconnect());
    this.plan(state, true);
    this.#watch(state);
    this.identify(state, []);
  }

  #watch(state: PolledDevice): void {
    if (!this.#line.driver?.listen || state.heard.size === 0) return;
    this.hearing.watch(
      state,
      this.#line.options.protocol.silentAfter?.(this.#line.options.settings, state.device) ??
        defaultSilenceMs,
    );
  }

  /** Tells a driver whose devices speak first who is on the line, and leaves alone whom it refuses. */
  async listen(): Promise<void> {
    const driver = this.#line.driver;
    if (!driver?.listen) return;
    try {
      await this.#tell(driver);
    } catch (error) {
      this.#line.log.error({ error: stackOf(error) }, "listening broke");
      this.#line.giveUp(asGatewayError(error));
    }
  }

  async #tell(driver: Driver): Promise<void> {
    // What cannot be planned cannot be listened to either.
    const states = [...this.#line.devices.values()].filter(({ unplanned }) => !unplanned);
    const refused = (await driver.listen?.(states.map(({ device }) => device))) ?? [];
    for (const state of states) {
      const before = state.refused;
      const error = refused.find(({ device }) => device === state.device)?.error;
      state.refused = error !== undefined;
      if (!this.#line.has(state) || this.#line.driver !== driver) continue;
      if (error) {
        this.#line.schedule.remove(...state.reconnect());
        this.hearing.forget(state);
        this.#line.unavailable(state, error, "config-error");
      } else if (before) {
        state.availability = "unknown";
        state.problem = undefined;
        this.connect(state);
      }
    }
  }

  plan(state: PolledDevice, first: boolean): void {
    const now = this.#line.clock.monotonic();
    let change: PlanChange;
    state.unplanned = true;
    try {
      change = state.plan(this.#line.options.protocol, this.#line.options.settings);
      state.unplanned = false;
    } catch (error) {
      // One device that cannot be planned is left out alone.
      this.#line.schedule.remove(...state.reconnect());
      const known = asGatewayError(error);
      if (!(error instanceof GatewayError))
        this.#line.log.error({ error: stackOf(error) }, "planning broke: a bug");
      this.#line.unavailable(state, known, known instanceof ConfigError ? "config-error" : "comm-error");
      return;
    }
    this.#line.schedule.remove(...change.removed);
    for (const task of change.added) this.#line.schedule.add(task, now, first);
    if (state.isReady)
      this.#line.pass(state, this.unreadable(state, change.unreadable, "no permitted read holds this point"));
  }

  /** What a device says of who it is. Once that is known its points are polled, or it is left alone. True from then on. */
  identify(state: PolledDevice, results: readonly PointResult[]): boolean {
    const { identity } = state;
    const before = identity.phase;
    if (!identity.take(results, state.leftOut)) return false;
    if (identity.mismatch === undefined) {
      this.#line.back(state);
      this.plan(state, true);
      this.#watch(state);
      return true;
    }
    state.leftOut.clear();
    if (before !== "wrong") {
      state.availability = "unknown";
      const hint = "check the wiring, the address and the profile; it is asked again once a minute";
      this.#line.unavailable(
        state,
        new ConfigError(identity.mismatch, { code: wrongDevice, hint }),
        "config-error",
      );
    }
    this.plan(state, false);
    return false;
  }

  /** The device is set up: now its points count. */
  settled(state: PolledDevice): void {
    state.setup.succeeded();
    this.#line.back(state);
    this.plan(state, true);
  }

  /** A request that can never be made as things are configured: its points are left out until reconnect. */
  impossible(state: PolledDevice, { points }: ReadRequest, error: ConfigError): void {
    if (state.isReady) this.#line.pass(state, this.unreadable(state, points, error.message));
    for (const point of points) state.leftOut.add(point);
    this.plan(state, false);
    if (state.tasks.length > 0 || state.heard.size > 0) return;
    this.#line.unavailable(state, error, "config-error");
  }

  /** The device refused a request. */
  refused(state: PolledDevice, request: ReadRequest, error: UnsupportedPointError): void {
    const left = this.learn(state, request, error);
    if (state.isReady) this.#line.pass(state, this.unreadable(state, left, error.message));
    this.plan(state, false);
    this.identify(state, []);
  }

  /** Remembers what a refusal taught. Returns the points that are now left out. */
  learn(state: PolledDevice, request: ReadRequest, refusal: UnsupportedPointError): readonly Point[] {
    const learned = this.#line.options.protocol.learn(request, state.learned, refusal);
    if (!learned) {
      for (const point of request.points) state.leftOut.add(point);
      return request.points;
    }
    state.learned = learned;
    const { learnedStore } = this.#line.options;
    this.#saving = this.#saving
      .then(() => learnedStore.save(state.device, learned))
      .catch((error: unknown) => {
        this.#line.log.warn(
          { device: state.device.id, error: String(error) },
          "what was learned is not kept",
        );
      });
    return [];
  }

  /** What points say that are left out, and a line in the log. */
  unreadable(state: PolledDevice, points: readonly Point[], detail: string): Reading[] {
    if (points.length > 0) {
      this.#line.log.warn(
        { device: state.device.id, points: points.map(({ name }) => name), detail },
        "points are left out until reconnect",
      );
    }
    return this.#line.problems(state, points, "config-error", detail);
  }

  async emit(device: Device, results: readonly PointResult[], mark?: string): Promise<void> {
    const state = this.#line.devices.get(device.id);
    // Words of a device that was replaced meanwhile belong to nobody.
    if (state?.device !== device) return;
    const now = this.#line.clock.monotonic();
    state.spoke(this.#line.clock.stamp());
    this.#line.back(state);
    state.remembered.take(results, now);
    if ((state.identity.phase !== "known" && !this.identify(state, results)) || !state.isReady)
      return this.hearing.heard(state, results);
    const passed = new Set(this.#line.options.protocol.everyWord ? results : state.thinned(results, now));
    for (const result of results) if (this.hearing.isAwaited(state, result.point)) passed.add(result);
    this.hearing.heard(state, results);
    // What a mark holds together may be of several times.
    const moments = mark === undefined ? [results] : momentsOf(results);
    const readings = moments.flatMap((one) => state.derive(one, now, (result) => passed.has(result)));
    if (
      (await this.#line.delivery.deliver(device, readings, mark)) === "dropped" &&
      this.#line.options.protocol.everyWord
    )
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
      this.#line.unavailable(state, error);
      return;
    }
    // It still answers when it is asked.
    this.#line.log.warn({ device: state.device.id, code: error.code }, error.message);
    this.#line.pass(state, this.#line.problems(state, [...state.heard], "comm-error", error.code));
  }

  /** The next word about points that the device sends by itself. */
  async hear(
    state: PolledDevice,
    points: readonly Point[],
    signal: AbortSignal | undefined,
  ): Promise<PointResult[]> {
    this.#line.check();
    return this.hearing.next(
      state,
      points,
      AbortSignal.any([this.#line.signal, ...(signal ? [signal] : [])]),
    );
  }
}
