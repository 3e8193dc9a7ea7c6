import type { ServerResponse } from "node:http";
import type { Clock } from "../model/clock.ts";
import { ApiError } from "./errors.ts";
import type { EventCursor } from "./fan.ts";

/** Server-sent events (WHATWG HTML section 9.2). `Last-Event-ID` means nothing here: who comes back starts anew. */
export interface EventStreamOptions {
  /** Whose it is, for the limit per name. */
  readonly name: string;
  readonly cursor: EventCursor;
  /** What is told first, piece by piece: JSON texts from place `from` on, empty at the end. */
  readonly first?: ((from: number) => readonly string[]) | undefined;
  /** Items that go into one event. */
  readonly batch: boolean;
  /** Asked at every heartbeat: a stream ends with the login that opened it. */
  readonly isAlive: () => boolean;
}

interface Open {
  readonly name: string;
  readonly response: ServerResponse;
  readonly isAlive: () => boolean;
  /** Monotonic ms, while a write waits for its reader. */
  waitingSince: number | undefined;
}

export const maxStreams = 1000;
/** Of one user or token; the socket has no such limit. */
export const maxStreamsOfOne = 100;
const heartbeatMs = 15_000;
const longestStallMs = 60_000;
/** What of one stream waits in this process: one event. */
const itemsPerEvent = 50;

/** All event streams that are open. */
export class EventStreams implements Disposable {
  readonly #clock: Clock;
  readonly #open = new Set<Open>();
  #timer: Disposable | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Bytes that wait in this process for readers that do not read. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const { response } of this.#open) bytes += response.writableLength;
    return bytes;
  }

  /** Throws ApiError `too-many-streams` when there is no room for one more of this name. */
  admit(name: string): void {
    const own = Array.from(this.#open).filter((one) => one.name === name).length;
    if (this.#open.size < maxStreams && (name === "local" || own < maxStreamsOfOne)) return;
    throw new ApiError(503, "too-many-streams", "too many event streams are open", { retryAfter: 30 });
  }

  /** Writes events until the reader goes or the cursor is closed, which it is when this resolves. */
  async serve(response: ServerResponse, options: EventStreamOptions): Promise<void> {
    const { cursor, first, batch, name, isAlive } = options;
    const open: Open = { name, response, isAlive, waitingSince: undefined };
    this.#open.add(open);
    this.#timer ??= this.#clock.timer(heartbeatMs, () => this.#beat());
    response.once("close", () => cursor.close());
    try {
      if (first) await this.#tellFirst(open, first);
      for (;;) {
        const taken = await cursor.take(itemsPerEvent);
        if (!taken || response.destroyed) return;
        const lost = taken.lost > 0 ? `event: lost\ndata: ${taken.lost}\n\n` : "";
        const texts = taken.items.map(({ text }) => text);
        const data = batch
          ? texts.length > 0
            ? `data: [${texts.join(",")}]\n\n`
            : ""
          : texts.map((text) => `data: ${text}\n\n`).join("");
        await this.#write(open, lost + data);
      }
    } finally {
      cursor.close();
      this.#open.delete(open);
      response.end();
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    for (const { response } of this.#open) response.destroy();
  }

  async #tellFirst(open: Open, first: (from: number) => readonly string[]): Promise<void> {
    for (let from = 0; ; from += itemsPerEvent) {
      const texts = first(from).slice(0, itemsPerEvent);
      if (texts.length > 0) await this.#write(open, `data: [${texts.join(",")}]\n\n`);
      if (texts.length < itemsPerEvent || open.response.destroyed) return;
    }
  }

  /** Resolves when the kernel has taken it, or nobody will: so one event at most waits here per stream. */
  #write(open: Open, text: string): Promise<void> {
    const { response } = open;
    return new Promise((resolve) => {
      if (response.destroyed) return resolve();
      const done = () => {
        open.waitingSince = undefined;
        response.off("close", done);
        resolve();
      };
      open.waitingSince = this.#clock.monotonic();
      response.once("close", done);
      response.write(text, done);
    });
  }

  /** A word that nothing is to be told, so that both ends notice a line that is gone. */
  #beat(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const { response, waitingSince, isAlive } of this.#open) {
      if (!isAlive()) response.end();
      else if (waitingSince === undefined) response.write(":\n\n");
      else if (now - waitingSince >= longestStallMs) response.destroy();
    }
    if (this.#open.size > 0) this.#timer = this.#clock.timer(heartbeatMs, () => this.#beat());
  }
}
