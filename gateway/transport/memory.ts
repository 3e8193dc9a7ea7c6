import type { Clock } from "../model/clock.ts";
import { LinkError } from "../model/errors.ts";
import type { Endpoint, Transport } from "./transport.ts";

export interface MemoryOptions {
  readonly endpoint?: Endpoint | undefined;
  /** Milliseconds that one byte takes on the wire; 0 unless given. */
  readonly byteMs?: number | undefined;
  /** Bytes per chunk that the receiver gets; all that were written at once unless given. */
  readonly chunk?: number | undefined;
  /** Whether writers get their own bytes back, as on a two-wire line with the receiver left on. */
  readonly echo?: boolean | undefined;
}

type Receiver = (chunk: Uint8Array, at: number) => void;

/** One end of a line in memory. All its time comes from the clock. */
export class MemoryTransport implements Transport {
  readonly endpoint: Endpoint;
  /** Hears of each break that the other end makes, with its length in ms. */
  onBreak: ((ms: number) => void) | undefined;
  /** Whether what was on its way at the close might arrive late. */
  lateIsAllowed = false;
  readonly #options: MemoryOptions;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  #peer: MemoryTransport | undefined;
  #receiver: Receiver | undefined;

  constructor(clock: Clock, options: MemoryOptions) {
    this.#clock = clock;
    this.#options = options;
    this.endpoint = options.endpoint ?? { kind: "tcp", host: "memory", port: 1 };
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Puts the other end on the line. */
  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.lost.throwIfAborted();
    const { byteMs = 0, chunk = bytes.length, echo = false } = this.#options;
    const sent = bytes.slice();
    let gone = 0;
    do {
      const piece = sent.subarray(gone, gone + chunk);
      gone += piece.length;
      await this.#clock.sleep(piece.length * byteMs, this.lost);
      this.#peer?.deliver(piece.slice());
      if (echo) this.deliver(piece.slice());
    } while (gone < sent.length);
  }

  receive(receiver: Receiver | undefined): void {
    this.#receiver = receiver;
  }

  async break(ms: number): Promise<void> {
    this.lost.throwIfAborted();
    await this.#clock.sleep(ms, this.lost);
    this.#peer?.onBreak?.(ms);
  }

  allowLate(): void {
    this.lateIsAllowed = true;
  }

  /** Bytes arrive at this end, now. */
  deliver(chunk: Uint8Array): void {
    if (!this.lost.aborted) this.#receiver?.(chunk, this.#clock.monotonic());
  }

  /** The link breaks, seen from this end. */
  lose(error = new LinkError("the line was cut", { code: "lost" })): void {
    this.#lost.abort(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lose(new LinkError("the transport was closed", { code: "closed" }));
    this.#peer?.lose(new LinkError("the other end closed", { code: "lost" }));
  }
}

/** Two ends of a line in memory: what one writes, the other receives. For tests and demonstrations. */
export function memoryPair(clock: Clock, options: MemoryOptions = {}): [MemoryTransport, MemoryTransport] {
  const near = new MemoryTransport(clock, options);
  const far = new MemoryTransport(clock, { ...options, echo: false });
  near.join(far);
  far.join(near);
  return [near, far];
}
