// A little long: silence, echo, late replies and learned timeouts all turn on what the line carried last.
import type { Clock } from "../../model/clock.ts";
import { LinkError, TransientError } from "../../model/errors.ts";
import type { Transport } from "../../transport/transport.ts";
import { unsent } from "../protocol.ts";
import { type Client, exceptionError, newStatistics, type Reply } from "./client.ts";
import type { Found, LineFraming } from "./framing.ts";
import { Patience } from "./patience.ts";
import { answerLength, answers, encodeRequest, isWrite, longestAnswer, type Request } from "./pdu.ts";

/** How the bytes of a line lie in time, ms. */
export interface LinePace {
  /** One character on the wire; 0 where we cannot know (behind TCP). */
  readonly character: number;
  /** Silence before a request. */
  readonly silence: number;
  /** What drivers, adapters and networks may add to an answer's way. */
  readonly slack: number;
  /** Shortest timeout that learning may lead to. */
  readonly floor: number;
}

interface Outstanding {
  readonly unit: number;
  readonly request: Request;
  readonly frame: Uint8Array;
  readonly patience: Patience;
  /** The wait that was allowed, and the one that was taken. */
  readonly limit: number;
  readonly timeout: number;
  /** When the request's last byte is on the wire, as far as can be known. */
  sentAt: number;
  /** Time that a whole answer takes on the wire. */
  readonly answerMs: number;
  echoDue: boolean;
  /** How often bytes came since it was sent. */
  looks: number;
  /** What else came meanwhile, in rising order of what it says. */
  seen: "nothing" | "foreign-reply" | "bad-reply" | "bad-echo";
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes that came while this process stood still have been read by then. */
const unreadMs = 20;

/** Two of the longest ASCII frames. */
const capacity = 1026;

/**
 * Transactions on a line without transaction ids: RTU or ASCII, serial or through TCP. One request is
 * on its way at a time. What comes is cut into whole frames all the time, also while nothing is
 * waited for, so that a late answer is recognised for what it is.
 *
 * Longer than most files: silence, echo, owed answers and the buffer are one state, and pulled apart
 * they would only pass it to and fro.
 */
export class LineClient implements Client {
  readonly concurrency = 1;
  readonly lost: AbortSignal;
  readonly statistics = newStatistics();
  /** Hears of each whole frame that answers nothing that is waited for: late answers, and other masters' units. */
  onStray: ((unit: number) => void) | undefined;
  readonly #transport: Transport;
  readonly #framing: LineFraming;
  readonly #pace: LinePace;
  readonly #clock: Clock;
  readonly #units = new Map<number, Patience>();
  readonly #buffer = new Uint8Array(capacity);
  #length = 0;
  /** Candidates that end at or before this place have been tried. */
  #checked = 0;
  /** When the last byte was on the line, ours or theirs. */
  #lastByteAt = Number.NEGATIVE_INFINITY;
  #outstanding: Outstanding | undefined;
  #busy: Promise<void> | undefined;
  #writing = false;
  /** Whether nothing has been answered since the last write. */
  #orderOpen = false;
  /** Whether this line gives our own bytes back; undefined until that shows. */
  #echoes: boolean | undefined;

  constructor(transport: Transport, framing: LineFraming, pace: LinePace, clock: Clock) {
    this.#transport = transport;
    this.#framing = framing;
    this.#pace = pace;
    this.#clock = clock;
    this.lost = transport.lost;
    this.lost.addEventListener("abort", () => this.#outstanding?.reject(this.lost.reason), { once: true });
    transport.receive((chunk, at) => this.#receive(chunk, at));
  }

  async request(unit: number, request: Request, limit: number, signal: AbortSignal): Promise<Reply> {
    while (this.#busy !== undefined) await this.#busy;
    const turn = Promise.withResolvers<void>();
    this.#busy = turn.promise;
    try {
      return await this.#transact(unit, request, limit, signal);
    } finally {
      this.#busy = undefined;
      turn.resolve();
    }
  }

  get knowsEcho(): boolean {
    return this.#echoes !== undefined;
  }

  holds(unit: number, request: Request): boolean {
    return this.#units.get(unit)?.heldUntil(request, this.#clock.monotonic()) !== undefined;
  }

  async #transact(unit: number, request: Request, limit: number, signal: AbortSignal): Promise<Reply> {
    this.lost.throwIfAborted();
    signal.throwIfAborted();
    const patience = this.#patience(unit);
    // Giving up a write early would leave in doubt what a moment more had told.
    const timeout = isWrite(request) ? limit : patience.timeout(limit);
    this.#refuseConfusable(unit, request, patience);
    if (patience.lapsed(request, this.#clock.monotonic())) await this.#clock.sleep(unreadMs, signal);
    await this.#silence(timeout, signal);
    // A late answer may have come, or the link have gone, while we were waiting.
    this.lost.throwIfAborted();
    if (this.#writing)
      throw new LinkError("the line takes no bytes", {
        code: "stuck",
        hint: "check the adapter, or the flow control of the line",
      });
    this.#drop(this.#length);
    return this.#exchange(unit, request, { patience, limit, timeout }, signal);
  }

  #patience(unit: number): Patience {
    let known = this.#units.get(unit);
    if (!known) {
      known = new Patience(this.#pace.floor);
      this.#units.set(unit, known);
    }
    return known;
  }

  #refuseConfusable(unit: number, request: Request, patience: Patience): void {
    const now = this.#clock.monotonic();
    const until = patience.heldUntil(request, now);
    if (until === undefined) return;
    this.statistics.quarantined++;
    throw new TransientError(
      `unit ${unit} still owes an answer of this form; not asked again for ${Math.ceil(until - now)} ms`,
      { code: unsent, hint: "if this happens often, the unit needs a longer timeout" },
    );
  }

  /** Resolves when the line has been silent for long enough; a line that never is, is busy. */
  async #silence(patience: number, signal: AbortSignal): Promise<void> {
    const started = this.#clock.monotonic();
    for (;;) {
      const now = this.#clock.monotonic();
      const wait = this.#lastByteAt + this.#pace.silence - now;
      if (wait <= 0) return;
      if (now - started > patience + this.#pace.silence)
        throw new TransientError("the line is never silent", {
          code: "line-busy",
          hint: "another master, a babbling unit, or a wrong baud rate",
        });
      await this.#clock.sleep(wait, signal);
    }
  }

  #exchange(
    unit: number,
    request: Request,
    { patience, limit, timeout }: Pick<Outstanding, "patience" | "limit" | "timeout">,
    signal: AbortSignal,
  ): Promise<Reply> {
    const { character, slack } = this.#pace;
    const frame = this.#framing.encode(unit, encodeRequest(request));
    const answerBytes = this.#framing.frameLength(answerLength(request));
    const answerMs = answerBytes * character;
    const longestMs = this.#framing.frameLength(longestAnswer(request)) * character;
    const sentAt = this.#clock.monotonic() + frame.length * character;
    return new Promise((resolve, reject) => {
      const abort = () => {
        patience.owe(request, outstanding.sentAt, this.#clock.monotonic(), limit);
        outstanding.reject(signal.reason);
      };
      const finish = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", abort);
        this.#outstanding = undefined;
      };
      const outstanding: Outstanding = {
        unit,
        request,
        frame,
        patience,
        limit,
        timeout,
        sentAt,
        answerMs,
        // A write's answer may be the write itself: only a line that is known to echo is then believed to.
        echoDue: this.#echoes === true || (this.#echoes === undefined && request.function <= 4),
        looks: 0,
        seen: "nothing",
        resolve: (reply) => {
          finish();
          resolve(reply);
        },
        reject: (error) => {
          finish();
          reject(error);
        },
      };
      // Whole milliseconds: giving up needs no precision.
      const timer = this.#clock.timer(Math.ceil(frame.length * character + timeout + longestMs + slack), () =>
        this.#expire(outstanding),
      );
      signal.addEventListener("abort", abort, { once: true });
      this.#outstanding = outstanding;
      this.statistics.requests++;
      this.statistics.bytesSent += frame.length;
      this.#lastByteAt = sentAt;
      this.#orderOpen ||= isWrite(request);
      this.#writing = true;
      this.#transport.write(frame).then(
        () => {
          this.#writing = false;
          outstanding.sentAt = Math.max(sentAt, this.#clock.monotonic());
          this.#lastByteAt = Math.max(this.#lastByteAt, outstanding.sentAt);
          if (this.#outstanding === outstanding && character > 0) {
            this.#transport.expect?.(answerBytes, outstanding.sentAt + patience.expected + answerMs);
          }
        },
        (error) => {
          this.#writing = false;
          if (this.#outstanding === outstanding) outstanding.reject(error);
        },
      );
    });
  }

  /** The time is over. The answer may still come: it is owed, unless its damaged remains lie before us. */
  #expire(outstanding: Outstanding): void {
    const { unit, request, patience, limit, timeout, sentAt } = outstanding;
    const pduLength = answerLength(request);
    const remains = this.#framing.isDamaged(this.#buffer, this.#length, unit, request.function, pduLength);
    if (!remains) patience.owe(request, sentAt, this.#clock.monotonic(), limit);
    outstanding.reject(this.#reason(unit, timeout, outstanding.seen));
  }

  /** What the wait has shown, the most telling first. */
  #reason(unit: number, timeout: number, seen: Outstanding["seen"]): TransientError {
    if (seen === "bad-reply") {
      this.statistics.bad++;
      return this.#failure(unit, "bad-reply", "answered in another form than asked");
    }
    if (seen === "bad-echo") {
      this.statistics.bad++;
      const what = "confirmed another write than was asked for";
      return this.#failure(unit, "bad-echo", what, "read what is there now");
    }
    if (this.#length > 0) {
      this.statistics.damaged++;
      const what = `sent ${this.#length} bytes that are no answer`;
      return this.#failure(unit, "crc", what, "noise, wrong baud rate or parity");
    }
    if (seen === "foreign-reply")
      return this.#failure(unit, "foreign-reply", "was silent while others answered");
    this.statistics.timeouts++;
    return this.#failure(unit, "timeout", `did not answer within ${Math.round(timeout)} ms`);
  }

  #failure(unit: number, code: string, what: string, hint?: string): TransientError {
    return new TransientError(`unit ${unit} ${what}`, { code, hint });
  }

  #receive(chunk: Uint8Array, at: number): void {
    this.#lastByteAt = Math.max(this.#lastByteAt, at);
    if (this.#outstanding) this.#outstanding.looks++;
    this.statistics.bytesReceived += chunk.length;
    for (let start = 0; start < chunk.length; ) {
      // A full buffer holds no frame, or it would have been taken: its older half goes.
      if (this.#length === capacity) this.#drop(capacity / 2);
      const end = Math.min(chunk.length, start + capacity - this.#length);
      this.#buffer.set(chunk.subarray(start, end), this.#length);
      this.#length += end - start;
      start = end;
      this.#cut(at);
    }
    this.#lookAgain(at);
  }

  /** Part of an answer is here: the rest is not worth a look before its last byte can have come. */
  #lookAgain(at: number): void {
    const outstanding = this.#outstanding;
    if (!outstanding || this.#pace.character === 0) return;
    const missing = this.#framing.frameLength(answerLength(outstanding.request)) - this.#length;
    if (missing > 0) this.#transport.expect?.(missing, at + missing * this.#pace.character);
  }

  /** Takes every whole frame out of the buffer. */
  #cut(at: number): void {
    this.#skipEcho();
    for (;;) {
      const found = this.#framing.find(this.#buffer, 0, this.#length, this.#checked);
      if (!found) break;
      const pdu = found.pdu.slice();
      this.#drop(found.start);
      this.#take(found.end - found.start);
      this.#frame(found, pdu, at);
    }
    this.#checked = this.#length;
  }

  /** Our own bytes come first, and whole, when a line echoes. */
  #skipEcho(): void {
    const outstanding = this.#outstanding;
    if (!outstanding?.echoDue) return;
    const { frame } = outstanding;
    const length = Math.min(frame.length, this.#length);
    for (let index = 0; index < length; index++) {
      if (this.#buffer[index] === frame[index]) continue;
      outstanding.echoDue = false;
      return;
    }
    if (length < frame.length) return;
    outstanding.echoDue = false;
    this.#echoes = true;
    this.statistics.echoes++;
    this.#take(frame.length);
  }

  #frame(found: Found, pdu: Uint8Array, at: number): void {
    const outstanding = this.#outstanding;
    if (outstanding && found.unit === outstanding.unit && this.#settle(outstanding, pdu, at)) return;
    this.onStray?.(found.unit);
    if (outstanding && outstanding.seen === "nothing") outstanding.seen = "foreign-reply";
    if (this.#units.get(found.unit)?.pay(pdu, at)) this.statistics.late++;
    else {
      this.statistics.foreign++;
      if (outstanding && found.unit === outstanding.unit)
        outstanding.seen =
          isWrite(outstanding.request) && pdu[0] === outstanding.request.function ? "bad-echo" : "bad-reply";
    }
  }

  /** Whether this frame of the unit that was asked ended the wait. */
  #settle(outstanding: Outstanding, pdu: Uint8Array, at: number): boolean {
    const { unit, request, patience, sentAt, answerMs } = outstanding;
    const kind = answers(request, pdu);
    if (kind === "other") return false;
    this.#orderOpen = false;
    if (kind === "exception" && patience.owes(request.function)) {
      // This request's exception or the owed one's? Nobody can know: both answers stay owed.
      patience.owe(request, sentAt, at, outstanding.limit);
      this.statistics.late++;
      outstanding.reject(this.#failure(unit, "bad-reply", "refused a request, but it is not certain which"));
      return true;
    }
    if (this.#echoes === undefined && request.function <= 4) this.#echoes = false;
    if (!isWrite(request)) {
      const took = Math.max(0.01, at - sentAt - (kind === "answer" ? answerMs : 0));
      patience.observe(took);
      if (kind === "answer") patience.aim(took, outstanding.looks === 1);
    }
    if (kind === "exception") {
      this.statistics.exceptions++;
      outstanding.reject(exceptionError(unit, pdu[1] ?? 0, request));
      return true;
    }
    this.statistics.replies++;
    outstanding.resolve({ pdu, at });
    return true;
  }

  /** Removes bytes that belong to no frame. */
  #drop(count: number): void {
    this.statistics.garbage += count;
    this.#take(count);
  }

  #take(count: number): void {
    if (count === 0) return;
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#checked = Math.max(0, this.#checked - count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.receive(undefined);
    if (!this.#orderOpen) this.#transport.allowLate?.();
    await this.#transport[Symbol.asyncDispose]();
  }
}
