import { ConfigError, type GatewayError, LinkError, TransientError } from "../model/errors.ts";
import type { DeviceStates } from "./device-states.ts";
import { asGatewayError, stackOf } from "./failure.ts";
import { askWho } from "./identify-turn.ts";
import type { PolledDevice, PollTask } from "./polled-device.ts";
import type { Driver } from "./protocol.ts";
import { runSetup, type SetupResult } from "./setup-run.ts";
import { type TurnParts, WriteTurn } from "./write-turn.ts";

/** Code of a device that does not take, or not keep, what its profile sets. */
export const setupFailed = "setup-failed";

/** Sets devices up after they were identified, and before they are polled. */
export class Setups {
  readonly #parts: TurnParts;
  readonly #states: DeviceStates;

  constructor(parts: TurnParts, states: DeviceStates) {
    this.#parts = parts;
    this.#states = states;
  }

  /** The turn of a device's setup in the schedule, or as a probe of a dead one. Resolves when the line is free. Never rejects. */
  async poll(
    driver: Driver,
    state: PolledDevice,
    task: PollTask,
    ended: AbortSignal,
    probe: boolean,
  ): Promise<void> {
    const { line } = this.#parts;
    if (state.writer) {
      if (probe) line.breakers.abandoned(state.device.id);
      line.schedule.passed(task, line.clock.monotonic());
      return;
    }
    const turn = new WriteTurn(this.#parts, state);
    const left = turn.take(driver, ended);
    const startedAt = line.clock.monotonic();
    void this.settle(turn, state)
      .catch(asGatewayError)
      .then((result) => {
        turn.end();
        // Where nothing was asked after all; else the answer, or silence, has settled it.
        if (probe) line.breakers.abandoned(state.device.id);
        const now = line.clock.monotonic();
        const putOffMs = result instanceof TransientError ? 0 : state.setup.pauseMs(now);
        line.schedule.done(task, startedAt, now, true, putOffMs);
        line.wake.notify();
      });
    await left;
  }

  /**
   * Sets the device up in a turn that has begun; polls follow. Rejects with TransientError (no answer),
   * LinkError, ConfigError `wrong-device`, or `setup-failed`: the device is then left alone, and tried
   * again after a pause that grows.
   */
  async settle(turn: WriteTurn, state: PolledDevice): Promise<SetupResult> {
    const { line } = this.#parts;
    const { device, setup } = state;
    const { protocol } = line.options;
    const head = device.profile.protocolSettings;
    const mayWrite = (): boolean => {
      if (setup.pauseMs(line.clock.monotonic()) > 0) return false;
      setup.wrote(line.clock.monotonic());
      return true;
    };
    await askWho(turn, state, line, this.#states);
    try {
      const result = await runSetup(turn, device, (address) => protocol.rawKind(address, head), mayWrite);
      if (result === "done" && line.has(state) && state.identity.phase === "known")
        this.#states.settled(state);
      return result;
    } catch (error) {
      const known = asGatewayError(error);
      if (known.code === "internal") line.log.error({ device: device.id, error: stackOf(error) }, "a bug");
      if (known instanceof LinkError || (known instanceof TransientError && known.code !== "not-verified"))
        throw known;
      throw this.#fail(state, known);
    }
  }

  /** As `settle`, where the device is not set up yet; for whoever has the line anyway. */
  async ensure(turn: WriteTurn, state: PolledDevice): Promise<void> {
    if (state.setup.phase === "done") return;
    if (state.setup.phase === "due" && (await this.settle(turn, state)) === "done") return;
    throw new ConfigError(state.setup.problem ?? "it waits to be set up", {
      code: setupFailed,
      hint: "see the problem that the status shows",
    });
  }

  /** Sets a device up ahead of the polls. Resolves with why that could not be, if so; rejects as `enter` of a turn. */
  async now(state: PolledDevice, signal?: AbortSignal): Promise<GatewayError | undefined> {
    const turn = new WriteTurn(this.#parts, state);
    await turn.enter(signal);
    try {
      await this.ensure(turn, state);
      return undefined;
    } catch (error) {
      return asGatewayError(error);
    } finally {
      turn.end();
    }
  }

  #fail(state: PolledDevice, { code, message }: GatewayError): ConfigError {
    const { line } = this.#parts;
    const error = new ConfigError(`${code}: ${message}`, {
      code: setupFailed,
      hint: "check the setup of its profile, and whether the device is locked; it is tried again later",
    });
    state.setup.failed(error.message, line.clock.monotonic());
    if (line.has(state)) line.unavailable(state, error, "config-error");
    return error;
  }
}
