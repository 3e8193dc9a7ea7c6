// A little long: the one place that takes the steps of machine.ts, in their order, and keeps the record of them.
import type { Clock } from "../model/clock.ts";
import { GatewayError, RefusedError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import { type HealthNow, judgeHealth } from "./health-gate.ts";
import * as machine from "./machine.ts";
import { emptyRecord, type Reason, recordSchema, type Target, type UpdateRecord } from "./record.ts";
import type { SlotFacts, Updater, UpdaterStatus } from "./updater.ts";

export interface UpdatesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps the record. */
  readonly disk: Disk;
  readonly updater: Updater;
  /** Of the system that runs; `slot` is what the updater knows of it. */
  version(slot: SlotFacts | undefined): string;
  /** Fetches what is not here. Rejects with RefusedError for what must not be tried again. */
  fetch(target: Target, progress: (percent: number) => void, signal: AbortSignal): Promise<void>;
  /** Where the updater finds a target's bundle. */
  path(target: Target): string;
  /** The bundle is not needed any more. */
  discard(target: Target): Promise<void>;
  /** As it is now; `starts` is counted here. */
  health(): Omit<HealthNow, "starts">;
  /** Whether a target may be written, and the machine restarted for it, now. */
  mayInstall(target: Target): boolean;
  mayRestart(target: Target): boolean;
  changed?(state: UpdateState): void;
}

/** For people and for the city. */
export interface UpdateState {
  readonly phase: UpdateRecord["phase"];
  /** Of the download or of the install, percent. */
  readonly progress?: number | undefined;
  readonly version: string;
  readonly slot?: string | undefined;
  readonly target?: string | undefined;
  readonly rollout?: string | undefined;
  readonly by?: string | undefined;
  /** Why it ended so, or what it waits for. */
  readonly why?: Reason | undefined;
  readonly failed: readonly { readonly version: string; readonly why: Reason }[];
}

const documentName = "update.json";
/** Where nobody answers, and between tries of what may work later. */
const retryMs = 30_000;
const lookMs = 5_000;
/** A system that was kept is confirmed so soon: a grid that fails three times in a row must not send it back. */
const confirmMs = 30_000;

/** Takes the steps of an update one by one, each made durable before it is taken. */
export class Updates implements AsyncDisposable {
  readonly #options: UpdatesOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #wake = new AbortController();
  #record: UpdateRecord = emptyRecord;
  #status: UpdaterStatus | undefined;
  #progress: number | undefined;
  #trouble: Reason | undefined;
  #confirmed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: UpdatesOptions) {
    this.#options = options;
    this.#done = this.#run();
    this.#done.catch(() => {});
  }

  /** Rejects when a step broke in a way nobody thought of: a bug. */
  get done(): Promise<void> {
    return this.#done;
  }

  state(): UpdateState {
    const { phase, target, why, failed } = this.#record;
    return {
      phase,
      progress: this.#progress,
      version: this.#version,
      slot: this.#status?.booted,
      target: target?.version,
      rollout: target?.rollout,
      by: target?.by,
      why: why ?? this.#trouble,
      failed,
    };
  }

  /** The slots as they were seen last; undefined where no updater has answered. */
  slots(): UpdaterStatus | undefined {
    return this.#status;
  }

  /** Begins. Rejects with RefusedError (its code says why), LinkError `no-updater` or StorageError. */
  install(target: Target): Promise<void> {
    return this.#alone(async () => {
      const next = machine.choose(this.#record, target, this.#running());
      if ("code" in next) throw new RefusedError(next.message, { code: next.code });
      await this.#become(next);
    }).then(() => this.#wake.abort());
  }

  /** Back to the system before. Rejects with RefusedError where there is none. */
  rollBack(by: string): Promise<void> {
    return this.#alone(async () => {
      const { phase, from } = this.#record;
      const { slot } = this.#running();
      const may = phase === "trying" || phase === "committed";
      if (!may || from === undefined || from.slot === slot)
        throw new RefusedError("there is no update to go back from", { code: "nothing-to-roll-back" });
      await this.#become(
        machine.toGoBack(this.#record, { code: "asked", message: `${by} asked for the former version` }),
      );
    }).then(() => this.#wake.abort());
  }

  /** Without waiting for the health gate: somebody has looked. Rejects with RefusedError. */
  commit(): Promise<void> {
    return this.#alone(async () => {
      if (this.#record.phase !== "trying")
        throw new RefusedError("there is no update to commit", { code: "nothing-to-commit" });
      await this.#become(machine.afterVerdict(this.#record, { verdict: "commit", wrong: [] }));
    }).then(() => this.#wake.abort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#done.catch(() => {});
  }

  /** One change of the record at a time. */
  #alone<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => {});
    return done;
  }

  #running(): machine.Running {
    if (!this.#status) throw noUpdater();
    return { slot: this.#status.booted, version: this.#version, boot: this.#options.clock.bootId };
  }

  get #version(): string {
    return this.#options.version(this.#status?.slots.find(({ booted }) => booted));
  }

  async #become(record: UpdateRecord): Promise<void> {
    if (record === this.#record) return;
    await replaceDocument(this.#options.disk, documentName, record);
    const before = this.#record;
    this.#record = record;
    this.#progress = undefined;
    this.#trouble = undefined;
    if (before.phase !== record.phase)
      this.#options.log.info(
        { phase: record.phase, version: record.target?.version, why: record.why },
        "update",
      );
    this.#options.changed?.(this.state());
  }

  async #run(): Promise<void> {
    const { log, disk, updater } = this.#options;
    let started = false;
    let said: string | undefined;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      try {
        if (!started) {
          const known = recordSchema.safeParse(await readDocument(disk, documentName));
          this.#status = await updater.status();
          this.#record = known.data ?? emptyRecord;
          await this.#alone(() => this.#become(machine.afterStart(this.#record, this.#running())));
          started = true;
          this.#options.changed?.(this.state());
        }
        const rest = await this.#step();
        said = undefined;
        if (rest > 0) await this.#rest(rest);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (!(error instanceof GatewayError)) throw error;
        const { code, message, hint } = error;
        if (said !== code) log.warn({ code, hint }, `the update waits: ${message}`);
        said = code;
        this.#trouble = { code, message: message.slice(0, 1000) };
        this.#options.changed?.(this.state());
        await this.#rest(retryMs);
      }
    }
  }

  /** One step. Resolves with how long nothing more is to be done, ms. */
  async #step(): Promise<number> {
    const record = this.#record;
    switch (machine.stepOf(record)) {
      case "nothing":
        await this.#confirmBoot();
        return lookMs;
      case "download":
        await this.#download(record);
        return 0;
      case "install":
        return await this.#install(record);
      case "reboot":
        return await this.#reboot(record);
      case "watch":
        await this.#watch(record);
        return lookMs;
      case "mark-good":
        await this.#options.updater.markGood();
        this.#confirmed = true;
        await this.#next(record, machine.afterMarkGood(record));
        await this.#tidy();
        return 0;
      case "go-back":
        await this.#goBack();
        return retryMs;
    }
  }

  /** What a person has asked for meanwhile is not overwritten. */
  #next(seen: UpdateRecord, next: UpdateRecord): Promise<void> {
    return this.#alone(async () => {
      if (this.#record === seen) await this.#become(next);
    });
  }

  async #download(record: UpdateRecord): Promise<void> {
    const { target } = record;
    if (!target) return await this.#next(record, emptyRecord);
    const { updater, fetch, path } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
    try {
      await fetch(target, (percent) => this.#tell(percent), signal);
      const facts = await updater.inspect(path(target));
      const { compatible } = await updater.status();
      await this.#next(record, machine.afterInspection(record, facts, compatible, this.#running()));
    } catch (error) {
      // Somebody chose another target, or the same one again: what the record says now is gone on with.
      if (this.#record !== record || signal.aborted) return;
      if (!(error instanceof RefusedError)) throw error;
      await this.#next(record, machine.refused(record, reasonOf(error)));
    }
    if (this.#record.phase === "refused") await this.#tidy();
  }

  async #install(record: UpdateRecord): Promise<number> {
    const { updater, mayInstall, path } = this.#options;
    const { target } = record;
    if (!target || !mayInstall(target)) return lookMs;
    const installing = machine.toInstall(record, this.#options.health());
    await this.#next(record, installing);
    if (this.#record !== installing) return 0;
    let failure: Reason | undefined;
    try {
      await updater.install(path(target), (percent) => this.#tell(percent));
    } catch (error) {
      if (!(error instanceof GatewayError) || error instanceof StorageError) throw error;
      failure = reasonOf(error);
    }
    await this.#next(installing, machine.afterInstall(installing, this.#running(), failure));
    return failure ? retryMs : 0;
  }

  async #reboot(record: UpdateRecord): Promise<number> {
    const { updater, mayRestart, health } = this.#options;
    if (!record.target || !mayRestart(record.target)) return lookMs;
    // Once the restart was asked for, everything may be closed already: what was seen first counts.
    const before = record.phase === "rebooting" ? record.before : undefined;
    const next = machine.toReboot(record, this.#running(), before ?? health());
    await this.#next(record, next);
    if (this.#record === next) await updater.reboot();
    return retryMs;
  }

  async #watch(record: UpdateRecord): Promise<void> {
    const verdict = judgeHealth(record.before, { ...this.#options.health(), starts: record.starts });
    this.#trouble =
      verdict.wrong.length > 0 ? { code: "waiting", message: verdict.wrong.join("; ") } : undefined;
    await this.#next(record, machine.afterVerdict(record, verdict));
  }

  async #goBack(): Promise<void> {
    const { updater, log } = this.#options;
    try {
      await updater.markBad();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      // The boot loader counts by itself, and gives up after its tries.
      log.warn({ code: error.code }, `the slot could not be marked bad: ${error.message}`);
    }
    await updater.reboot();
  }

  /** Every boot is counted by the boot loader, also of a system that has run for years. */
  async #confirmBoot(): Promise<void> {
    if (this.#confirmed) return;
    const { uptimeMs, active, writable } = this.#options.health();
    if (uptimeMs < confirmMs || !active || !writable) return;
    await this.#options.updater.markGood();
    this.#confirmed = true;
    this.#status = await this.#options.updater.status();
    await this.#tidy();
  }

  async #tidy(): Promise<void> {
    const { target } = this.#record;
    if (target) await this.#options.discard(target);
  }

  #tell(percent: number): void {
    if (this.#progress === percent) return;
    this.#progress = percent;
    // Some steps are enough for who looks from afar.
    if (percent % 10 === 0) this.#options.changed?.(this.state());
  }

  async #rest(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
    await this.#options.clock.sleep(ms, signal).catch(() => {});
  }
}

function reasonOf({ code, message }: GatewayError): Reason {
  return { code, message: message.slice(0, 1000) };
}

export function noUpdater(cause?: unknown): RefusedError {
  return new RefusedError("no updater answers: this gateway's system cannot be updated from here", {
    code: "no-updater",
    hint: "on our image stadsnod-update.service answers; elsewhere whoever installed the gateway updates it",
    cause,
  });
}
