import type { CommandStage } from "../model/command.ts";
import { GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Value } from "../model/value.ts";
import type { Book, Said } from "./book.ts";
import { carryOut, type Hands, lifeLeft, tooLate } from "./carry-out.ts";
import { type Entry, pointKey } from "./entry.ts";
import { atLeast, put, standingAfter, standingAfterFailure } from "./holds.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import type { CommandRules } from "./rules.ts";
import type { Wear } from "./wear.ts";

export interface LanesOptions extends Hands {
  readonly book: Book;
  readonly wear: Wear;
  readonly log: Log;
  rules(): CommandRules;
  /** A point has a new value by a command; undefined: nobody knows which. Must not throw. */
  carriedOut(entry: Entry, value: Value | undefined): void;
}

function interrupted(when: string): GatewayError {
  return new GatewayError(`the gateway was stopped ${when}`, { code: "interrupted" });
}

interface Running {
  readonly entry?: Entry | undefined;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  stage?: CommandStage | undefined;
  replacedBy?: string | undefined;
}

interface Lane {
  readonly waiting: Map<Entry, Disposable>;
  running?: Running | undefined;
}

/** What is to be written, point by point: one after the other, in order, and only the newest of what waits. */
export class Lanes implements AsyncDisposable {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #closing = new AbortController();
  #closed = false;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** An accepted command gets in line; what waits there and is not stronger is given up for it. */
  enqueue(entry: Entry): void {
    // It stays open in the ledger: the next start gives it its last word.
    if (this.#closed) return;
    const { clock } = this.#options;
    const { command } = entry;
    const lane = this.#lane(pointKey(command));
    for (const older of lane.waiting.keys())
      if (atLeast(command.priority, older.command.priority)) this.replace(older, entry);
    entry.phase = "waiting";
    const expire = () => {
      lane.waiting.delete(entry);
      void this.giveUp(entry, tooLate);
    };
    lane.waiting.set(entry, clock.timer(Math.max(0, lifeLeft(entry, clock)), expire));
    this.#takeBack(lane);
    this.#pump(lane);
  }

  /** A newer command takes its place. */
  replace(older: Entry, newer: Entry): void {
    this.#leave(older);
    const text = `replaced by ${newer.command.id} before it was begun`;
    void this.giveUp(older, { state: "failed", code: "overridden", text });
  }

  /** Ends a command of which nothing was begun; what it had taken from budgets goes back. */
  giveUp(entry: Entry, said: Said): Promise<void> {
    return this.#options.book.finish(entry, said, { beside: () => this.#settle(entry, 0) });
  }

  /** Runs a write that is no command while nothing else is written to the point; false when there is. */
  exclusive(key: string, job: (signal: AbortSignal) => Promise<void>): boolean {
    const lane = this.#lane(key);
    if (this.#closed || lane.running || lane.waiting.size > 0) return false;
    this.#start(lane, undefined, job);
    return true;
  }

  /** What runs is broken off and gets its last word; what waits too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const stopped: Said = {
      state: "failed",
      code: "interrupted",
      text: "the gateway was stopped before it was begun",
    };
    const ends: Promise<void>[] = [];
    for (const { running, waiting } of this.#lanes.values()) {
      for (const entry of [...waiting.keys()]) {
        this.#leave(entry);
        ends.push(this.giveUp(entry, stopped));
      }
      if (!running) continue;
      const what =
        running.stage === undefined
          ? "while it was written"
          : "while it waited at the network server, which may still deliver it";
      running.abort.abort(interrupted(what));
      // What is no command has no last word to wait for.
      if (running.entry) ends.push(running.done);
    }
    this.#closing.abort(
      interrupted("while it was on its way: nobody knows whether it is, or will be, carried out"),
    );
    await Promise.all(ends);
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { waiting: new Map() };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  /**
   * For a newer command that is not weaker, what a slow far side has is given up. Queued, it can be taken
   * back; sent, nobody waits any longer for the device to show it, which may last hours.
   */
  #takeBack({ running, waiting }: Lane): void {
    if (!running?.entry || running.stage === undefined || running.replacedBy !== undefined) return;
    for (const { command } of waiting.keys()) {
      if (!atLeast(command.priority, running.entry.command.priority)) continue;
      running.replacedBy = command.id;
      running.abort.abort(new GatewayError(`replaced by ${command.id}`, { code: "taken-back" }));
      return;
    }
  }

  #leave(entry: Entry): void {
    const { waiting } = this.#lane(pointKey(entry.command));
    waiting.get(entry)?.[Symbol.dispose]();
    waiting.delete(entry);
  }

  #pump(lane: Lane): void {
    if (lane.running || this.#closed) return;
    const [next] = lane.waiting.keys();
    if (!next) return;
    this.#leave(next);
    next.phase = "running";
    this.#start(lane, next, (signal) => this.#run(lane, next, signal));
  }

  #start(lane: Lane, entry: Entry | undefined, job: (signal: AbortSignal) => Promise<void>): void {
    const abort = new AbortController();
    const done = Promise.resolve()
      .then(() => job(abort.signal))
      .catch((error: unknown) => {
        const { device, point } = entry?.command ?? {};
        this.#options.log.error({ err: error, device, point }, "a write to a point broke: a bug");
      })
      .finally(() => {
        lane.running = undefined;
        this.#pump(lane);
      });
    lane.running = { entry, abort, done };
  }

  async #run(lane: Lane, entry: Entry, signal: AbortSignal): Promise<void> {
    const { book, ledger, clock, carriedOut } = this.#options;
    const { running } = lane;
    let told = false;
    const progress = (stage: "writing" | "queued" | "sent") => {
      if (stage === "writing") {
        if (!told) book.progress(entry, { state: "executing" });
        told = true;
        return;
      }
      if (running) running.stage = stage;
      book.progress(entry, { state: "executing", stage });
      this.#takeBack(lane);
    };
    const signals = { unwanted: signal, closing: this.#closing.signal };
    const { said, value, attempts } = await carryOut(entry, this.#options, progress, signals);
    const replaced = running?.replacedBy;
    const last: Said =
      replaced !== undefined && said.state === "failed" && said.code === "taken-back"
        ? { ...said, code: "taken-back", text: `taken back: replaced by ${replaced}` }
        : said;
    const { command, origin } = entry;
    const beside = () => {
      const records = this.#settle(entry, attempts);
      const known = ledger.standings.get(pointKey(command));
      const standing =
        value !== undefined
          ? standingAfter(command, origin, value, this.#options.rules(), clock)
          : attempts > 0
            ? standingAfterFailure(command, origin, last.code, known, clock)
            : undefined;
      return standing ? [...records, put(ledger.standings, standing)] : records;
    };
    await book.finish(entry, last, { beside });
    if (value !== undefined || attempts > 0) carriedOut(entry, value);
  }

  /** Gives back what was taken from budgets and not used. */
  #settle(entry: Entry, attempts: number): LedgerRecord[] {
    const records: LedgerRecord[] = [];
    for (const [point, { each, total }] of entry.reserved) {
      const used = Math.min(total, attempts * each);
      if (used < total)
        records.push(this.#options.wear.count({ device: entry.command.device, point }, used - total));
    }
    return records;
  }
}
