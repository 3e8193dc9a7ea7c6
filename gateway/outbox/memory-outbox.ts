import type { Clock } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { Arrivals } from "./arrivals.ts";
import { GapReporter, type OnGap } from "./gap-reporter.ts";
import type { Gap, Lane, Outbox, OutboxStatus, PackHead, StoredPack } from "./outbox.ts";
import { gapsOf, type OutboxLimits, PackIndex } from "./pack-index.ts";
import { inMemory } from "./pack-queue.ts";

export interface MemoryOutboxOptions {
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  /** Ms after which a live pack is backlog. */
  readonly liveFor: number;
  readonly log: Log;
  readonly onGap: OnGap;
}

/** An outbox that lives and dies with the process: for tests and `--no-store`. Every append answers `memory`. */
export function openMemoryOutbox(options: MemoryOutboxOptions): Outbox {
  return new MemoryOutbox(options);
}

class MemoryOutbox implements Outbox {
  readonly previousRuns = [];
  readonly recentMarks = [];
  readonly #clock: Clock;
  readonly #reporter: GapReporter;
  readonly #index: PackIndex;
  readonly #arrivals: Arrivals;
  readonly #packs = new Map<number, StoredPack>();
  #nextId = 1;
  #closed = false;

  constructor(options: MemoryOutboxOptions) {
    this.#clock = options.clock;
    this.#reporter = new GapReporter(options.onGap, options.log);
    this.#index = new PackIndex(options);
    this.#arrivals = new Arrivals(this.#index, options.clock);
  }

  async append(pack: Uint8Array, head: PackHead): Promise<"disk" | "memory" | "dropped"> {
    if (this.#closed) throw closedOutbox();
    if (pack.length > this.#index.roomFor(head.audience)) {
      void this.#reporter.report(gapsOf([{ ...head, reason: "disk-full" }]));
      return "dropped";
    }
    const id = this.#nextId++;
    this.#packs.set(id, { ...head, id, bytes: pack });
    this.#index.add(id, head, pack.length, inMemory, this.#clock.monotonic());
    this.#arrivals.announce();
    this.#expire();
    return this.#packs.has(id) ? "memory" : "dropped";
  }

  async peek(lane: Lane, limit: number): Promise<StoredPack[]> {
    this.#expire();
    return this.#index.oldest(lane, limit).map(({ id }) => this.#packs.get(id)!);
  }

  async ack(packs: readonly { readonly id: number }[]): Promise<void> {
    for (const { id } of packs) {
      this.#index.take(id);
      this.#packs.delete(id);
    }
  }

  async drop(packs: readonly StoredPack[], reason: Gap["reason"]): Promise<void> {
    const dropped = packs.filter(({ id }) => this.#index.take(id) && this.#packs.delete(id));
    await this.#reporter.report(gapsOf(dropped.map((pack) => ({ ...pack, reason }))));
  }

  waitFor(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    return this.#arrivals.waitFor(lanes, signal);
  }

  status(): OutboxStatus {
    const { lanes, ...counts } = this.#index.status();
    return { ...counts, lanes, disk: "ok", volatile: counts.packs, quarantined: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #expire(): void {
    const excess = this.#index.takeExcess();
    for (const { entry } of excess) this.#packs.delete(entry.id);
    void this.#reporter.report(
      gapsOf(excess.map(({ entry, reason }) => ({ ...entry, ...this.#index.streamOf(entry), reason }))),
    );
  }
}

export function closedOutbox(): StorageError {
  return new StorageError("the outbox is closed", { code: "outbox-closed" });
}
