import type { Clock } from "../../model/clock.ts";
import type { Log } from "../../model/log.ts";
import { type Child, type ChildOptions, startChild } from "./child-process.ts";
import {
  asleep,
  type Cause,
  type CrashPolicy,
  follow,
  type Happening,
  type Watched,
} from "./crash-policy.ts";
import type { NodeRedStatus } from "./status-file.ts";

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CrashPolicy;
  /** As in the status. */
  readonly url: string;
  /** Flows are not started at first: the last run ended in safe mode. */
  readonly safe: boolean;
  readonly child: Omit<ChildOptions, "safe" | "onAlive" | "onLoaded" | "onDeployed" | "onLine" | "onEnd">;
  /** Starts it; the real one unless given. */
  readonly start?: (options: ChildOptions) => Child;
  /** Resolves when something answers at the editor's address, which may take for ever. */
  ready(signal: AbortSignal): Promise<void>;
  onStatus(status: NodeRedStatus): void;
}

const lookEveryMs = 1000;
/** Looks that come so late say nothing about the child: it was this process that slept. */
const lateMs = 3000;
const patienceMs = 10_000;
/** Lines of Node-RED that go to the log. */
const linesPerSecond = 50;

/** Keeps one Node-RED alive, or in safe mode, until it is disposed. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  #watched: Watched = asleep;
  #child: Child | undefined;
  #timer: Disposable | undefined;
  #lookedAt = 0;
  #ready = false;
  #starting = new AbortController();
  #since: string;
  #lastCrash: NodeRedStatus["lastCrash"];
  #lines = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#since = this.#time();
  }

  begin(): void {
    this.#lookedAt = this.#options.clock.monotonic();
    this.#happen({ kind: "begin", safe: this.#options.safe });
    this.#look();
  }

  /** Ends Node-RED in order and starts it anew, with flows: somebody changed them behind its back. */
  async restart(): Promise<void> {
    this.#happen({ kind: "deployed" });
    this.#happen({ kind: "stop" });
    await this.#child?.end(patienceMs);
    this.#happen({ kind: "begin", safe: false });
  }

  get status(): NodeRedStatus {
    const { phase, safe, total } = this.#watched;
    const bytes = this.#child?.bytes();
    const state =
      phase === "waiting"
        ? "restarting"
        : phase === "stopped"
          ? "stopped"
          : !this.#ready
            ? "starting"
            : safe
              ? "safe-mode"
              : "running";
    return {
      pid: process.pid,
      state,
      safe,
      url: this.#options.url,
      crashes: total,
      ...(this.#lastCrash ? { lastCrash: this.#lastCrash } : {}),
      ...(bytes === undefined || phase !== "running" ? {} : { memoryMB: Math.round(bytes / 1e6) }),
      since: this.#since,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#happen({ kind: "stop" });
    this.#starting.abort();
    await this.#child?.end(patienceMs);
  }

  #happen(happening: Happening): void {
    const { clock, policy } = this.#options;
    const before = this.#watched;
    const { watched, orders } = follow(before, happening, clock.monotonic(), policy);
    this.#watched = watched;
    this.#tell(before, watched);
    for (const order of orders) {
      if (order.kind === "start") this.#start(order.safe);
      else this.#child?.kill();
    }
    if (before.phase !== watched.phase || before.safe !== watched.safe) this.#changed();
  }

  #tell(before: Watched, after: Watched): void {
    const { log } = this.#options;
    if (after.total > before.total) {
      const { code, text } = after.last ?? { code: "exit", text: "" };
      this.#lastCrash = { code, text, time: this.#time() };
      log.error({ code, crashes: after.total }, `Node-RED has ended: ${text}`);
    }
    if (after.safe && !before.safe)
      log.error(
        { code: "safe-mode" },
        "Node-RED goes to safe mode: its flows are loaded but do not run until somebody deploys",
      );
    if (before.safe && !after.safe) log.info({}, "Node-RED leaves safe mode");
  }

  #look(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const late = now - this.#lookedAt > lateMs;
    this.#lookedAt = now;
    this.#lines = 0;
    const bytes = this.#child?.bytes();
    if (late) this.#happen({ kind: "alive", bytes: bytes ?? 0 });
    else this.#happen({ kind: "look", bytes });
    this.#timer = clock.timer(lookEveryMs, () => this.#look());
  }

  #start(safe: boolean): void {
    const { child, start = startChild, log } = this.#options;
    this.#ready = false;
    this.#starting.abort();
    this.#starting = new AbortController();
    const { signal } = this.#starting;
    this.#child = start({
      ...child,
      safe,
      onAlive: () => this.#happen({ kind: "alive", bytes: this.#child?.bytes() ?? 0 }),
      onLoaded: () => this.#happen({ kind: "loaded" }),
      onDeployed: () => this.#happen({ kind: "deployed" }),
      onLine: (line) => {
        if (this.#lines++ < linesPerSecond) log.info({ from: "node-red" }, line);
      },
      onEnd: (cause: Cause) => {
        this.#starting.abort();
        this.#ready = false;
        this.#happen({ kind: "ended", cause });
      },
    });
    this.#options.ready(signal).then(
      () => {
        if (signal.aborted) return;
        this.#ready = true;
        log.info({ url: this.#options.url, safe }, "Node-RED is there");
        this.#changed();
      },
      () => {
        // Aborted: it ended before.
      },
    );
  }

  #changed(): void {
    this.#since = this.#time();
    this.#options.onStatus(this.status);
  }

  #time(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}
