import type { Clock } from "../../model/clock.ts";
import { TransientError } from "../../model/errors.ts";
import type { Exchange } from "../exchange.ts";
import { type Frame, longestFrame } from "./frame.ts";
import { characterBits, type MbusConnection } from "./settings.ts";

/** Longest wait for an answer of a meter: 330 bit times and 50 ms (EN 13757-2). */
const responseBits = 330;
const responseMs = 50;
/** Silence before a request, so that every receiver is at rest (FT 1.2: 33 bits after an error). */
const restBits = 33;
/** USB adapters and the kernel hold bytes back; a converter's network does so for longer. */
const serialSlackMs = 100;
const tcpSlackMs = 500;
/** A meter that makes pauses inside its answer may take so much longer than the line needs. */
const slowFactor = 2;
/** Silence that ends what looked like the beginning of a frame, ms. */
export const serialQuietMs = 150;
export const tcpQuietMs = 500;
/** Between the wake-up bytes and the request. */
const wakePauseBits = 66;

/** Whom a request is for, and how patient it is. */
export interface Ask {
  readonly name: string;
  readonly timeout: number | undefined;
  readonly signal: AbortSignal;
  /** At most so many repeats: to a scan, silence and noise are answers too. */
  readonly repeats?: number | undefined;
}

/** Requests on one line with the waits, repeats and silences of EN 13757-2. */
export class MbusLine implements AsyncDisposable {
  readonly lost: AbortSignal;
  readonly #exchange: Exchange<Frame>;
  readonly #connection: MbusConnection;
  readonly #clock: Clock;
  readonly #counts = { repeats: 0, "wake-ups": 0 };

  constructor(exchange: Exchange<Frame>, connection: MbusConnection, clock: Clock) {
    this.lost = exchange.lost;
    this.#exchange = exchange;
    this.#connection = connection;
    this.#clock = clock;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#exchange.statistics, ...this.#counts };
  }

  /**
   * One request with its repeats: the first frame that `accepts` takes. `long`: the answer may be a
   * telegram. Rejects with TransientError (`timeout`, `bad-reply`, `line-busy`), LinkError or the reason
   * of the signal.
   */
  async request(
    bytes: Uint8Array,
    accepts: (frame: Frame) => boolean,
    ask: Ask,
    long: boolean,
  ): Promise<{ frame: Frame; at: number }> {
    const { endpoint, timing, retries } = this.#connection;
    const slack = endpoint.kind === "serial" ? serialSlackMs : tcpSlackMs;
    // A write is over when the kernel has the bytes: they still have to get to the meter.
    const sending = bytes.length * this.#bits(characterBits);
    const response = ask.timeout ?? timing.timeout ?? this.#bits(responseBits) + responseMs;
    const timeoutMs = sending + response + slack;
    const longestMs = timeoutMs + slowFactor * (long ? longestFrame : 1) * this.#bits(characterBits);
    for (let repeat = 0; ; repeat++) {
      await this.#rest(ask.signal);
      try {
        return await this.#exchange.request(bytes, accepts, { timeoutMs, longestMs }, ask.signal);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        if (repeat >= Math.min(retries, ask.repeats ?? retries))
          throw new TransientError(`${ask.name}: ${error.message}`, {
            code: error.code,
            hint: error.code === "timeout" ? error.hint : `${error.hint}; or two meters answer at once`,
            cause: error,
          });
        this.#counts.repeats++;
      }
    }
  }

  /** The line is silent for so long before anybody is asked; one that never is, is busy. */
  async #rest(signal: AbortSignal): Promise<void> {
    const silence = this.#bits(restBits);
    const started = this.#clock.monotonic();
    const patience = silence + slowFactor * longestFrame * this.#bits(characterBits);
    for (;;) {
      const now = this.#clock.monotonic();
      const { lastByteAt } = this.#exchange;
      const wait = lastByteAt === 0 ? 0 : lastByteAt + silence - now;
      if (wait <= 0) return;
      if (now - started > patience)
        throw new TransientError("the line is never silent", {
          code: "line-busy",
          hint: "another master, a babbling meter, or a wrong baud rate",
        });
      await this.#clock.sleep(wait, this.#ended(signal));
    }
  }

  /** Sends `byte` for so long, and resolves when the meters have had time to notice. */
  async wake(byte: number, forMs: number, signal: AbortSignal): Promise<void> {
    const count = Math.ceil(forMs / this.#bits(characterBits));
    const started = this.#clock.monotonic();
    await this.#exchange.write(new Uint8Array(count).fill(byte));
    this.#counts["wake-ups"]++;
    const until = started + count * this.#bits(characterBits) + this.#bits(wakePauseBits);
    const wait = until - this.#clock.monotonic();
    if (wait > 0) await this.#clock.sleep(wait, this.#ended(signal));
  }

  #ended(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#exchange.lost]);
  }

  #bits(count: number): number {
    return (count * 1000) / this.#connection.baud;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]();
  }
}
