import { ConfigError, type GatewayError, RefusedError, TransientError } from "../model/errors.ts";
import { writtenPoint } from "../model/write.ts";
import { type DeviceStates, wrongDevice } from "./device-states.ts";
import { asGatewayError, lost, stackOf } from "./failure.ts";
import { askWho } from "./identify-turn.ts";
import type { PolledDevice } from "./polled-device.ts";
import { type Setups, setupFailed } from "./setups.ts";
import type { WriteCounters } from "./status.ts";
import type { WriteOrder, WriteOutcome } from "./write-order.ts";
import { expired, runWrite } from "./write-run.ts";
import { removed, type TurnParts, WriteTurn } from "./write-turn.ts";

/** The writes of a line: each waits for its turn, and has it for itself. */
export class Writes {
  readonly #parts: TurnParts;
  readonly #states: DeviceStates;
  readonly #setups: Setups;
  readonly #waiting = new Map<AbortController, PolledDevice>();
  readonly #counters = { done: 0, refused: 0, failed: 0 };

  constructor(parts: TurnParts, states: DeviceStates, setups: Setups) {
    this.#parts = parts;
    this.#states = states;
    this.#setups = setups;
  }

  get counters(): WriteCounters {
    return { ...this.#counters };
  }

  /** As `ConnectionLoop.write`. */
  async write(device: string, order: WriteOrder, signal?: AbortSignal): Promise<WriteOutcome> {
    signal?.throwIfAborted();
    try {
      const outcome = await this.#write(this.#stateOf(device, order), order, signal);
      this.#counters.done += 1;
      return outcome;
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      if (error instanceof RefusedError) this.#counters.refused += 1;
      else this.#counters.failed += 1;
      throw error;
    }
  }

  /** The device left the line: what waits for it will not be done; what has begun ends as it does. */
  removed(state: PolledDevice): void {
    for (const [waiting, one] of this.#waiting) if (one === state) waiting.abort(removed(state));
  }

  /** The device that is to be written. Throws ConfigError, or why the line takes no writes. */
  #stateOf(id: string, { point }: WriteOrder): PolledDevice {
    const { line } = this.#parts;
    const state = line.devices.get(id);
    if (!state)
      throw new ConfigError(`no device ${id} on ${line.options.connection}`, { code: "unknown-device" });
    if (!writtenPoint(state.device.profile, point))
      throw new ConfigError(`${id} has no point ${point}`, { code: "unknown-point" });
    if (state.refused || state.unplanned)
      throw new ConfigError(state.problem ?? `${id} is left alone`, { code: "cannot-write" });
    const { mismatch } = state.identity;
    if (mismatch !== undefined) throw new ConfigError(mismatch, { code: wrongDevice });
    if (state.setup.problem !== undefined) throw new ConfigError(state.setup.problem, { code: setupFailed });
    return state;
  }

  async #write(
    state: PolledDevice,
    order: WriteOrder,
    signal: AbortSignal | undefined,
  ): Promise<WriteOutcome> {
    const { line } = this.#parts;
    const turn = new WriteTurn(this.#parts, state, order.expiresAt);
    try {
      await this.#enter(turn, state, order, signal);
      if (!line.has(state)) throw removed(state);
      await askWho(turn, state, line, this.#states);
      // A device that was away may have forgotten.
      if (line.breakers.state(state.device.id) !== "closed") state.setup.reset();
      await this.#setups.ensure(turn, state);
      const done = await this.#untilClosed(runWrite(turn, state.device, order, signal));
      return { ...done, readings: turn.readings };
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw this.#known(error, state);
    } finally {
      turn.end();
    }
  }

  /** Waits for the line: until the order expires, nobody wants it any more, or the device is gone. */
  async #enter(
    turn: WriteTurn,
    state: PolledDevice,
    { expiresAt }: WriteOrder,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock } = this.#parts.line;
    const waiting = new AbortController();
    const stop = () => waiting.abort(signal?.reason);
    const timer =
      expiresAt === undefined
        ? undefined
        : clock.timer(Math.max(0, expiresAt - clock.now()) + 1, () => waiting.abort(expired()));
    this.#waiting.set(waiting, state);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await turn.enter(waiting.signal);
    } finally {
      this.#waiting.delete(waiting);
      signal?.removeEventListener("abort", stop);
      timer?.[Symbol.dispose]();
    }
  }

  /** What a slow far side has taken over outlives a lost link, but not the loop. */
  #untilClosed<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#parts.line;
    return new Promise((resolve, reject) => {
      const end = () => reject(lost(signal));
      signal.addEventListener("abort", end, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
    });
  }

  /** What the desk can name. */
  #known(error: unknown, { device }: PolledDevice): GatewayError {
    const known = asGatewayError(error);
    if (known.code === "internal") {
      this.#parts.line.log.error({ device: device.id, error: stackOf(error) }, "a write broke: a bug");
      return known;
    }
    const codes = ["no-answer", "not-verified", "queue-full"];
    if (!(known instanceof TransientError) || codes.includes(known.code)) return known;
    const { message, hint } = known;
    return new TransientError(message, { code: "no-answer", hint, cause: known });
  }
}
