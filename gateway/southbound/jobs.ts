import { TransientError } from "../model/errors.ts";
import type { Driver } from "./protocol.ts";

/** Something asked for now: it goes ahead of polls. */
export interface Job {
  /** Expected line time, ms. */
  readonly costMs: number;
  /** Does it, and tells whoever asked; never rejects. */
  run(driver: Driver, signal: AbortSignal): Promise<void>;
  /** It will not be done. */
  fail(error: Error): void;
}

const mostWaiting = 256;
/** Line time that jobs may take before a waiting poll gets as much, ms. */
const burstMs = 250;

/**
 * Jobs in the order they came. They run ahead of polls, but once they have taken `burstMs` more than
 * the polls that waited, polls and jobs share the line half and half, so that a flood of jobs never
 * starves polling.
 */
export class JobQueue {
  #jobs: Job[] = [];
  #debtMs = 0;

  get size(): number {
    return this.#jobs.length;
  }

  /** Throws TransientError when too many wait already. */
  push(job: Job): void {
    if (this.#jobs.length >= mostWaiting) {
      throw new TransientError("too many requests wait for this line", {
        code: "queue-full",
        hint: "try again later",
      });
    }
    this.#jobs.push(job);
  }

  /** Takes the next job, unless a waiting poll has its turn. */
  next(pollWaits: boolean): Job | undefined {
    if (pollWaits && this.#debtMs > burstMs) return undefined;
    const job = this.#jobs.shift();
    if (!job) return undefined;
    if (pollWaits) this.#debtMs += job.costMs;
    return job;
  }

  polled(costMs: number): void {
    this.#debtMs = Math.max(0, this.#debtMs - costMs);
  }

  failAll(error: Error): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) job.fail(error);
  }
}
