import type { Clock } from "../../model/clock.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import type { Transport } from "../../transport/transport.ts";
import { characterMs } from "../endpoint.ts";
import { Exchange } from "../exchange.ts";
import { longestLine } from "./codec.ts";
import type { Recorder } from "./dialogue.ts";
import { LineDeframer, type SensorLine } from "./lines.ts";
import type { Sdi12Connection } from "./settings.ts";

/** SDI-12 v1.4, 7.0: at least 12 ms of spacing, then at least 8.33 ms of marking. */
export const breakMs = 13;
export const markMs = 9;
/** A response begins within 15 ms after the command (7.0). */
export const responseMs = 15;
/** The standard's character: 10 bits at 1200 baud. */
export const standardCharacterMs = 10_000 / 1200;
/** USB adapters hold bytes back for up to 16 ms, and our own system takes its time. */
const slackMs = 30;
const adapterTimeoutMs = 1000;
/** With a break before each round; within a round the sensor is still awake. */
const rounds = 3;
const triesPerRound = 3;

/** How a line waits for a response. */
export function paceOf({ endpoint, break: by, timeout }: Sdi12Connection): {
  /** After the last character of a command, or of a part of a response, ms. */
  readonly timeoutMs: number;
  /** What one character of a command takes, where we hand them over at once, ms. */
  readonly characterMs: number;
} {
  const character = by === "line" ? characterMs(endpoint) : 0;
  const own = by === "line" ? responseMs + 2 * character + slackMs : adapterTimeoutMs;
  return { timeoutMs: timeout ?? own, characterMs: character };
}

/**
 * The recorder's side of a line: wakes the sensors, repeats what was not answered, refuses what
 * another sensor says.
 *
 * The standard's two nested loops (v1.4, 7.2), simplified: three rounds, each with a break where the
 * UART makes it and then up to three tries while the sensor is awake; an adapter that makes the
 * break itself does so for every command, so there the rounds are the tries. After a command that
 * had to be repeated the line is given time, so that an answer to the first cannot be taken for that
 * to the next command.
 */
export class SensorWire implements Recorder, AsyncDisposable {
  readonly #transport: Transport;
  readonly #exchange: Exchange<SensorLine>;
  readonly #clock: Clock;
  readonly #connection: Sdi12Connection;
  readonly #counts = { commands: 0, retries: 0, damaged: 0, foreign: 0, "service-requests": 0 };
  /** Who is waited for, and whether it has called already. */
  #calling: { readonly address: string; called: () => void } | undefined;
  #calledEarly: string | undefined;

  /** Throws ConfigError `no-break` when the break shall come from a transport that has none. */
  constructor(transport: Transport, connection: Sdi12Connection, clock: Clock) {
    if (connection.break === "line" && !transport.break)
      throw new ConfigError("this kind of line cannot make a break", {
        code: "no-break",
        hint: "use an adapter that makes it, and say break: adapter",
      });
    this.#transport = transport;
    this.#connection = connection;
    this.#clock = clock;
    this.#exchange = new Exchange(transport, new LineDeframer(), clock, (line) => this.#heard(line));
  }

  get lost(): AbortSignal {
    return this.#exchange.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#exchange.statistics, ...this.#counts };
  }

  async ask<T>(command: string, parse: (response: string) => T | undefined, signal: AbortSignal) {
    const { timeoutMs, characterMs: character } = paceOf(this.#connection);
    const direct = this.#connection.break === "line";
    const bytes = Buffer.from(command, "latin1");
    const first = timeoutMs + bytes.length * character;
    const times = { timeoutMs: first, longestMs: first + (longestLine * standardCharacterMs + timeoutMs) };
    this.#calledEarly = undefined;
    this.#counts.commands++;
    let failure: TransientError | undefined;
    for (let round = 0; round < rounds; round++) {
      if (direct) await this.#wake(signal);
      for (let attempt = 0; attempt < (direct ? triesPerRound : 1); attempt++) {
        if (failure) this.#counts.retries++;
        try {
          const { frame, at } = await this.#exchange.request(
            bytes,
            (line) => this.#answers(command, line),
            times,
            signal,
          );
          const value = frame.damaged ? undefined : parse(withoutEcho(frame.text, command));
          if (value !== undefined) {
            if (failure) await this.#clock.sleep(timeoutMs, AbortSignal.any([signal, this.lost]));
            return { value, at };
          }
          this.#counts.damaged++;
          failure = damagedError(command);
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          failure = error;
        }
      }
    }
    throw failure ?? damagedError(command);
  }

  async serviceRequest(address: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#calledEarly === address) return true;
    const over = Promise.withResolvers<boolean>();
    over.promise.catch(() => {});
    const timer = this.#clock.timer(ms, () => over.resolve(false));
    const ended = AbortSignal.any([signal, this.lost]);
    const abort = () => over.reject(ended.reason);
    if (ended.aborted) abort();
    ended.addEventListener("abort", abort, { once: true });
    this.#calling = { address, called: () => over.resolve(true) };
    try {
      return await over.promise;
    } finally {
      this.#calling = undefined;
      timer[Symbol.dispose]();
      ended.removeEventListener("abort", abort);
    }
  }

  async #wake(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.lost]);
    ended.throwIfAborted();
    await this.#transport.break?.(breakMs);
    await this.#clock.sleep(markMs, ended);
  }

  /** A damaged line ends the wait too: it is asked again at once. */
  #answers(command: string, line: SensorLine): boolean {
    if (line.damaged) return true;
    const text = withoutEcho(line.text, command);
    // ?! asks whoever is alone on the line, and gets its address.
    if (text[0] === command[0] || command[0] === "?") return true;
    this.#counts.foreign++;
    return false;
  }

  #heard({ text, damaged }: SensorLine): void {
    if (damaged || text.length !== 1) return;
    this.#counts["service-requests"]++;
    if (this.#calling?.address === text) this.#calling.called();
    else this.#calledEarly = text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]();
  }
}

/** Half-duplex adapters give us our own command back, before the response. */
function withoutEcho(text: string, command: string): string {
  return text.startsWith(command) ? text.slice(command.length) : text;
}

function damagedError(command: string): TransientError {
  return new TransientError(`what answered ${command} is damaged`, {
    code: "bad-reply",
    hint: "check the line's length, its ground, and that no two sensors share the address",
  });
}
