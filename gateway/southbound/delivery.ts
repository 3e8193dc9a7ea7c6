import type { Clock } from "../model/clock.ts";
import type { Device } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Reading } from "../model/reading.ts";

/**
 * Takes readings over. Resolves when they are durable or deliberately dropped. Called in order of time.
 * What comes again with the same `mark` is taken once.
 */
export type Sink = (device: Device, readings: readonly Reading[], mark?: string) => Promise<void> | void;

/** Calls of the sink that may be on their way before polling waits. */
const mostPending = 64;
/** How long polling waits for a slow sink before it goes on without it, ms. */
const patienceMs = 10_000;

/**
 * Hands readings to the sink without letting a slow one stop the line for ever: polling pauses while
 * too many calls are pending, but only for so long; then it goes on and what the sink cannot take is
 * dropped and counted, until it has caught up.
 */
export class Delivery {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #log: Log;
  #pending = 0;
  #dropped = 0;
  #failing = false;
  #impatient = false;
  #waiting: (() => void) | undefined;
  #room: Promise<void> | undefined;

  constructor(sink: Sink, clock: Clock, log: Log) {
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
  }

  /** Readings that the sink did not take. */
  get dropped(): number {
    return this.#dropped;
  }

  get hasRoom(): boolean {
    return this.#impatient || this.#pending < mostPending;
  }

  /** Resolves, never rejects, when the readings are taken over or dropped; says which. */
  async deliver(device: Device, readings: readonly Reading[], mark?: string): Promise<"taken" | "dropped"> {
    if (readings.length === 0) return "taken";
    if (this.#pending >= mostPending * 2 || (this.#impatient && this.#pending >= mostPending)) {
      this.#dropped += readings.length;
      return "dropped";
    }
    this.#pending += 1;
    try {
      await this.#sink(device, readings, mark);
      if (this.#failing) this.#log.info({}, "readings are taken again");
      this.#failing = false;
      return "taken";
    } catch (error) {
      this.#dropped += readings.length;
      if (!this.#failing) {
        const code = error instanceof GatewayError ? error.code : "internal";
        this.#log.error({ code, error: String(error) }, "readings are not taken: they are lost");
      }
      this.#failing = true;
      return "dropped";
    } finally {
      this.#pending -= 1;
      if (this.#pending < mostPending) this.#caughtUp();
    }
  }

  /** Resolves when there is room, or patience is over, or the signal aborts. */
  room(signal: AbortSignal): Promise<void> {
    if (this.hasRoom || signal.aborted) return Promise.resolve();
    // Whoever was called away meanwhile waits on, with the patience that is left.
    this.#room ??= new Promise((resolve) => {
      const end = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", end);
        this.#waiting = undefined;
        this.#room = undefined;
        resolve();
      };
      const timer = this.#clock.timer(patienceMs, () => {
        this.#impatient = true;
        this.#log.warn(
          { pending: this.#pending },
          "readings are taken too slowly: polling goes on and drops",
        );
        end();
      });
      signal.addEventListener("abort", end, { once: true });
      this.#waiting = end;
    });
    return this.#room;
  }

  #caughtUp(): void {
    if (this.#impatient) this.#log.info({ dropped: this.#dropped }, "readings are taken fast enough again");
    this.#impatient = false;
    this.#waiting?.();
  }
}
