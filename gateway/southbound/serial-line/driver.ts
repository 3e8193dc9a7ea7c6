import type { Instant } from "../../model/clock.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import { Exchange } from "../exchange.ts";
import { LineDeframer, type LineFraming } from "../line-deframer.ts";
import {
  type Driver,
  type DriverWrite,
  type PointResult,
  type ReadRequest,
  type Refusal,
  type SouthboundContext,
  unsent,
} from "../protocol.ts";
import { Line } from "./line.ts";
import { type Decoded, type LineUnit, messagesOf, resultsOf } from "./messages.ts";
import { isLineRequest } from "./plan.ts";
import { Roster } from "./roster.ts";
import type { LineAddress, LineConnection, LineDevice, LineHead } from "./settings.ts";
import { type LineOrder, orderToSend } from "./write.ts";

/** An owed answer is believed lost so many timeouts after its command. */
const lateTimeouts = 6;

export type LineDriver = Driver<LineAddress, LineDevice, LineHead>;

/** A connected driver. Rejects with LinkError. */
export async function openLines(connection: LineConnection, context: SouthboundContext): Promise<LineDriver> {
  const transport = await context.connect(connection.endpoint, context.signal);
  try {
    if (connection.connectDelayMs > 0)
      await context.clock.sleep(connection.connectDelayMs, AbortSignal.any([context.signal, transport.lost]));
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
  const deframer = new LineDeframer();
  return new LiveDriver(
    (heard) => new Exchange<Uint8Array>(transport, deframer, context.clock, heard),
    deframer,
    context,
  );
}

/**
 * Frames that come unasked and are of a message that is asked for are dropped: a late answer is no
 * answer to the next request while that has not been sent. One that comes after it cannot be told
 * from its own; it is of the same message and device, and at most a timeout old.
 */
class LiveDriver implements LineDriver {
  readonly concurrency = 1;
  readonly #exchange: Exchange<Uint8Array>;
  readonly #deframer: LineDeframer;
  readonly #context: SouthboundContext;
  readonly #counters = {
    unmatched: 0,
    "bad-checksum": 0,
    "bad-character": 0,
    "not-delivered": 0,
    quarantined: 0,
    late: 0,
  };
  /** A command whose answer has not come; until when it may (monotonic ms). */
  #owed: { readonly order: LineOrder; readonly until: number } | undefined;
  #roster = new Roster([]);
  #framing: LineFraming | undefined;
  /** Monotonic ms of the last answer: some instruments need a pause. */
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(
    open: (heard: (frame: Uint8Array, at: number) => void) => Exchange<Uint8Array>,
    deframer: LineDeframer,
    context: SouthboundContext,
  ) {
    this.#exchange = open((frame, at) => this.#heard(frame, at));
    this.#deframer = deframer;
    this.#context = context;
  }

  get lost(): AbortSignal {
    return this.#exchange.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#exchange.statistics, ...this.#counters };
  }

  listen(devices: readonly LineUnit[]): readonly Refusal[] {
    this.#roster = new Roster(devices);
    const { framing, refused, speaksFirst } = this.#roster;
    this.#deframer.resettable = !speaksFirst;
    this.#frame(framing);
    return refused;
  }

  async read(
    device: LineUnit,
    request: ReadRequest<LineAddress>,
    signal: AbortSignal,
  ): Promise<PointResult<LineAddress>[]> {
    if (!isLineRequest(request))
      throw new ConfigError(`${request.label} is no line request`, { code: "foreign-request" });
    const refused = this.#roster.refused.find((one) => one.device === device);
    if (refused) throw refused.error;
    if (!this.#roster.framing) this.#frame(device.profile.protocolSettings.framing);
    const messages = messagesOf(device);
    const bytes = messages.request(request.message);
    let decoded: Decoded | undefined;
    const accepts = (frame: Uint8Array): boolean => {
      const verdict = messages.decode(new Line(frame), request.message);
      if (verdict.kind === "message") decoded = verdict.decoded;
      return verdict.kind === "message";
    };
    const { timeoutMs, retries } = request.polled;
    for (let attempt = 0; ; attempt += 1) {
      await this.#rest(device, signal);
      try {
        const { at } = await this.#exchange.request(bytes, accepts, { timeoutMs }, signal);
        if (decoded) return this.#whole(request, decoded, at);
      } catch (error) {
        if (!(error instanceof TransientError) || attempt >= retries) throw error;
      } finally {
        this.#answeredAt = this.#context.clock.monotonic();
      }
    }
  }

  /**
   * As `Driver.write`, once. Without an answer in the profile it resolves when the line is on the wire.
   * Lines have no numbers: after a command that was not answered none is sent for as long as its answer
   * could still come, unless that comes.
   */
  async write(
    device: LineUnit,
    { address, raw }: DriverWrite<LineAddress>,
    signal: AbortSignal,
  ): Promise<undefined> {
    signal.throwIfAborted();
    this.lost.throwIfAborted();
    const refused = this.#roster.refused.find((one) => one.device === device);
    if (refused) throw refused.error;
    const order = orderToSend(device, address, raw);
    const { clock } = this.#context;
    this.#refuseConfusable(clock.monotonic());
    if (!this.#roster.framing) this.#frame(device.profile.protocolSettings.framing);
    await this.#rest(device, signal);
    signal.throwIfAborted();
    try {
      if (order.unanswered) {
        await this.#exchange.write(order.bytes);
        return;
      }
      const { timeoutMs } = order.request;
      this.#owed = { order, until: clock.monotonic() + lateTimeouts * timeoutMs };
      const { frame } = await this.#exchange.request(order.bytes, order.accepts, { timeoutMs }, signal);
      this.#owed = undefined;
      order.confirm(frame);
    } finally {
      this.#answeredAt = clock.monotonic();
    }
  }

  /** A command whose answer could be an earlier one's late answer is not sent. */
  #refuseConfusable(now: number): void {
    if (!this.#owed || this.#owed.until <= now) return;
    this.#counters.quarantined += 1;
    throw new TransientError(
      `the answer to ${this.#owed.order.message} is still owed; no command for ${Math.ceil(this.#owed.until - now)} ms`,
      { code: unsent, hint: "if this happens often, the message needs a longer timeout" },
    );
  }

  /** Half a line is kept when others come and go. */
  #frame(framing: LineFraming | undefined): void {
    if (!framing || framing === this.#framing) return;
    this.#framing = framing;
    this.#deframer.use(framing);
  }

  /** One result per point: what the answer leaves out has no value. */
  #whole(
    { points }: ReadRequest<LineAddress>,
    decoded: Decoded,
    monotonic: number,
  ): PointResult<LineAddress>[] {
    return wholeAnswer(points, decoded, this.#instant(monotonic));
  }

  async #rest({ profile }: LineUnit, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const ms = this.#answeredAt + profile.protocolSettings.pauseMs - clock.monotonic();
    if (ms > 0) await clock.sleep(ms, AbortSignal.any([signal, this.lost]));
  }

  #heard(frame: Uint8Array, monotonic: number): void {
    if (this.#owed?.order.accepts(frame)) {
      this.#owed = undefined;
      this.#counters.late += 1;
      return;
    }
    for (const { device, decoded, points } of this.#roster.hear(frame, this.#counters))
      this.#emit(device, resultsOf(decoded, points, this.#instant(monotonic)));
  }

  #emit(device: Device, results: readonly PointResult[]): void {
    if (results.length === 0) return;
    this.#context.emit(device, results).catch(() => {
      this.#counters["not-delivered"] += 1;
    });
  }

  #instant(monotonic: number): Instant {
    const { clock } = this.#context;
    const stamp = clock.stamp();
    return { base: stamp.base, ms: stamp.ms - (clock.monotonic() - monotonic) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]();
  }
}

/** One result per point of an answer; `sentinel` for what it leaves out. */
export function wholeAnswer(
  points: ReadRequest<LineAddress>["points"],
  decoded: Decoded,
  at: Instant,
): PointResult<LineAddress>[] {
  const found = new Map(resultsOf(decoded, points, at).map((result) => [result.point, result]));
  return points.map(
    (point) => found.get(point) ?? { point, at, problem: "sentinel", detail: "not in the answer" },
  );
}
