import { Worker } from "node:worker_threads";
import type { Clock } from "../model/clock.ts";
import { endedJob, type Job, type JobAnswer, type JobResult, stopJob, type ThreadData } from "./messages.ts";

/** How long a thread may take to start, ms: a Raspberry Pi under load needs seconds. */
const startMs = 30_000;

/** The thread's own JavaScript heap, MB: it holds a few strings. The engine's memory has a cap of its own. */
const heapLimits = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

export interface ThreadOptions {
  readonly clock: Clock;
  readonly module: WebAssembly.Module;
  readonly heapBytes: number;
}

export interface JobLimits {
  /** After this the script is told to stop, ms. */
  readonly softMs: number;
  /** After this the thread is ended, ms. */
  readonly hardMs: number;
}

/** Omits from each member of a union. */
type WithoutNumber<T> = T extends unknown ? Omit<T, "job"> : never;

/** Where a thread starts: beside this file in the sources, in the bundle's folder when built (see tsup.config.ts). */
export function workerFile(from: string): URL {
  return new URL(from.endsWith(".ts") ? "./worker.ts" : "./codec-worker.js", from);
}

/** A thread of its own with one engine in it, one job at a time, and a watchdog from outside. */
export class Thread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #signals: Int32Array;
  #job = 0;
  #waiting: ((result: JobResult | undefined) => void) | undefined;
  #dead = false;
  #cause: unknown;

  private constructor(worker: Worker, shared: SharedArrayBuffer, clock: Clock) {
    this.#worker = worker;
    this.#clock = clock;
    this.#signals = new Int32Array(shared);
    worker.on("message", ({ job, ...result }: JobAnswer) => {
      if (job === this.#job) this.#settle(result);
    });
    worker.on("error", (error) => {
      this.#cause = error;
    });
    worker.on("exit", () => {
      this.#dead = true;
      this.#settle(undefined);
    });
  }

  /** @throws whatever keeps the thread from starting */
  static async open({ clock, module, heapBytes }: ThreadOptions): Promise<Thread> {
    const shared = new SharedArrayBuffer(8);
    new Int32Array(shared)[stopJob] = -1;
    const workerData: ThreadData = { module, heapBytes, shared };
    const worker = new Worker(workerFile(import.meta.url), {
      name: "codec sandbox",
      workerData,
      resourceLimits: heapLimits,
      env: { TZ: "UTC" },
      argv: [],
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    const thread = new Thread(worker, shared, clock);
    const watch = clock.timer(startMs, () => void worker.terminate());
    const started = await new Promise<JobResult | undefined>((resolve) => {
      thread.#waiting = resolve;
    });
    watch[Symbol.dispose]();
    if (!started) throw thread.#cause ?? new Error("the thread did not start");
    return thread;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Why the thread ended by itself, if it did. */
  get cause(): unknown {
    return this.#cause;
  }

  /** One job's result, or undefined when the thread ended before: by itself or by the watchdog. Never two at a time. */
  run(job: WithoutNumber<Job>, { softMs, hardMs }: JobLimits): Promise<JobResult | undefined> {
    if (this.#dead) return Promise.resolve(undefined);
    const number = ++this.#job;
    this.#worker.postMessage({ ...job, job: number });
    return new Promise((resolve) => {
      let watch = this.#clock.timer(softMs, () => {
        Atomics.store(this.#signals, stopJob, number);
        watch = this.#clock.timer(hardMs - softMs, () => {
          // It may have ended long ago, and only this thread was too busy to see the answer.
          if (Atomics.load(this.#signals, endedJob) !== number) void this.#worker.terminate();
        });
      });
      this.#waiting = (result) => {
        watch[Symbol.dispose]();
        resolve(result);
      };
    });
  }

  /** Whether the process waits for this thread. */
  keep(kept: boolean): void {
    if (kept) this.#worker.ref();
    else this.#worker.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(result: JobResult | undefined): void {
    const settle = this.#waiting;
    this.#waiting = undefined;
    settle?.(result);
  }
}
