// A little long: one registry, and every rule of it (one per line, how many, what is kept) beside the others.
import { randomBytes } from "node:crypto";
import type { Clock } from "../model/clock.ts";
import type { Finding } from "../model/commissioning.ts";
import { ConfigError, GatewayError, RefusedError } from "../model/errors.ts";
import type { Job, JobCost, JobKind, JobProgress } from "../model/job.ts";
import type { Log } from "../model/log.ts";
import { findingKey } from "./finding-key.ts";

/** What a job says on its way: how far it is, what it found, or both. */
export interface JobStep {
  readonly progress?: JobProgress | undefined;
  /** In place of an earlier one about the same thing. */
  readonly finding?: Finding | undefined;
  /** The bytes of the file that `finding` names. */
  readonly content?: Uint8Array | undefined;
}

/** One job, ready to be begun. */
export interface PreparedJob {
  /** What it is about, for people: a connection, a port, a far side. */
  readonly subject: string;
  /** What it must have alone, each named by a key: two jobs never have one of them at a time. */
  readonly lines?: readonly string[] | undefined;
  /** What it costs at most; undefined where nobody can know. Asks nobody. */
  cost?(): Promise<JobCost>;
  /** Does it. A GatewayError that is thrown is told as it is; `signal` aborts when somebody stops it. */
  run(signal: AbortSignal): AsyncIterable<JobStep>;
}

/** Understands what was asked for. Rejects with ConfigError (`bad-job`, `unknown-connection`). Does nothing yet. */
export type JobMaker = (
  what: Readonly<Record<string, unknown>>,
  by: string,
) => PreparedJob | Promise<PreparedJob>;

export type JobKinds = Readonly<Partial<Record<JobKind, JobMaker>>>;

export interface JobsOptions {
  readonly kinds: JobKinds;
  readonly clock: Clock;
  readonly log: Log;
}

/** Jobs that are remembered; the oldest that have ended go. */
export const mostJobs = 20;
export const mostFindings = 2000;
export const mostRunning = 3;
/** Of all files together, bytes. */
export const mostFileBytes = 16 * 1024 * 1024;

interface Kept {
  readonly controller: AbortController;
  readonly lines: readonly string[];
  readonly findings: Map<string, Finding>;
  readonly files: Map<string, Uint8Array>;
  /** Something was found that is not kept. */
  full: boolean;
  /** As it is now; undefined after a change that nobody has looked at yet. */
  shown: Job | undefined;
  facts: Omit<Job, "findings">;
  /** Settles at the next change. */
  changed: PromiseWithResolvers<void>;
  ended: Promise<void>;
}

/** Long work and who watches it. Implements `LocalJobs` of the local API. Disposing stops all and waits for their ends. */
export class Jobs implements AsyncDisposable {
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, Kept>();
  #closed = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** The newest first. */
  list(): readonly Job[] {
    return Array.from(this.#jobs.values(), show).reverse();
  }

  get(id: string): Job | undefined {
    const kept = this.#jobs.get(id);
    return kept && show(kept);
  }

  /** A file that a job made, while it is kept. */
  file(id: string, name: string): Uint8Array | undefined {
    return this.#jobs.get(id)?.files.get(name);
  }

  /** What a job would cost, without beginning it. Rejects with ConfigError as `start` does. */
  async cost(
    kind: JobKind,
    what: Readonly<Record<string, unknown>>,
    by: string,
  ): Promise<JobCost | undefined> {
    return (await this.#made(kind, what, by)).cost?.();
  }

  /** Rejects with ConfigError (`bad-job`, `unknown-job-kind`, what the kind says), RefusedError (`line-busy`, `too-many-jobs`). */
  async start(kind: JobKind, what: Readonly<Record<string, unknown>>, by: string): Promise<Job> {
    const prepared = await this.#made(kind, what, by);
    this.#admit(prepared.lines ?? []);
    const id = `${kind}-${randomBytes(5).toString("hex")}`;
    const kept: Kept = {
      controller: new AbortController(),
      lines: prepared.lines ?? [],
      findings: new Map(),
      files: new Map(),
      full: false,
      shown: undefined,
      facts: {
        id,
        kind,
        state: "running",
        subject: prepared.subject,
        by,
        startedAt: this.#now(),
        progress: { done: 0, doing: { en: "starting", sv: "startar" } },
      },
      changed: Promise.withResolvers(),
      ended: Promise.resolve(),
    };
    this.#jobs.set(id, kept);
    this.#forget();
    kept.ended = this.#run(kept, prepared);
    return show(kept);
  }

  /** The present state first, then the newest whenever it has changed; ends with the job, or the signal. */
  async *follow(id: string, signal: AbortSignal): AsyncIterable<Job> {
    const kept = this.#jobs.get(id);
    if (!kept) throw new ConfigError(`no job ${id.slice(0, 60)}`, { code: "unknown-job" });
    const gone = Promise.withResolvers<void>();
    const leave = () => gone.resolve();
    signal.addEventListener("abort", leave, { once: true });
    try {
      while (!signal.aborted) {
        // Taken before the state is: a change while the reader is busy is not missed.
        const changed = kept.changed.promise;
        const job = show(kept);
        yield job;
        if (job.state !== "running") return;
        await Promise.race([changed, gone.promise]);
      }
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** Whether it was running. It counts as running, and keeps its line, until it has really ended. */
  stop(id: string): boolean {
    const kept = this.#jobs.get(id);
    if (kept?.facts.state !== "running") return false;
    this.#stop(kept);
    return true;
  }

  /** Resolves when it has ended. */
  async ended(id: string): Promise<void> {
    await this.#jobs.get(id)?.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const running = this.#running();
    for (const kept of running) this.#stop(kept);
    await Promise.all(running.map(({ ended }) => ended));
  }

  #stop(kept: Kept): void {
    if (kept.controller.signal.aborted) return;
    const { progress } = kept.facts;
    this.#change(kept, {
      progress: { ...progress, leftS: undefined, doing: { en: "stopping", sv: "avslutar" } },
    });
    kept.controller.abort(new RefusedError("the job was stopped", { code: "stopped" }));
  }

  async #made(kind: JobKind, what: Readonly<Record<string, unknown>>, by: string): Promise<PreparedJob> {
    const make = this.#options.kinds[kind];
    if (!make)
      throw new ConfigError(`this gateway has no jobs of the kind ${kind}`, { code: "unknown-job-kind" });
    return make(what, by);
  }

  #running(): Kept[] {
    return Array.from(this.#jobs.values()).filter(({ facts }) => facts.state === "running");
  }

  #admit(lines: readonly string[]): void {
    if (this.#closed) throw new RefusedError("the gateway stops", { code: "closed" });
    const running = this.#running();
    const rival = running.find((one) => one.lines.some((line) => lines.includes(line)));
    if (rival)
      throw new RefusedError(`${rival.facts.subject} is taken by job ${rival.facts.id}`, {
        code: "line-busy",
        hint: `wait for it, or stop it; ${rival.facts.by} started it`,
      });
    if (running.length >= mostRunning)
      throw new RefusedError(`${running.length} jobs run already`, {
        code: "too-many-jobs",
        hint: "wait for one of them, or stop it",
      });
  }

  async #run(kept: Kept, prepared: PreparedJob): Promise<void> {
    const { signal } = kept.controller;
    try {
      // A job that fails at once fails after whoever started it has its id.
      await Promise.resolve();
      for await (const step of prepared.run(signal)) {
        this.#take(kept, step);
        if (signal.aborted) break;
      }
      this.#end(kept, { state: signal.aborted ? "stopped" : "done" });
    } catch (error) {
      this.#fail(kept, error);
    }
  }

  #fail(kept: Kept, error: unknown): void {
    const { signal } = kept.controller;
    const stopped = signal.aborted && (error === signal.reason || isAbort(error));
    if (error instanceof GatewayError) {
      const { code, message, hint } = error;
      if (signal.aborted) this.#end(kept, { state: "stopped" });
      else this.#end(kept, { state: "failed", error: { code, message, ...(hint && { hint }) } });
      return;
    }
    if (!stopped)
      this.#options.log.error({ err: error, job: kept.facts.id }, "a job has ended by a bug of ours");
    this.#end(
      kept,
      stopped
        ? { state: "stopped" }
        : { state: "failed", error: { code: "internal", message: "internal error; see the log" } },
    );
  }

  #take(kept: Kept, { progress, finding, content }: JobStep): void {
    if (finding) this.#find(kept, finding, content);
    // What it does while it is being stopped is that it stops.
    this.#change(kept, progress && !kept.controller.signal.aborted ? { progress } : {});
  }

  #find(kept: Kept, finding: Finding, content: Uint8Array | undefined): void {
    const key = findingKey(finding);
    if (kept.findings.size >= mostFindings && !kept.findings.has(key)) {
      if (!kept.full) this.#options.log.warn({ job: kept.facts.id }, "a job finds more than is kept");
      kept.full = true;
      return;
    }
    kept.findings.set(key, finding);
    if (finding.kind !== "file" || !content) return;
    if (content.length > mostFileBytes)
      throw new RefusedError(`${finding.name} is too large to be kept`, { code: "file-too-large" });
    kept.files.set(finding.name, content);
    this.#dropFiles();
  }

  /** The oldest files go first. */
  #dropFiles(): void {
    const sizes = () =>
      Array.from(this.#jobs.values()).flatMap(({ files }) => Array.from(files.values(), (one) => one.length));
    let bytes = sizes().reduce((sum, size) => sum + size, 0);
    for (const { files } of this.#jobs.values())
      for (const [name, content] of files) {
        if (bytes <= mostFileBytes) return;
        files.delete(name);
        bytes -= content.length;
      }
  }

  #end(kept: Kept, facts: Pick<Job, "state" | "error">): void {
    const { progress } = kept.facts;
    const doing =
      facts.state === "done"
        ? { en: "done", sv: "klart" }
        : facts.state === "stopped"
          ? { en: "stopped", sv: "avbrutet" }
          : { en: "failed", sv: "misslyckades" };
    this.#change(kept, {
      ...facts,
      endedAt: this.#now(),
      progress: { ...progress, leftS: undefined, doing },
    });
    this.#forget();
  }

  #change(kept: Kept, facts: Partial<Job>): void {
    kept.facts = { ...kept.facts, ...facts };
    kept.shown = undefined;
    kept.changed.resolve();
    kept.changed = Promise.withResolvers();
  }

  #forget(): void {
    for (const [id, { facts }] of this.#jobs) {
      if (this.#jobs.size <= mostJobs) return;
      if (facts.state !== "running") this.#jobs.delete(id);
    }
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

function show(kept: Kept): Job {
  kept.shown ??= { ...kept.facts, findings: [...kept.findings.values()] };
  return kept.shown;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
