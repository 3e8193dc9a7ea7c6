import type { Clock } from "../../model/clock.ts";
import type { Connect, Endpoint, Transport } from "../../transport/transport.ts";
import type { Chunk } from "./turn.ts";

/** Bytes of one stretch of listening that are kept. */
const mostBytes = 64 * 1024;

/** A port that keeps what comes, with its moments. */
export class Ear implements AsyncDisposable {
  readonly transport: Transport;
  readonly #clock: Clock;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #told: (() => void) | undefined;

  constructor(transport: Transport, clock: Clock) {
    this.transport = transport;
    this.#clock = clock;
    transport.receive((bytes, at) => {
      this.#lastAt = at;
      this.#bytes += bytes.length;
      if (this.#bytes <= mostBytes) this.#chunks.push({ bytes, at });
      this.#told?.();
    });
  }

  /** Rejects with LinkError. */
  static async open(connect: Connect, endpoint: Endpoint, clock: Clock, signal: AbortSignal): Promise<Ear> {
    return new Ear(await connect(endpoint, signal), clock);
  }

  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the last byte came, monotonic ms. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** Hands over what came and begins anew. */
  take(): readonly Chunk[] {
    const taken = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return taken;
  }

  /** Resolves when something came, or after `ms`. Rejects with the reason of the signal or of the lost link. */
  async next(ms: number, signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.transport.lost]);
    ended.throwIfAborted();
    const came = Promise.withResolvers<void>();
    const timer = this.#clock.timer(Math.max(1, Math.ceil(ms)), () => came.resolve());
    const abort = () => came.reject(ended.reason);
    ended.addEventListener("abort", abort, { once: true });
    this.#told = () => came.resolve();
    try {
      await came.promise;
    } finally {
      this.#told = undefined;
      timer[Symbol.dispose]();
      ended.removeEventListener("abort", abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.transport.receive(undefined);
    await this.transport[Symbol.asyncDispose]();
  }
}
