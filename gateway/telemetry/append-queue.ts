import type { Clock } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Gap, PackHead } from "../outbox/outbox.ts";

export type AppendOutcome = "disk" | "memory" | "dropped";

export interface AppendQueueOptions {
  readonly clock: Clock;
  /** `Outbox.append`. A rejection is tried again; `dropped` means that the outbox reports a Gap itself. */
  append(bytes: Uint8Array, head: PackHead): Promise<AppendOutcome>;
  /** Called once per pack that left the queue. */
  settled(head: PackHead, outcome: AppendOutcome): void;
  /** Called for a pack that is given up here, after `settled`. */
  gap(gap: Gap): void;
  /** Readings in the queue; what comes beyond costs the oldest pack that is not being written. */
  readonly maxReadings: number;
  readonly retryMs: number;
}

interface QueuedPack {
  readonly bytes: Uint8Array;
  readonly head: PackHead;
  readonly done: PromiseWithResolvers<void>;
  appending: boolean;
  /** Failed attempts; waits for the retry timer while `failed`. */
  attempts: number;
  failed: boolean;
}

/** Appends that run at once: enough for one group commit, few enough that a hanging disk holds little. */
const maxAppending = 128;
/** However few readings are in them. */
const maxPacks = 2_000;
/** Then the pack itself is at fault, or the outbox beyond help. */
const maxAttempts = 60;

/**
 * Finished packs between the pack builder and the outbox, bounded. An outbox whose disk fails
 * resolves with `memory`; a rejection or a hanging append is the exception that this queue outlasts.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  /** In order of seq within an audience. */
  readonly #packs = new Set<QueuedPack>();
  readonly #running = new Set<Promise<void>>();
  #retryTimer: Disposable | undefined;
  #readings = 0;
  #closed = false;

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /** Readings inside. */
  get readings(): number {
    return this.#readings;
  }

  /** `done` resolves when the pack is stored or given up, rejects when the queue closes before. */
  push(bytes: Uint8Array, head: PackHead, done: PromiseWithResolvers<void>): void {
    this.#packs.add({ bytes, head, done, appending: false, attempts: 0, failed: false });
    this.#readings += head.readings;
    this.#pump();
    this.#makeRoom();
  }

  /** Tries everything that waits once more; resolves when each attempt has ended. */
  async flush(): Promise<void> {
    this.#retry();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Flushes; what is then still inside is given up and rejects with StorageError. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    for (const pack of this.#packs) {
      this.#leave(pack, "dropped");
      pack.done.reject(new StorageError("closed before the outbox took these readings", { code: "closed" }));
    }
  }

  #pump(): void {
    for (const pack of this.#packs) {
      if (this.#running.size >= maxAppending) return;
      if (!pack.appending && !pack.failed) this.#append(pack);
    }
  }

  #append(pack: QueuedPack): void {
    pack.appending = true;
    const running = this.#options.append(pack.bytes, pack.head).then(
      (outcome) => {
        this.#running.delete(running);
        this.#leave(pack, outcome);
        pack.done.resolve();
        this.#pump();
      },
      () => {
        this.#running.delete(running);
        pack.appending = false;
        pack.failed = true;
        if (++pack.attempts >= maxAttempts) this.#giveUp(pack);
        else if (!this.#closed) {
          this.#retryTimer ??= this.#options.clock.timer(this.#options.retryMs, () => this.#retry());
        }
        this.#makeRoom();
        this.#pump();
      },
    );
    this.#running.add(running);
  }

  #retry(): void {
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = undefined;
    for (const pack of this.#packs) pack.failed = false;
    this.#pump();
  }

  #makeRoom(): void {
    for (const pack of this.#packs) {
      if (this.#readings <= this.#options.maxReadings && this.#packs.size <= maxPacks) return;
      if (!pack.appending) this.#giveUp(pack);
    }
  }

  #giveUp(pack: QueuedPack): void {
    this.#leave(pack, "dropped");
    const { audience, run, seq, readings } = pack.head;
    this.#options.gap({ audience, run, from: seq, to: seq, readings, reason: "disk-failed" });
    pack.done.resolve();
  }

  #leave(pack: QueuedPack, outcome: AppendOutcome): void {
    this.#packs.delete(pack);
    this.#readings -= pack.head.readings;
    this.#options.settled(pack.head, outcome);
  }
}
