import type { Clock } from "../clock.ts";
import type { Client } from "./client.ts";
import { ClientError } from "./client-error.ts";
import { EventParser, type ServerEvent } from "./event-parser.ts";

/** Whoever reads a stream. Called in turn, never after it has left. */
export interface StreamReader<T> {
  /** In order, at least one. */
  items(items: readonly T[]): void;
  /** So many were missed since the last call. */
  lost?(count: number): void;
  /** The stream is open; undefined: or why it is not. Told at once when known, and at every change. */
  state?(open: boolean, problem?: Error): void;
}

export interface StreamOptions<T> {
  readonly client: Client;
  readonly path: string;
  readonly clock: Clock;
  /** Looks at what has come, before any reader; gives what is new to them. */
  readonly digest?: (items: readonly T[]) => readonly T[];
  /** What a reader that comes later is given first. */
  readonly known?: () => readonly T[];
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** The gateway says something at least every 15 s. */
const silenceMs = 45_000;

/**
 * One event stream of the gateway for any number of readers: open while somebody reads, opened again after
 * a pause that grows to 30 s and is never twice the same.
 */
export class SharedStream<T> implements Disposable {
  readonly #options: StreamOptions<T>;
  readonly #readers = new Set<StreamReader<T>>();
  #stop: AbortController | undefined;
  #state: { open: boolean; problem?: Error } | undefined;

  constructor(options: StreamOptions<T>) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#state?.open === true;
  }

  join(reader: StreamReader<T>): Disposable {
    const { known } = this.#options;
    this.#readers.add(reader);
    if (this.#state) reader.state?.(this.#state.open, this.#state.problem);
    if (this.#stop && known && known().length > 0) reader.items(known());
    if (!this.#stop) this.#start();
    return {
      [Symbol.dispose]: () => {
        this.#readers.delete(reader);
        if (this.#readers.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#readers.clear();
    this.#stop?.abort();
    this.#stop = undefined;
    this.#state = undefined;
  }

  #start(): void {
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#read(signal, () => {
          failures = -1;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#tell(false, error instanceof Error ? error : new Error(String(error)));
      }
      const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.max(0, failures));
      await paused(clock, longest * (0.5 + clock.random() / 2), signal);
    }
  }

  /** Rejects when the stream ends, for whatever reason. */
  async #read(signal: AbortSignal, alive: () => void): Promise<void> {
    const { client, path, clock } = this.#options;
    const silent = new AbortController();
    const gone = () => silent.abort(new ClientError("unreachable", "the gateway has fallen silent"));
    const response = await client.stream(path, AbortSignal.any([signal, silent.signal]));
    this.#tell(true);
    const parser = new EventParser();
    let timer = clock.timer(silenceMs, gone);
    try {
      for await (const chunk of response) {
        timer[Symbol.dispose]();
        timer = clock.timer(silenceMs, gone);
        if (signal.aborted) return;
        alive();
        for (const event of parser.push(chunk)) this.#take(event);
      }
    } catch (cause) {
      if (cause instanceof ClientError) throw cause;
      throw silent.signal.aborted
        ? silent.signal.reason
        : new ClientError("unreachable", "the gateway has gone away", { cause });
    } finally {
      timer[Symbol.dispose]();
      response.destroy();
    }
    throw new ClientError("unreachable", "the gateway has ended the stream");
  }

  #take({ event, data }: ServerEvent): void {
    if (event === "lost") {
      const count = Number(data);
      if (Number.isSafeInteger(count)) for (const reader of [...this.#readers]) reader.lost?.(count);
      return;
    }
    const given = itemsOf<T>(data);
    const items = this.#options.digest?.(given) ?? given;
    if (items.length > 0) for (const reader of [...this.#readers]) reader.items(items);
  }

  #tell(open: boolean, problem?: Error): void {
    this.#state = problem ? { open, problem } : { open };
    for (const reader of [...this.#readers]) reader.state?.(open, problem);
  }
}

function itemsOf<T>(data: string): readonly T[] {
  try {
    const value = JSON.parse(data);
    return Array.isArray(value) ? value : [value];
  } catch (cause) {
    throw new ClientError("bad-answer", "an event of the gateway is no JSON", { cause });
  }
}

function paused(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.timer(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
