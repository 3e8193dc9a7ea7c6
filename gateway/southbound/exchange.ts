import type { Clock } from "../model/clock.ts";
import { LinkError, TransientError } from "../model/errors.ts";
import type { Transport } from "../transport/transport.ts";

/**
 * Cuts a byte stream into frames. No I/O and no clock; what it holds back is bounded. However the
 * stream is cut into chunks, the frames are the same.
 */
export interface Deframer<Frame> {
  /** Frames that end in this chunk, in order. `at`: monotonic ms of the chunk, which belongs to the sender after the call. */
  push(chunk: Uint8Array, at: number): readonly Frame[];
  /** For framings that end by silence: `quiet` is called after so many ms without a byte. */
  readonly quietMs?: number | undefined;
  /** What is held back becomes frames or is given up. */
  quiet?(at: number): readonly Frame[];
  /** Forgets what is held back. */
  reset?(): void;
  /** Counters for people: frames, bad-checksum, skipped bytes. */
  readonly statistics: Readonly<Record<string, number>>;
}

export interface RequestOptions {
  /** Longest wait for the first byte, and then between bytes, ms. */
  readonly timeoutMs: number;
  /** Longest wait for the whole answer, ms; four timeouts unless given. */
  readonly longestMs?: number | undefined;
}

interface Outstanding<Frame> {
  accepts(frame: Frame): boolean;
  resolve(answer: { frame: Frame; at: number }): void;
  reject(error: unknown): void;
  readonly deadline: number;
  /** Monotonic ms; moves on while bytes arrive. */
  due: number;
  timeoutMs: number;
  /** Bytes that came since the request was sent. */
  bytes: number;
}

/**
 * One transport cut into frames: requests with a deadline, one at a time, and what comes unasked.
 * A frame is offered to the request that waits; what it does not accept, and what comes while none
 * waits, goes to `heard`.
 */
export class Exchange<Frame> implements AsyncDisposable {
  readonly lost: AbortSignal;
  readonly #transport: Transport;
  readonly #deframer: Deframer<Frame>;
  readonly #clock: Clock;
  readonly #heard: ((frame: Frame, at: number) => void) | undefined;
  readonly #counts = { "bytes-in": 0, "bytes-out": 0, requests: 0, timeouts: 0, unasked: 0 };
  #outstanding: Outstanding<Frame> | undefined;
  #timer: Disposable | undefined;
  #quietTimer: Disposable | undefined;
  #quietDue = 0;
  #lastByteAt = 0;
  /** Whether something was written that nothing has answered. */
  #unanswered = false;

  constructor(
    transport: Transport,
    deframer: Deframer<Frame>,
    clock: Clock,
    heard?: (frame: Frame, at: number) => void,
  ) {
    this.#transport = transport;
    this.#deframer = deframer;
    this.#clock = clock;
    this.#heard = heard;
    this.lost = transport.lost;
    this.lost.addEventListener("abort", () => this.#outstanding?.reject(this.lost.reason), { once: true });
    transport.receive((chunk, at) => this.#receive(chunk, at));
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#counts, ...this.#deframer.statistics };
  }

  /** When the last byte came in, monotonic ms; 0 before the first. */
  get lastByteAt(): number {
    return this.#lastByteAt;
  }

  /** Rejects with LinkError. */
  async write(bytes: Uint8Array): Promise<void> {
    this.lost.throwIfAborted();
    this.#counts["bytes-out"] += bytes.length;
    this.#unanswered = true;
    await this.#transport.write(bytes);
  }

  /**
   * Writes, then resolves with the first frame that `accepts` takes. Rejects with TransientError
   * (`timeout`: nothing came; `bad-reply`: something came that was no answer), LinkError, or the
   * signal's reason. One at a time; what an earlier request left behind is forgotten first.
   */
  async request(
    bytes: Uint8Array,
    accepts: (frame: Frame) => boolean,
    { timeoutMs, longestMs = 4 * timeoutMs }: RequestOptions,
    signal: AbortSignal,
  ): Promise<{ frame: Frame; at: number }> {
    if (this.#outstanding)
      throw new LinkError("two requests at a time on one line: a bug", { code: "internal" });
    this.lost.throwIfAborted();
    signal.throwIfAborted();
    this.#deframer.reset?.();
    this.#counts.requests++;
    const answer = Promise.withResolvers<{ frame: Frame; at: number }>();
    // Nobody may be listening yet when the link goes while we write.
    answer.promise.catch(() => {});
    const outstanding: Outstanding<Frame> = {
      accepts,
      resolve: answer.resolve,
      reject: answer.reject,
      deadline: Number.POSITIVE_INFINITY,
      due: Number.POSITIVE_INFINITY,
      timeoutMs,
      bytes: 0,
    };
    this.#outstanding = outstanding;
    const abort = () => answer.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await this.write(bytes);
      const now = this.#clock.monotonic();
      Object.assign(outstanding, { due: now + timeoutMs, deadline: now + longestMs });
      this.#arm(outstanding);
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#timer?.[Symbol.dispose]();
      this.#timer = undefined;
      this.#outstanding = undefined;
    }
  }

  #arm(outstanding: Outstanding<Frame>): void {
    const now = this.#clock.monotonic();
    const due = Math.min(outstanding.due, outstanding.deadline);
    this.#timer = this.#clock.timer(Math.max(1, Math.ceil(due - now)), () => {
      if (this.#outstanding !== outstanding) return;
      if (this.#clock.monotonic() < Math.min(outstanding.due, outstanding.deadline)) {
        this.#arm(outstanding);
        return;
      }
      this.#counts.timeouts++;
      outstanding.reject(
        outstanding.bytes === 0
          ? new TransientError("no answer", {
              code: "timeout",
              hint: "check the wiring, the baud rate and the device's address",
            })
          : new TransientError(`${outstanding.bytes} bytes came, but no answer`, {
              code: "bad-reply",
              hint: "check the baud rate and parity, and that one master alone is on the line",
            }),
      );
    });
  }

  #receive(chunk: Uint8Array, at: number): void {
    this.#counts["bytes-in"] += chunk.length;
    this.#lastByteAt = at;
    if (this.#outstanding) {
      this.#outstanding.bytes += chunk.length;
      if (this.#outstanding.due !== Number.POSITIVE_INFINITY)
        this.#outstanding.due = at + this.#outstanding.timeoutMs;
    }
    this.#take(this.#deframer.push(chunk, at), at);
    this.#watchQuiet(at);
  }

  #take(frames: readonly Frame[], at: number): void {
    for (const frame of frames) {
      const outstanding = this.#outstanding;
      if (outstanding?.accepts(frame)) {
        this.#outstanding = undefined;
        this.#unanswered = false;
        outstanding.resolve({ frame, at });
      } else {
        this.#counts.unasked++;
        this.#heard?.(frame, at);
      }
    }
  }

  /** One timer, moved on lazily: bytes come far more often than silence. */
  #watchQuiet(at: number): void {
    const { quietMs } = this.#deframer;
    if (quietMs === undefined || !this.#deframer.quiet) return;
    this.#quietDue = at + quietMs;
    if (this.#quietTimer) return;
    const arm = (ms: number) => {
      this.#quietTimer = this.#clock.timer(Math.max(1, Math.ceil(ms)), () => {
        this.#quietTimer = undefined;
        const now = this.#clock.monotonic();
        if (now < this.#quietDue) arm(this.#quietDue - now);
        else this.#take(this.#deframer.quiet?.(now) ?? [], this.#lastByteAt);
      });
    };
    arm(quietMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#quietTimer?.[Symbol.dispose]();
    this.#transport.receive(undefined);
    if (!this.#unanswered) this.#transport.allowLate?.();
    await this.#transport[Symbol.asyncDispose]();
  }
}
