import type { Clock } from "../../model/clock.ts";
import { LinkError, TransientError } from "../../model/errors.ts";
import type { Transport } from "../../transport/transport.ts";
import { AbortListeners } from "./abort-listeners.ts";
import { badReply, type Client, exceptionError, newStatistics, type Reply } from "./client.ts";
import { encodeTcp, type TcpFrame, TcpFramer } from "./mbap.ts";
import { Patience } from "./patience.ts";
import { answers, encodeRequest, isWrite, type Request } from "./pdu.ts";

interface Pending {
  readonly unit: number;
  readonly request: Request;
  readonly sentAt: number;
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** A lost TCP segment comes again after 200 ms and more: a timeout below that would only make late answers. */
const shortestTimeout = 500;
/** Transactions without an answer that one connection may collect before it is given up. */
const mostUnanswered = 1024;
/** Frames that may wait for a peer that does not read. */
const mostUnsent = 64;

/**
 * Transactions by Modbus TCP's transaction id: up to `concurrency` at a time, answered in any order.
 * An id is not used again while its answer has not come; an unknown id answers nothing.
 */
export class TcpClient implements Client {
  readonly concurrency: number;
  readonly knowsEcho = true;
  readonly lost: AbortSignal;
  readonly statistics = newStatistics();
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #framer = new TcpFramer();
  readonly #broken = new AbortController();
  readonly #units = new Map<number, Patience>();
  readonly #pending = new Map<number, Pending>();
  /** Ids given up, with what they asked for: their answers may still come. */
  readonly #unanswered = new Map<number, Pick<Pending, "unit" | "request" | "sentAt">>();
  readonly #waiting: (() => void)[] = [];
  readonly #aborts = new AbortListeners(
    (signal) => this.#isAwaited(signal),
    (signal) => this.#aborted(signal),
  );
  #running = 0;
  #next = 0;
  #timer: Disposable | undefined;
  /** When the timer looks next, monotonic ms. */
  #watchAt = Number.POSITIVE_INFINITY;
  #receivedAt = 0;
  #unsent: Uint8Array[] = [];
  #writing = false;
  /** When the last write was sent after which nothing has been answered, monotonic ms. */
  #orderAt: number | undefined;

  constructor(transport: Transport, concurrency: number, clock: Clock) {
    this.#transport = transport;
    this.concurrency = concurrency;
    this.#clock = clock;
    this.lost = this.#broken.signal;
    this.lost.addEventListener("abort", () => this.#rejectAll(this.lost.reason), { once: true });
    const fail = () => this.#broken.abort(transport.lost.reason);
    if (transport.lost.aborted) fail();
    else transport.lost.addEventListener("abort", fail, { once: true });
    transport.receive((chunk, at) => this.#receive(chunk, at));
  }

  request(unit: number, request: Request, limit: number, signal: AbortSignal): Promise<Reply> {
    if (this.#running < this.concurrency) {
      this.#running++;
      return this.#exchange(unit, request, limit, signal);
    }
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() =>
      this.#exchange(unit, request, limit, signal),
    );
  }

  /** Nothing has to be held back: a transaction id tells every answer apart. */
  holds(): boolean {
    return false;
  }

  /** The turn goes straight to the one that has waited longest. */
  #passTurn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }

  /** The caller holds a turn, which is passed on when the returned promise is settled. */
  #exchange(unit: number, request: Request, limit: number, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      try {
        this.#send(unit, request, limit, signal, resolve, reject);
      } catch (error) {
        this.#passTurn();
        reject(error);
      }
    });
  }

  #send(
    unit: number,
    request: Request,
    limit: number,
    signal: AbortSignal,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ): void {
    this.lost.throwIfAborted();
    signal.throwIfAborted();
    if (this.#unsent.length >= mostUnsent) this.#break("stuck", "the peer does not read");
    if (this.#unanswered.size >= mostUnanswered)
      this.#break("unanswered", `${mostUnanswered} requests on this connection were never answered`);
    // Giving up a write early would leave in doubt what a moment more had told.
    const timeout = isWrite(request) ? limit : this.#patience(unit).timeout(limit);
    const transaction = this.#transaction();
    const frame = encodeTcp(transaction, unit, encodeRequest(request));
    const sentAt = this.#clock.monotonic();
    if (isWrite(request)) this.#orderAt = sentAt;
    this.#aborts.listen(signal);
    this.#pending.set(transaction, { unit, request, sentAt, timeout, signal, resolve, reject });
    this.#watch(sentAt + timeout);
    this.statistics.requests++;
    this.statistics.bytesSent += frame.length;
    this.#unsent.push(frame);
    if (this.#writing) return;
    this.#writing = true;
    // Not at once: what else is asked in this turn of the event loop leaves in the same packet.
    process.nextTick(this.#flush);
  }

  /** Ends a transaction; what it was, when it was still on its way. */
  #finish(transaction: number): Pending | undefined {
    const pending = this.#pending.get(transaction);
    if (!pending) return undefined;
    this.#pending.delete(transaction);
    this.#passTurn();
    return pending;
  }

  #aborted(signal: AbortSignal): void {
    for (const [transaction, pending] of [...this.#pending])
      if (pending.signal === signal) this.#giveUp(transaction, signal.reason);
  }

  #isAwaited(signal: AbortSignal): boolean {
    for (const pending of this.#pending.values()) if (pending.signal === signal) return true;
    return false;
  }

  /** The answer may still come: the id is kept from use. */
  #giveUp(transaction: number, error: unknown): void {
    const pending = this.#finish(transaction);
    if (!pending) return;
    const { unit, request, sentAt } = pending;
    this.#unanswered.set(transaction, { unit, request, sentAt });
    pending.reject(error);
  }

  /** One timer serves all requests: it looks at the earliest deadline, and most are over by then. */
  #watch(deadline: number): void {
    if (deadline >= this.#watchAt) return;
    this.#timer?.[Symbol.dispose]();
    this.#watchAt = deadline;
    // Whole milliseconds: giving up needs no precision.
    const wait = Math.max(1, Math.ceil(deadline - this.#clock.monotonic()));
    this.#timer = this.#clock.timer(wait, () => this.#expire());
  }

  #expire(): void {
    this.#watchAt = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [transaction, { unit, sentAt, timeout }] of [...this.#pending]) {
      if (sentAt + timeout > now) {
        next = Math.min(next, sentAt + timeout);
        continue;
      }
      this.statistics.timeouts++;
      const text = `unit ${unit} did not answer within ${Math.round(timeout)} ms`;
      this.#giveUp(transaction, new TransientError(text, { code: "timeout" }));
    }
    if (next < Number.POSITIVE_INFINITY) this.#watch(next);
  }

  #patience(unit: number): Patience {
    let known = this.#units.get(unit);
    if (!known) {
      known = new Patience(shortestTimeout);
      this.#units.set(unit, known);
    }
    return known;
  }

  /** The next of 65,536 ids that is neither on its way nor owed. */
  #transaction(): number {
    do this.#next = (this.#next + 1) & 0xffff;
    while (this.#pending.has(this.#next) || this.#unanswered.has(this.#next));
    return this.#next;
  }

  readonly #flush = (): void => {
    const frames = this.#unsent;
    const [first] = frames;
    this.#writing = first !== undefined;
    if (!first) return;
    this.#unsent = [];
    const bytes = frames.length === 1 ? first : Buffer.concat(frames);
    this.#transport.write(bytes).then(this.#flush, this.#notWritten);
  };

  readonly #notWritten = (error: unknown): void => {
    this.#writing = false;
    this.#rejectAll(error);
  };

  #receive(chunk: Uint8Array, at: number): void {
    this.statistics.bytesReceived += chunk.length;
    this.#receivedAt = at;
    if (this.lost.aborted || this.#framer.push(chunk, this.#frame)) return;
    this.statistics.garbage += chunk.length;
    this.#broken.abort(
      new LinkError("what comes is not Modbus TCP", {
        code: "not-modbus",
        hint: "a converter that passes serial frames through needs framing: rtu",
      }),
    );
  }

  readonly #frame = ({ transaction, unit, pdu }: TcpFrame): void => {
    const at = this.#receivedAt;
    const pending = this.#finish(transaction);
    const owed = this.#unanswered.get(transaction);
    this.#arrived(pending ?? owed);
    if (!pending) {
      if (owed && owed.unit === unit) {
        this.#unanswered.delete(transaction);
        if (!isWrite(owed.request)) this.#patience(unit).observe(at - owed.sentAt);
        this.statistics.late++;
      } else this.statistics.foreign++;
      return;
    }
    const kind = unit === pending.unit ? answers(pending.request, pdu) : "other";
    if (kind === "other") {
      this.statistics.bad++;
      pending.reject(badReply(pending.unit, pending.request, unit, pdu));
      return;
    }
    if (!isWrite(pending.request)) this.#patience(unit).observe(Math.max(0.01, at - pending.sentAt));
    if (kind === "exception") {
      this.statistics.exceptions++;
      pending.reject(exceptionError(unit, pdu[1] ?? 0, pending.request));
      return;
    }
    this.statistics.replies++;
    pending.resolve({ pdu, at });
  };

  /** What is answered has arrived, and so has all that was sent before it. */
  #arrived(answered: Pick<Pending, "request" | "sentAt"> | undefined): void {
    if (answered === undefined || this.#orderAt === undefined) return;
    const { request, sentAt } = answered;
    if (isWrite(request) ? sentAt >= this.#orderAt : sentAt > this.#orderAt) this.#orderAt = undefined;
  }

  #break(code: string, message: string): never {
    const error = new LinkError(message, { code });
    this.#broken.abort(error);
    throw error;
  }

  #rejectAll(error: unknown): void {
    this.#unsent = [];
    this.#timer?.[Symbol.dispose]();
    this.#watchAt = Number.POSITIVE_INFINITY;
    this.#aborts.clear();
    for (const transaction of [...this.#pending.keys()]) this.#finish(transaction)?.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.receive(undefined);
    if (this.#orderAt === undefined) this.#transport.allowLate?.();
    await this.#transport[Symbol.asyncDispose]();
  }
}
