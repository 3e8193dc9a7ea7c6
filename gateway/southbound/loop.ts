import { type Device, readablePoints } from "../model/device.ts";
import { ConfigError, LinkError } from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import { DeviceStates, wrongDevice } from "./device-states.ts";
import { asGatewayError, reasonOf, stackOf } from "./failure.ts";
import { Line } from "./line.ts";
import { Link } from "./link.ts";
import type { LoopOptions } from "./loop-options.ts";
import { type AskedLine, pointOf, readPoints, readResults } from "./on-demand.ts";
import { PolledDevice } from "./polled-device.ts";
import { Polls } from "./polls.ts";
import type { Learned } from "./protocol.ts";
import { Setups } from "./setups.ts";
import type { ConnectionStatus, DeviceStatus, LoopPulse } from "./status.ts";
import type { WriteOrder, WriteOutcome } from "./write-order.ts";
import { Writes } from "./writes.ts";

export {
  type LearnedStore,
  type LoopOptions,
  networkReopen,
  type ReopenPauses,
  serialReopen,
} from "./loop-options.ts";

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
   * on the way what is known (`order.progress`). One write of a device at a time. A look at what
   * shows late leaves the line to others between two reads. Rejects with RefusedError (`prepare` said
   * no: its refusal; `expired`; the device or a slow far side said no: their code), ConfigError
   * (`unknown-device`, also when it was removed meanwhile; `unknown-point`, `cannot-write`,
   * `wrong-device`, `setup-failed`: nothing was written), TransientError (`no-answer`,
   * `not-verified`, `queue-full`), LinkError, or the signal's reason when it had not begun, or a slow
   * far side has it: with the reason `taken-back` it is taken from there first, where that can be. Once
   * begun, the signal ends repetitions.
   */
  write(device: string, order: WriteOrder, signal?: AbortSignal): Promise<WriteOutcome>;
  /**
   * A write will come as soon as its command is on the disk: until this is disposed the line begins no
   * poll that would stand in its way, for a short time and within the share of writes. Nothing is done yet.
   */
  expectWrite(): Disposable;
  /** Adds a device or replaces the one with its id. The schedule of the others stays as it is. */
  setDevice(device: Device): Promise<void>;
  removeDevice(device: string): void;
  learned(device: string): Learned;
  status(): ConnectionStatus;
  pulse(): LoopPulse;
}

/** Starts the loop of one connection. The link is opened as soon as there is a device; failures are retried inside. */
export async function openLoop(options: LoopOptions): Promise<ConnectionLoop> {
  const loop = new Loop(options);
  for (const device of options.devices) await loop.setDevice(device);
  loop.run();
  return loop;
}

/** One line, and who works it: the parts know the line, and the line knows nobody. */
class Loop implements ConnectionLoop {
  readonly connection: string;
  readonly #line: Line;
  readonly #states: DeviceStates;
  readonly #link: Link;
  readonly #setups: Setups;
  readonly #writes: Writes;
  /** What a read on demand needs of this loop. */
  readonly #asked: AskedLine;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LoopOptions) {
    const line = new Line(options);
    const states = new DeviceStates(line);
    const polls = new Polls(line, states);
    this.connection = options.connection;
    this.#line = line;
    this.#states = states;
    const asked: AskedLine = {
      plan: ({ device, learned }, points) => options.protocol.plan(options.settings, device, points, learned),
      hear: (state, points, signal) => states.hear(state, points, signal),
      attempt: (driver, state, request, ended) => polls.attempt(driver, state, request, ended),
      learn: (state, request, refusal) => states.learn(state, request, refusal),
      stamp: () => line.clock.stamp(),
      push: (job) => line.push(job),
    };
    const parts = { line, polls, asked };
    const setups = new Setups(parts, states);
    this.#setups = setups;
    this.#asked = asked;
    this.#link = new Link(line, states, polls, setups);
    this.#writes = new Writes(parts, states, setups);
  }

  run(): void {
    const line = this.#line;
    const wake = () => line.wake.notify();
    line.signal.addEventListener("abort", wake);
    this.#running = this.#link
      .live()
      .catch((error: unknown) => {
        // A bug of ours takes down this connection alone.
        line.brokeAt = line.clock.monotonic();
        this.#link.fail(asGatewayError(error));
        line.log.error({ error: stackOf(error) }, "the connection's loop broke: a bug");
      })
      .finally(() => {
        line.signal.removeEventListener("abort", wake);
        if (line.state !== "failed") line.state = "closed";
        line.jobs.failAll(reasonOf(line.signal, line.lastError));
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#line.closing.abort(new LinkError("the line is closed", { code: "closed" }));
    await this.#running;
    await this.#states.saved;
  }

  async setDevice(device: Device): Promise<void> {
    const learned = await this.#recall(device);
    this.removeDevice(device.id);
    const state = new PolledDevice(device, learned);
    this.#line.devices.set(device.id, state);
    this.#line.breakers.add(device.id);
    if (this.#line.driver) this.#states.connect(state);
    void this.#states.listen();
    this.#line.wake.notify();
  }

  /** What cannot be recalled is learned again. */
  async #recall(device: Device): Promise<Learned> {
    try {
      return await this.#line.options.learnedStore.load(device);
    } catch (error) {
      this.#line.log.warn({ device: device.id, error: String(error) }, "what was learned cannot be read");
      return {};
    }
  }

  removeDevice(device: string): void {
    const state = this.#line.devices.get(device);
    if (!state) return;
    this.#line.schedule.remove(...state.tasks);
    this.#states.hearing.forget(state);
    this.#line.breakers.remove(device);
    this.#line.devices.delete(device);
    this.#writes.removed(state);
    void this.#states.listen();
  }

  learned(device: string): Learned {
    return this.#line.devices.get(device)?.learned ?? {};
  }

  async readNow(deviceId: string, names?: readonly string[], signal?: AbortSignal): Promise<Reading[]> {
    const state = this.#line.devices.get(deviceId);
    if (!state) {
      throw new ConfigError(`no device ${deviceId} on ${this.connection}`, { code: "unknown-device" });
    }
    const points = names
      ? names.map((name) => pointOf(state.device, name))
      : readablePoints(state.device.profile).filter((point) => !point.hidden);
    const { identity } = state;
    if (state.refused) return this.#line.problems(state, points, "config-error", state.problem ?? "refused");
    if (identity.phase === "asking")
      this.#states.identify(state, await readResults(this.#asked, state, identity.points, signal));
    if (identity.mismatch !== undefined)
      return this.#line.problems(state, points, "config-error", wrongDevice);
    if (state.isSettling) {
      const error = await this.#setups.now(state, signal);
      if (error instanceof LinkError) throw error;
      if (error)
        return this.#line.problems(
          state,
          points,
          error instanceof ConfigError ? "config-error" : "comm-error",
          error.code,
        );
    }
    return readPoints(this.#asked, state, points, signal);
  }

  write(device: string, order: WriteOrder, signal?: AbortSignal): Promise<WriteOutcome> {
    return this.#writes.write(device, order, signal);
  }

  expectWrite(): Disposable {
    return this.#line.expected.announce();
  }

  status(): ConnectionStatus {
    const now = this.#line.clock.monotonic();
    const error = this.#line.lastError;
    return {
      connection: this.connection,
      state: this.#line.state,
      lastError: error && { code: error.code, message: error.message, hint: error.hint },
      utilisation: this.#line.meter.read(now) / (this.#line.driver?.concurrency ?? 1),
      demanded: this.#line.schedule.utilisation,
      stretch: this.#line.schedule.stretch,
      missed: this.#line.schedule.missed,
      dropped: this.#line.delivery.dropped,
      replies: this.#line.replies.status(),
      errors: Object.fromEntries(this.#line.errors),
      statistics: { ...this.#line.driver?.statistics },
      unknown: this.#line.driver?.unknown?.(),
      writes: this.#writes.counters,
      devices: Array.from(this.#line.devices.values(), (state) => this.#deviceStatus(state)),
    };
  }

  pulse(): LoopPulse {
    const { brokeAt, clock, turns } = this.#line;
    const now = clock.monotonic();
    const [oldest = now] = turns.values();
    return {
      connection: this.connection,
      brokenMs: brokeAt === undefined ? undefined : now - brokeAt,
      turnMs: now - oldest,
    };
  }

  #deviceStatus(state: PolledDevice): DeviceStatus {
    return {
      device: state.device.id,
      availability: state.availability,
      problem: state.problem ?? state.identity.waitsFor ?? (state.isSettling ? "not set up yet" : undefined),
      lastSeen: state.lastSeen,
      breaker: this.#line.breakers.state(state.device.id),
      replyMs: state.replyMs,
      errors: Object.fromEntries(state.errors),
      leftOut: Array.from(state.leftOut, (point) => point.name),
      learned: this.#line.options.protocol.describeLearned?.(state.learned) ?? [],
    };
  }
}
