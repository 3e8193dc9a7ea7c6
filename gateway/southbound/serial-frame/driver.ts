// A little long: requests, sessions and words that come by themselves share one owed answer.
import { toldPoints } from "../../model/device.ts";
import { ConfigError, GatewayError, TransientError } from "../../model/errors.ts";
import type { Transport } from "../../transport/transport.ts";
import { Exchange } from "../exchange.ts";
import {
  type Driver,
  type DriverWrite,
  type PointResult,
  type ReadRequest,
  type SouthboundContext,
  unsent,
} from "../protocol.ts";
import type { CompiledRequest } from "./compile.ts";
import type { LineFrame } from "./deframer.ts";
import { LineDeframer } from "./line-deframer.ts";
import { Owed } from "./owed.ts";
import type { FrameRead } from "./plan.ts";
import { headOf, isFrom, type Prepared, prepare } from "./request.ts";
import { contentOf, frameResults, heardPoints } from "./results.ts";
import { type FrameTarget, Session } from "./session.ts";
import type { FrameAddress, FrameConnection, FrameDevice, FrameHead } from "./settings.ts";
import { encodable, orderOf } from "./write.ts";

export type FrameDriver = Driver<FrameAddress, FrameDevice, FrameHead>;

/** An owed answer is believed lost so many timeouts after its own. */
const lateTimeouts = 6;
/** Bytes that came while this process stood still have been read by then, ms. */
const unreadMs = 20;
/** A lost TCP segment parts the bytes of a frame for so long, ms. */
const networkSlackMs = 1000;

/** A connected driver. Rejects with LinkError. */
export async function openSerialFrame(
  connection: FrameConnection,
  context: SouthboundContext,
): Promise<FrameDriver> {
  const { clock, signal } = context;
  const transport = await context.connect(connection.endpoint, signal);
  try {
    const { connectDelayMs } = connection.timing;
    if (connectDelayMs > 0) await clock.sleep(connectDelayMs, AbortSignal.any([signal, transport.lost]));
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
  return new LiveDriver(connection, transport, context);
}

/**
 * One line: requests one at a time, polls and what sessions need alike; between them what devices say
 * by themselves. Longer than most files: the turn, the owed answers and the sessions are one state.
 */
class LiveDriver implements FrameDriver {
  readonly concurrency = 1;
  readonly #connection: FrameConnection;
  readonly #context: SouthboundContext;
  readonly #deframer: LineDeframer;
  readonly #exchange: Exchange<LineFrame>;
  readonly #owed = new Owed();
  readonly #counts = {
    rejected: 0,
    late: 0,
    unclaimed: 0,
    quarantined: 0,
    refused: 0,
    sessions: 0,
    "session-failures": 0,
  };
  #sessions = new Map<string, Session>();
  /** Settles when the request that is on its way is over. */
  #turn: Promise<void> = Promise.resolve();
  #restUntil = 0;
  #tag = 0;
  #timer: Disposable | undefined;
  readonly #closed = new AbortController();

  constructor(connection: FrameConnection, transport: Transport, context: SouthboundContext) {
    this.#connection = connection;
    this.#context = context;
    this.#deframer = new LineDeframer(connection.endpoint.kind === "tcp" ? networkSlackMs : 0);
    this.#exchange = new Exchange(transport, this.#deframer, context.clock, (frame, at) =>
      this.#heard(frame, at),
    );
  }

  get lost(): AbortSignal {
    return this.#exchange.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#exchange.statistics, ...this.#counts };
  }

  listen(devices: readonly FrameTarget[]): void {
    const heads = new Set(devices.map(({ profile }) => headOf(profile.protocolSettings)));
    const before = this.#sessions;
    this.#sessions = new Map();
    for (const device of devices) {
      const known = before.get(device.id);
      const session = known?.is(device) ? known : this.#newSession(device);
      session.renew(device);
      this.#sessions.set(device.id, session);
    }
    this.#deframer.keep(heads);
    this.#deframer.keepsBytes = devices.some(({ profile }) =>
      toldPoints(profile).some(({ address }) => "frame" in address),
    );
    this.#schedule();
  }

  async read(
    device: FrameTarget,
    request: ReadRequest<FrameAddress>,
    signal: AbortSignal,
  ): Promise<PointResult<FrameAddress>[]> {
    const name = requestOf(request);
    const session = this.#session(device);
    return this.#inTurn(signal, async () => {
      if (!session.isOpen) await this.#open(session, signal);
      let answer: { frame: LineFrame; at: number } | undefined;
      try {
        answer = await this.#ask(session, name, signal);
      } catch (error) {
        if (error instanceof TransientError && error.code !== unsent) session.failed();
        throw error;
      }
      if (!answer) throw new ConfigError(`${name} has no answer`, { code: "no-reply" });
      session.heard(answer.frame.shape.name);
      return this.#results(session, answer.frame, request.points, answer.at);
    }).finally(() => this.#schedule());
  }

  /**
   * As `Driver.write`, once, whatever the profile says of retries. Without an answer in the profile it
   * resolves when the frame is on the wire.
   */
  async write(
    device: FrameTarget,
    { address, raw }: DriverWrite<FrameAddress>,
    signal: AbortSignal,
  ): Promise<undefined> {
    const session = this.#session(device);
    await this.#inTurn(signal, async () => {
      const order = encodable(() => orderOf(session.head, device, address, raw, this.#tag++));
      if (!session.isOpen) await this.#open(session, signal);
      const answer = await this.#attempt(session, order.request, order.prepared, signal);
      if (!answer) return;
      session.heard(answer.frame.shape.name);
      if (order.prepared.refuses(answer.frame)) this.#counts.refused++;
      order.confirm(answer.frame);
    }).finally(() => this.#schedule());
  }

  #newSession(device: FrameTarget): Session {
    return new Session(device, headOf(device.profile.protocolSettings), this.#context.clock);
  }

  #session(device: FrameTarget): Session {
    const known = this.#sessions.get(device.id);
    if (known?.is(device)) return known;
    const session = this.#newSession(device);
    this.#sessions.set(device.id, session);
    this.#deframer.add(session.head);
    return session;
  }

  /** Runs when nothing else is asked on the line. */
  async #inTurn<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      await before;
      signal.throwIfAborted();
      this.lost.throwIfAborted();
      return await work();
    } finally {
      resolve();
    }
  }

  async #open(session: Session, signal: AbortSignal): Promise<void> {
    try {
      for (const name of session.head.head.session?.open ?? []) await this.#ask(session, name, signal);
    } catch (error) {
      this.#counts["session-failures"]++;
      session.refused();
      throw error;
    }
    this.#counts.sessions++;
    session.opened();
  }

  /** One request of the profile, repeated as it allows. Undefined for one that has no answer. */
  async #ask(
    session: Session,
    name: string,
    signal: AbortSignal,
  ): Promise<{ frame: LineFrame; at: number } | undefined> {
    const { head, device } = session;
    const request = head.requests.get(name);
    if (!request) throw new ConfigError(`the profile has no request "${name}"`, { code: "unknown-request" });
    for (let attempt = 0; ; attempt++) {
      const prepared = prepare(head, request, device.settings, this.#tag++);
      try {
        const answer = await this.#attempt(session, request, prepared, signal);
        if (!answer || !prepared.refuses(answer.frame)) return answer;
        this.#counts.refused++;
        throw new TransientError(`${device.id} refused ${name}`, { code: "refused" });
      } catch (error) {
        const isLast = attempt >= request.settings.retries || this.#isHeld(prepared);
        if (!(error instanceof TransientError) || isLast) throw error;
      }
    }
  }

  /** Sends a request once: what answers or refuses it, or undefined where nothing does. */
  async #attempt(
    session: Session,
    { name, settings }: CompiledRequest,
    prepared: Prepared,
    signal: AbortSignal,
  ): Promise<{ frame: LineFrame; at: number } | undefined> {
    const { clock } = this.#context;
    const { timeoutMs, pauseMs } = settings;
    // A late answer without values can be taken for nothing worse than itself, unless it confirms a write.
    const counts = prepared.hasValues || session.isWritten;
    const lateMs = settings.lateMs ?? (counts ? lateTimeouts * timeoutMs : 0);
    this.#refuseConfusable(prepared, name);
    if (this.#owed.lapsed(prepared, clock.monotonic())) await clock.sleep(unreadMs, signal);
    await this.#rest(signal);
    signal.throwIfAborted();
    const damagedBefore = this.#damaged();
    try {
      if (prepared.answers.length === 0) {
        await this.#exchange.write(prepared.bytes);
        return undefined;
      }
      return await this.#exchange.request(prepared.bytes, prepared.accepts, { timeoutMs }, signal);
    } catch (error) {
      // Unless it came damaged, the answer may still come.
      if (this.#damaged() === damagedBefore && lateMs > 0)
        this.#owed.owe(prepared, clock.monotonic() + lateMs);
      throw error;
    } finally {
      this.#restUntil = clock.monotonic() + Math.max(pauseMs, session.head.head.timing.minIntervalMs);
    }
  }

  /** Frames that were whole but for their checksum. */
  #damaged(): number {
    return this.#deframer.statistics["bad-checksum"] ?? 0;
  }

  #isHeld(prepared: Prepared): boolean {
    return this.#owed.heldUntil(prepared, this.#context.clock.monotonic()) !== undefined;
  }

  /** A request whose answer could be an earlier one's late answer is not sent. */
  #refuseConfusable(prepared: Prepared, name: string): void {
    const now = this.#context.clock.monotonic();
    const until = this.#owed.heldUntil(prepared, now);
    if (until === undefined) return;
    this.#counts.quarantined++;
    throw new TransientError(
      `an earlier answer like that of ${name} is still owed; not asked again for ${Math.ceil(until - now)} ms`,
      { code: unsent, hint: "if this happens often, the request needs a longer timeout" },
    );
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { silenceMs } = this.#connection.timing;
    const until = Math.max(this.#restUntil, this.#exchange.lastByteAt + silenceMs);
    const wait = until - this.#context.clock.monotonic();
    if (wait > 0) await this.#context.clock.sleep(wait, AbortSignal.any([signal, this.lost]));
  }

  /** A frame that no request waits for. */
  #heard(frame: LineFrame, at: number): void {
    if (this.#owed.pay(frame)) {
      this.#counts.late++;
      return;
    }
    let claimed = false;
    for (const session of this.#sessions.values()) {
      const { device, head } = session;
      if (head !== frame.head || !isFrom(frame, device.settings)) continue;
      session.heard(frame.shape.name);
      const points = heardPoints(toldPoints(device.profile), frame.shape.name);
      if (points.length === 0) continue;
      claimed = true;
      // Resolves, never rejects, once the readings are taken over or dropped, and counts what is dropped.
      void this.#context.emit(device, this.#results(session, frame, points, at));
    }
    if (!claimed) this.#counts.unclaimed++;
    this.#schedule();
  }

  #results(
    session: Session,
    frame: LineFrame,
    points: readonly FrameTarget["profile"]["points"][number][],
    at: number,
  ): PointResult<FrameAddress>[] {
    const { clock } = this.#context;
    const stamp = clock.stamp();
    const instant = { base: stamp.base, ms: stamp.ms - (clock.monotonic() - at) };
    if (session.isWarmingUp(at))
      return frameResults(frame, { problem: "sentinel", detail: "warming up" }, points, instant);
    const content = contentOf(frame);
    if ("problem" in content && content.problem === "sentinel") this.#counts.rejected++;
    return frameResults(frame, content, points, instant);
  }

  /** Wakes up when a session needs something that no poll brings. */
  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#closed.signal.aborted) return;
    const times = Array.from(this.#sessions.values(), ({ nextAt }) => nextAt).filter(
      (at) => at !== undefined,
    );
    if (times.length === 0) return;
    const wait = Math.max(1, Math.min(...times) - this.#context.clock.monotonic());
    this.#timer = this.#context.clock.timer(wait, () => {
      this.#timer = undefined;
      void this.#attend().finally(() => this.#schedule());
    });
  }

  /** Opens and keeps alive what is due. Failures are counted, and tried again after a pause. */
  async #attend(): Promise<void> {
    const signal = AbortSignal.any([this.#context.signal, this.#closed.signal, this.lost]);
    for (const session of [...this.#sessions.values()]) {
      try {
        await this.#inTurn(signal, () => this.#care(session, signal));
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof GatewayError) continue;
        // A bug of ours: this line starts anew, the others go on.
        this.#context.log.error({ error: String(error) }, "caring for sessions broke");
        await this.#exchange[Symbol.asyncDispose]();
        return;
      }
    }
  }

  async #care(session: Session, signal: AbortSignal): Promise<void> {
    const due = session.due(this.#context.clock.monotonic());
    const keepalive = session.head.head.session?.keepalive;
    if (due === "open") await this.#open(session, signal);
    if (due !== "keepalive" || !keepalive) return;
    session.kept();
    try {
      await this.#ask(session, keepalive.send, signal);
    } catch (error) {
      session.failed();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new ConfigError("the driver was closed", { code: "closed" }));
    this.#timer?.[Symbol.dispose]();
    await this.#exchange[Symbol.asyncDispose]();
  }
}

/** The loop hands back what `plan` made. */
export function requestOf(request: ReadRequest<FrameAddress>): string {
  if (isPlanned(request)) return request.request;
  throw new ConfigError(`${request.label} is no request of a frame profile`, { code: "foreign-request" });
}

function isPlanned(request: ReadRequest<FrameAddress>): request is FrameRead {
  return "request" in request && typeof request.request === "string";
}
