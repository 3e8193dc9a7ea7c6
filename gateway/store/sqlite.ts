import { Worker } from "node:worker_threads";
import type { Clock } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type {
  DatabaseFile,
  SqlStep,
  SqlValue,
  WorkerAnswer,
  WorkerFailure,
  WorkerRequest,
} from "./sqlite-messages.ts";

export type { SqlStep, SqlValue } from "./sqlite-messages.ts";

/** The thread's own JavaScript heap, MB: a page of rows and one batch. SQLite's memory is not in it. */
const heapLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 2 };

/** After the thread or the opening failed, the next try waits so long, ms; each failure in a row doubles it. */
const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;

/** How long a close waits for what is under way, ms. */
const closeMs = 5_000;

export interface DatabaseOptions extends DatabaseFile {
  readonly clock: Clock;
  readonly log: Log;
  /** Requests that may wait; one more is refused with `store-busy`. */
  readonly maxWaiting?: number | undefined;
}

export interface DatabaseStatus {
  readonly state: "unused" | "opening" | "open" | "failed" | "closed";
  readonly waiting: number;
  /** Times that the thread ended by itself. */
  readonly crashes: number;
  /** Where damaged databases were put since the start. */
  readonly damaged: readonly string[];
}

type Question =
  | { readonly kind: "write"; readonly steps: readonly SqlStep[] }
  | { readonly kind: "read"; readonly sql: string; readonly values: readonly SqlValue[] }
  | { readonly kind: "close" };

interface Waiting {
  readonly question: Question;
  readonly answered: PromiseWithResolvers<readonly (readonly SqlValue[])[]>;
}

/** Where a thread starts: beside this file in the sources, in the bundle's folder when built (see tsup.config.ts). */
export function databaseWorkerFile(from: string): URL {
  return new URL(from.endsWith(".ts") ? "./sqlite-worker.ts" : "./sqlite-worker.js", from);
}

/**
 * A SQLite database in a thread of its own, because SQLite's calls block and an SD card may take
 * seconds. The thread starts with the first request. All methods may be called at any time; requests
 * are carried out one after the other, in order.
 *
 * They reject with StorageError: `disk-full`, `disk-io`, `disk-read-only`, `disk-missing`,
 * `disk-busy` (another process holds it), `disk-damaged`, `newer-format`, `store-busy` (too many
 * wait), `store-crashed`, `store-closed`. When the thread has died or could not open, everything that
 * waits is rejected and the next request after a back-off starts a new one. A damaged database is put
 * aside as `<file>.damaged-<n>`, never deleted, and a new one is begun.
 */
export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions;
  readonly #maxWaiting: number;
  #worker: Worker | undefined;
  #open = false;
  #queue: Waiting[] = [];
  #asked: Waiting | undefined;
  #request = 0;
  #failures = 0;
  #crashes = 0;
  #damaged: string[] = [];
  #refused: { readonly error: StorageError; readonly until: number } | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 64;
  }

  status(): DatabaseStatus {
    return {
      state: this.#state(),
      waiting: this.#queue.length + (this.#asked ? 1 : 0),
      crashes: this.#crashes,
      damaged: this.#damaged,
    };
  }

  #state(): DatabaseStatus["state"] {
    if (this.#closed !== undefined) return "closed";
    if (this.#worker) return this.#open ? "open" : "opening";
    return this.#refused ? "failed" : "unused";
  }

  /** All steps in one transaction: all of them are in the database when it resolves, none when it rejects. */
  async write(steps: readonly SqlStep[]): Promise<void> {
    await this.#ask({ kind: "write", steps });
  }

  /** Rows as arrays of their columns; at most `maxRows`. */
  read(sql: string, values: readonly SqlValue[] = []): Promise<readonly (readonly SqlValue[])[]> {
    return this.#ask({ kind: "read", sql, values });
  }

  /** Carries out what waits, then closes the database; what takes too long is left to the journal. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (!this.#worker) return;
    const waiting: Waiting = { question: { kind: "close" }, answered: Promise.withResolvers() };
    this.#queue.push(waiting);
    this.#pump();
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.timer(closeMs, late.resolve);
    await Promise.race([waiting.answered.promise.catch(() => {}), late.promise]);
    timer[Symbol.dispose]();
    await this.#worker?.terminate();
  }

  #ask(question: Question): Promise<readonly (readonly SqlValue[])[]> {
    if (this.#closed !== undefined)
      return Promise.reject(new StorageError("the store is closed", { code: "store-closed" }));
    const refused = this.#refused;
    if (refused && this.#options.clock.monotonic() < refused.until) return Promise.reject(refused.error);
    if (this.#queue.length >= this.#maxWaiting) {
      const error = new StorageError(`${this.#queue.length} requests wait for ${this.#options.file}`, {
        code: "store-busy",
        hint: "the disk is too slow for what it is asked",
      });
      return Promise.reject(error);
    }
    const waiting: Waiting = { question, answered: Promise.withResolvers() };
    this.#queue.push(waiting);
    this.#pump();
    return waiting.answered.promise;
  }

  #pump(): void {
    const worker = this.#worker ?? this.#start();
    if (!this.#open || this.#asked) return;
    this.#asked = this.#queue.shift();
    if (!this.#asked) {
      // A thread that has nothing to do does not keep the process.
      worker.unref();
      return;
    }
    worker.ref();
    worker.postMessage({ ...this.#asked.question, id: ++this.#request } satisfies WorkerRequest);
  }

  #start(): Worker {
    const { file, schema, synchronous, maxBytes } = this.#options;
    const worker = new Worker(databaseWorkerFile(import.meta.url), {
      name: "sqlite",
      workerData: { file, schema, synchronous, maxBytes } satisfies DatabaseFile,
      resourceLimits: heapLimits,
      env: {},
      argv: [],
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    this.#worker = worker;
    let cause: unknown;
    worker.on("message", (answer: WorkerAnswer) => {
      if (worker === this.#worker) this.#take(answer);
    });
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      if (worker !== this.#worker) return;
      if (this.#closed === undefined) this.#crashes++;
      const code = this.#closed !== undefined ? "store-closed" : "store-crashed";
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      this.#fail(new StorageError(`the thread of ${file} ended${why}`, { code, cause }));
    });
    return worker;
  }

  #take({ id, rows = [], damaged, error }: WorkerAnswer): void {
    if (id === 0) {
      this.#opened(damaged, error);
      return;
    }
    const asked = this.#asked;
    if (!asked || id !== this.#request) return;
    if (error?.code === "disk-damaged") {
      // Opening it again looks at all of it, and puts it aside.
      this.#drop();
      this.#fail(this.#errorOf(error));
      return;
    }
    this.#asked = undefined;
    if (!error) asked.answered.resolve(rows);
    else asked.answered.reject(this.#errorOf(error));
    this.#pump();
  }

  #opened(damaged: string | undefined, error: WorkerFailure | undefined): void {
    if (error) {
      this.#drop();
      this.#fail(this.#errorOf(error));
      return;
    }
    this.#open = true;
    this.#failures = 0;
    this.#refused = undefined;
    if (damaged !== undefined) {
      this.#damaged.push(damaged);
      this.#options.log.error(
        { damaged },
        "the database was damaged: it was put aside and a new one is begun",
      );
    }
    this.#pump();
  }

  /** Ends the thread; what waits stays in the queue. */
  #drop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#open = false;
    void worker?.terminate();
  }

  #fail(error: StorageError): void {
    this.#worker = undefined;
    this.#open = false;
    const wait = Math.min(longestBackoffMs, firstBackoffMs * 2 ** this.#failures++);
    this.#refused = { error, until: this.#options.clock.monotonic() + wait };
    const waiting = this.#asked ? [this.#asked, ...this.#queue] : this.#queue;
    this.#asked = undefined;
    this.#queue = [];
    for (const { answered } of waiting) answered.reject(error);
  }

  #errorOf({ code, message }: WorkerFailure): StorageError {
    const text = `${this.#options.file}: ${message}`;
    return new StorageError(text, { code: code ?? "store-refused", hint: hints[code ?? ""] });
  }
}

const hints: Readonly<Record<string, string>> = {
  "disk-full": "free space on this disk, or lower the bound of this store",
  "disk-read-only": "let the gateway's user write to this folder, or remount it for writing",
  "disk-io": "look for disk errors in the kernel log",
  "disk-missing": "is the disk mounted?",
  "disk-busy": "another program holds this database; close it",
  "disk-damaged": "the disk may be worn out: replace it, then remove the .damaged files",
  "newer-format": "install the version that wrote it, or move the file away",
};
