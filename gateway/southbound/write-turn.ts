// A little long: what one write has of the line, between its first and its last transaction.
import { type Point, pollPeriod, readablePoints } from "../model/device.ts";
import { ConfigError, GatewayError, LinkError, TransientError } from "../model/errors.ts";
import { type Reading, scaledBy, toReadings } from "../model/reading.ts";
import type { RawValue, Value } from "../model/value.ts";
import { momentReadings, withInputs } from "./derivation.ts";
import { lost } from "./failure.ts";
import type { Job } from "./jobs.ts";
import type { Line } from "./line.ts";
import { type AskedLine, type Outcome, readResults } from "./on-demand.ts";
import type { PolledDevice } from "./polled-device.ts";
import type { Polls } from "./polls.ts";
import type { Driver, PendingWrite, PointResult, ReadRequest } from "./protocol.ts";
import { freshMs } from "./write-order.ts";
import type { Turn } from "./write-run.ts";

/** What a turn needs of the loop. */
export interface TurnParts {
  readonly line: Line;
  readonly polls: Polls;
  readonly asked: AskedLine;
}

/** Pauses up to this are waited for with the line held, ms: leaving it would cost others as much. */
const heldMs = 200;

interface Held {
  readonly driver: Driver;
  readonly ended: AbortSignal;
  leave(): void;
}

/**
 * One write's hold of the line. It is entered once, ahead of polls; from then on everything happens at
 * once, until it is left. After that it enters again by itself when it has something to ask.
 */
export class WriteTurn implements Turn {
  /** What was read on the way and has gone to the sink. */
  readonly readings: Reading[] = [];
  readonly #parts: TurnParts;
  readonly #state: PolledDevice;
  readonly #expiresAt: number | undefined;
  #held: Held | undefined;
  #unanswered: GatewayError | undefined;

  /** @param expiresAt for slow far sides, Unix ms */
  constructor(parts: TurnParts, state: PolledDevice, expiresAt?: number) {
    this.#parts = parts;
    this.#state = state;
    this.#expiresAt = expiresAt;
  }

  /** Waits for the line. Rejects with TransientError `queue-full`, LinkError, or the signal's reason. */
  async enter(signal?: AbortSignal): Promise<void> {
    const { line } = this.#parts;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        line.jobs.remove(job);
        reject(signal?.reason);
      };
      const job: Job = {
        urgent: true,
        // One write of a device at a time, whatever the line can carry at once.
        ready: () => this.#state.writer === undefined || this.#state.writer === this,
        run: (driver, ended) => {
          signal?.removeEventListener("abort", abort);
          const left = this.take(driver, ended);
          resolve();
          return left;
        },
        fail: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(reasonFor(error, line));
        },
      };
      try {
        line.push(job);
      } catch (error) {
        reject(reasonFor(error, line));
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Has the line from now on; resolves when it is left. */
  take(driver: Driver, ended: AbortSignal): Promise<void> {
    this.#state.writer = this;
    return new Promise((leave) => {
      this.#held = { driver, ended, leave };
    });
  }

  /** Leaves the line to others; the device stays taken. */
  leave(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.leave();
  }

  end(): void {
    this.leave();
    if (this.#state.writer !== this) return;
    this.#state.writer = undefined;
    this.#parts.line.wake.notify();
  }

  get gaveUp(): boolean {
    const { breakers } = this.#parts.line;
    return this.#unanswered !== undefined && breakers.state(this.#state.device.id) !== "closed";
  }

  now(): number {
    return this.#parts.line.clock.monotonic();
  }

  unix(): number {
    return this.#parts.line.clock.now();
  }

  known(point: Point): Value | undefined {
    return this.#state.remembered.value(point, this.now());
  }

  isHeard(point: Point): boolean {
    return this.#state.heard.has(point);
  }

  async read(now: readonly Point[], recent: readonly Point[] = []): Promise<readonly Reading[]> {
    const { device, leftOut, heard } = this.#state;
    const { profile } = device;
    const readable = new Set(readablePoints(profile));
    const places = now.filter((point) => !readable.has(point));
    const scales = new Set(places.map(({ scaleSource }) => scaleSource?.point));
    const own = [...now, ...recent].filter((point) => readable.has(point));
    const inputs = new Set(
      withInputs(profile, [...own, ...profile.points.filter(({ name }) => scales.has(name))]),
    );
    const results: PointResult[] = [];
    const asked: Point[] = [];
    for (const input of inputs) {
      const known = this.#young(input, now.includes(input));
      if (known) results.push(known);
      else if (!input.formula && !heard.has(input) && !leftOut.has(input)) asked.push(input);
    }
    const found = asked.length + places.length > 0 ? await this.ask([...asked, ...places]) : [];
    const ours = found.filter(({ point }) => readable.has(point));
    this.#pass(ours);
    const readings = momentReadings(device, [...results, ...ours]);
    for (const result of found)
      if (!readable.has(result.point)) readings.push(...this.#place(result, readings));
    return readings;
  }

  async write(address: unknown, raw: RawValue): Promise<PendingWrite | undefined> {
    const { driver, ended } = await this.#hold();
    const state = this.#state;
    // Not `unknown-device`, which promises that nothing was written: an earlier step may have been.
    if (!this.#parts.line.has(state))
      throw new GatewayError(`${removed(state).message}, and what was begun ends here`, {
        code: "interrupted",
      });
    if (state.identity.phase !== "known")
      throw new TransientError("the line was opened anew, and who is there is not known yet", {
        code: "not-identified",
      });
    if (this.gaveUp && this.#unanswered) throw this.#unanswered;
    try {
      const order = { address, raw, expiresAt: this.#expiresAt };
      const pending = await this.#parts.polls.write(driver, state, order, ended);
      this.#unanswered = undefined;
      return pending;
    } catch (error) {
      if (error instanceof TransientError) this.#unanswered = error;
      throw error;
    }
  }

  async hold(ms: number): Promise<void> {
    const { ended } = await this.#hold();
    await this.#sleep(ms, ended);
  }

  async rest(ms: number): Promise<void> {
    if (ms > heldMs) this.leave();
    await this.#sleep(ms, this.#held?.ended ?? this.#parts.line.signal);
  }

  async hear(point: Point, withinMs: number, signal?: AbortSignal): Promise<readonly Reading[]> {
    this.leave();
    if (signal?.aborted) return [];
    const { line, asked } = this.#parts;
    const { device, heard, remembered } = this.#state;
    const inputs = withInputs(device.profile, [point]).filter((input) => !input.formula);
    const over = new AbortController();
    const stop = () => over.abort();
    const timer = line.clock.timer(withinMs, stop);
    signal?.addEventListener("abort", stop, { once: true });
    const wanted = inputs.filter((input) => heard.has(input));
    try {
      await asked.hear(this.#state, wanted, over.signal);
    } catch (error) {
      if (!over.signal.aborted) throw error instanceof LinkError ? error : lost(line.signal);
      return [];
    } finally {
      signal?.removeEventListener("abort", stop);
      timer[Symbol.dispose]();
    }
    return momentReadings(
      device,
      inputs.flatMap((input) => remembered.lasting(input, this.now()) ?? []),
    );
  }

  /** What is known of a point and young enough not to be asked. */
  #young(point: Point, wantedNow: boolean): PointResult | undefined {
    const { device, heard, remembered } = this.#state;
    const once = !Number.isFinite(pollPeriod(device, point));
    if (heard.has(point) || (once && !wantedNow)) return remembered.lasting(point, this.now());
    return wantedNow ? undefined : remembered.result(point, this.now(), freshMs);
  }

  /** The line; entered anew where it was left. */
  async #hold(): Promise<Held> {
    if (!this.#held) await this.enter();
    if (!this.#held) throw lost(this.#parts.line.signal);
    return this.#held;
  }

  /** What the device says of points, raw, whatever is known; points that it sends by itself have no answer. */
  async ask(points: readonly Point[]): Promise<PointResult[]> {
    const { driver, ended } = await this.#hold();
    const { asked } = this.#parts;
    let tail = Promise.resolve();
    const line: AskedLine = {
      ...asked,
      hear: () => Promise.resolve([]),
      attempt: (...what) => this.#attempt(...what),
      // One after the other, and at once.
      push: (job) => {
        tail = tail.then(() => job.run(driver, ended));
      },
    };
    try {
      return await readResults(line, this.#state, points, undefined);
    } catch (error) {
      throw ended.aborted ? lost(ended) : error;
    }
  }

  async #attempt(
    driver: Driver,
    state: PolledDevice,
    request: ReadRequest,
    ended: AbortSignal,
  ): Promise<Outcome> {
    if (this.gaveUp && this.#unanswered) return { kind: "failed", error: this.#unanswered };
    const outcome = await this.#parts.polls.attempt(driver, state, request, ended);
    if (outcome.kind === "failed")
      this.#unanswered = outcome.error instanceof TransientError ? outcome.error : undefined;
    else if (outcome.kind === "read") this.#unanswered = undefined;
    return outcome;
  }

  /** What was read on the way goes the way of what is polled. */
  #pass(results: readonly PointResult[]): void {
    const state = this.#state;
    const { line } = this.#parts;
    if (!line.has(state) || !state.isReady || results.length === 0) return;
    const readings = state.derive(results, this.now());
    this.readings.push(...readings);
    line.pass(state, readings);
  }

  /** A place that is no point, in the form of the point that is written. */
  #place(result: PointResult, known: readonly Reading[]): Reading[] {
    const { device } = this.#state;
    const { point, at } = result;
    if ("problem" in result)
      return [{ device, point, name: point.name, quality: result.problem, time: at, detail: result.detail }];
    const scale = point.scaleSource && known.find(({ name }) => name === point.scaleSource?.point)?.value;
    return toReadings(
      device,
      point,
      result.raw,
      at,
      scale === undefined ? undefined : scaledBy(point, scale),
    );
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.line.clock.sleep(ms, signal);
    } catch {
      throw lost(signal);
    }
  }
}

function reasonFor(error: unknown, { signal }: Line): GatewayError {
  return error instanceof GatewayError ? error : lost(signal);
}

/** The device that is no longer on the line. */
export function removed({ device }: PolledDevice): ConfigError {
  return new ConfigError(`${device.id} was removed or configured anew meanwhile`, { code: "unknown-device" });
}
