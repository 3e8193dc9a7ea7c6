import { TransientError } from "../model/errors.ts";
import type { Driver } from "./protocol.ts";

/** Something asked for now: it goes ahead of polls. */
export interface Job {
  /** Whether it goes ahead of jobs that are not: commands before reads on demand. */
  readonly urgent?: boolean | undefined;
  /** Whether it may run now; others go ahead meanwhile. Always, unless it says. */
  ready?(): boolean;
  /** Does it, and tells whoever asked; never rejects. */
  run(driver: Driver, signal: AbortSignal): Promise<void>;
  /** It will not be done. */
  fail(error: Error): void;
}

/** Of each kind, urgent or not. */
const mostWaiting = 256;
/** Line time that jobs may take before a waiting poll gets its part, ms. */
const burstMs = 250;
export const defaultShare = 0.5;

/**
 * Jobs in the order they came, the urgent ones first. They run ahead of polls; but once they have kept
 * polls waiting for `burstMs` more than their share, polls get their part of the line before the next
 * job, so that a flood of jobs never starves polling.
 */
export class JobQueue {
  readonly #urgent: Job[] = [];
  readonly #others: Job[] = [];
  /** What polls are owed per ms that jobs kept them waiting. */
  readonly #owedPerMs: number;
  readonly #mostOwedMs: number;
  #owedMs = 0;

  /** @param share the most of the line's time for jobs while polls wait; above 0 and below 1 */
  constructor(share = defaultShare) {
    if (!(share > 0 && share < 1)) throw new RangeError(`a share lies between 0 and 1: ${share}`);
    this.#owedPerMs = (1 - share) / share;
    this.#mostOwedMs = burstMs * this.#owedPerMs;
  }

  get size(): number {
    return this.#urgent.length + this.#others.length;
  }

  /** Throws TransientError when too many wait already. */
  push(job: Job): void {
    const jobs = job.urgent ? this.#urgent : this.#others;
    if (jobs.length >= mostWaiting) {
      throw new TransientError("too many requests wait for this line", {
        code: "queue-full",
        hint: "try again later",
      });
    }
    jobs.push(job);
  }

  /** Whoever asked does not want it any more; it is not told. */
  remove(job: Job): void {
    const jobs = job.urgent ? this.#urgent : this.#others;
    const index = jobs.indexOf(job);
    if (index >= 0) jobs.splice(index, 1);
  }

  /** Takes the next job, unless a waiting poll has its turn. */
  next(pollWaits: boolean): Job | undefined {
    return this.allows(pollWaits) ? (take(this.#urgent) ?? take(this.#others)) : undefined;
  }

  /** Whether jobs may have the line now: not while a waiting poll has its turn. */
  allows(pollWaits: boolean): boolean {
    return !pollWaits || this.#owedMs <= this.#mostOwedMs;
  }

  /** A job ran, and kept a poll waiting for so long. */
  ran(keptWaitingMs: number): void {
    this.#owedMs += keptWaitingMs * this.#owedPerMs;
  }

  polled(costMs: number): void {
    this.#owedMs = Math.max(0, this.#owedMs - costMs);
  }

  failAll(error: Error): void {
    for (const job of [...this.#urgent.splice(0), ...this.#others.splice(0)]) job.fail(error);
  }
}

function take(jobs: Job[]): Job | undefined {
  const index = jobs.findIndex((job) => job.ready?.() ?? true);
  return index < 0 ? undefined : jobs.splice(index, 1)[0];
}
