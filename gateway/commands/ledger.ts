import type { Clock, Random } from "../model/clock.ts";
import { isLast } from "../model/command.ts";
import type { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { type Journal, openJournal } from "../store/journal.ts";
import { type Entry, pointKey, present, type Standing, type WearCount } from "./entry.ts";
import { decodeLedgerRecord, encodeLedgerRecord, type LedgerRecord } from "./ledger-record.ts";
import { leastAge } from "./moment.ts";

/** How much the ledger keeps. */
export interface Retention {
  /** Commands; beyond, the oldest that have ended are forgotten. */
  readonly count: number;
  readonly ageMs: number;
  /** Of `count`, refused commands: whoever floods the gateway with them pushes out only his like. */
  readonly refused: number;
  /** By so much the file may grow beyond twice what it must hold before it is written anew. */
  readonly growthBytes: number;
}

export const defaultRetention: Retention = {
  count: 10_000,
  ageMs: 7 * 86_400_000,
  refused: 1000,
  growthBytes: 256 * 1024,
};

export interface LedgerOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly retention: Retention;
}

const fileName = "commands.journal";
const maxBytes = 128 * 1024 * 1024;

/**
 * What must outlive a restart: commands with their results, what each point was last told, physical
 * writes. All of it is in memory; a change is first appended to the journal, then made here.
 */
export class Ledger implements AsyncDisposable {
  /** Oldest first. */
  readonly entries = new Map<string, Entry>();
  readonly standings = new Map<string, Standing>();
  readonly wear = new Map<string, WearCount>();
  readonly #byId = new Map<string, Entry>();
  readonly #options: LedgerOptions;
  readonly #journal: Journal;
  #base: number;
  /** Appended, and not yet made here: a snapshot must hold them all the same. */
  readonly #unsettled = new Set<readonly Uint8Array[]>();
  #healing: Promise<void> | undefined;
  #refused = 0;

  private constructor(options: LedgerOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
    this.#base = 0;
  }

  /** Throws StorageError. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { disk, random, log } = options;
    const opened = await openJournal(disk, fileName, { random, maxBytes });
    const ledger = new Ledger(options, opened.journal);
    let strange = 0;
    for (const bytes of opened.records) {
      const record = decodeLedgerRecord(bytes);
      if (record) ledger.#apply(record);
      else strange++;
    }
    if (opened.rotten || strange > 0)
      log.error(
        { lostBytes: opened.lostBytes, strange },
        "the ledger of commands is damaged: some commands, budgets or holds are forgotten",
      );
    ledger.prune();
    try {
      await ledger.#compact();
    } catch (error) {
      await opened.journal[Symbol.asyncDispose]();
      throw error;
    }
    return ledger;
  }

  get problem(): StorageError | undefined {
    return this.#journal.problem;
  }

  /** The newest command with this id, whoever gave it. */
  byId(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  add(entry: Entry): void {
    const old = this.entries.get(entry.key);
    if (old?.refused) this.#refused--;
    this.entries.set(entry.key, entry);
    this.#byId.set(entry.command.id, entry);
    if (entry.refused) this.#refused++;
  }

  remove(entry: Entry): void {
    if (!this.entries.delete(entry.key)) return;
    if (entry.refused) this.#refused--;
    if (this.#byId.get(entry.command.id) === entry) this.#byId.delete(entry.command.id);
  }

  /** Resolves when the disk takes records; mends it after a failure if that can be. Rejects with StorageError. */
  async ready(): Promise<void> {
    if (!this.#journal.problem) return;
    this.#healing ??= this.#compact().finally(() => {
      this.#healing = undefined;
    });
    await this.#healing;
  }

  /**
   * One sync for all; with `sync: false` they become durable with the next one. `commit` makes the change
   * here, in the same turn in which it is known to be durable. Rejects with StorageError.
   */
  async save(
    records: readonly LedgerRecord[],
    { sync = true, commit }: { readonly sync?: boolean; readonly commit?: (() => void) | undefined } = {},
  ): Promise<void> {
    const batch = records.map(encodeLedgerRecord);
    this.#unsettled.add(batch);
    try {
      await Promise.all(batch.map((bytes) => this.#journal.append(bytes, { sync })));
      commit?.();
    } finally {
      this.#unsettled.delete(batch);
    }
    if (this.#journal.bytes > 2 * this.#base + this.#options.retention.growthBytes && !this.#healing) {
      this.#healing = this.#compact().finally(() => {
        this.#healing = undefined;
      });
      this.#healing.catch(() => {
        // No room for a second file: try again once this one has grown as much again.
        this.#base = this.#journal.bytes;
      });
    }
  }

  /** Forgets what may be forgotten; never an open command, nor an id whose command could still be begun. */
  prune(): void {
    const { retention, clock } = this.#options;
    let over = this.entries.size - retention.count;
    let overRefused = this.#refused - retention.refused;
    // Some room is made at once, so that a full ledger is not searched at every command.
    if (over > 0) over += Math.ceil(retention.count / 20);
    if (overRefused > 0) overRefused += Math.ceil(retention.refused / 20);
    for (const entry of this.entries.values()) {
      const age = leastAge(entry.received, clock);
      const old = age > retention.ageMs;
      if (over <= 0 && overRefused <= 0 && !old) return;
      if (!isLast(present(entry).state) || entry.phase !== "ended") continue;
      if (entry.refused) {
        if (over <= 0 && overRefused <= 0 && !old) continue;
        overRefused--;
      } else {
        if (age < entry.lifeMs || (!old && over <= 0)) continue;
        if (over <= 0 && isWaitedFor(entry)) continue;
      }
      over--;
      this.remove(entry);
    }
  }

  /** Whether no more commands can be kept. */
  get full(): boolean {
    const { count } = this.#options.retention;
    return this.entries.size >= count + Math.floor(count / 10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#healing?.catch(() => {});
    await this.#journal[Symbol.asyncDispose]();
  }

  async #compact(): Promise<void> {
    await this.#journal.compact(() => this.#snapshot([...this.#unsettled].flat()));
    this.#base = this.#journal.bytes;
  }

  *#snapshot(unsettled: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const standing of this.standings.values()) yield encodeLedgerRecord({ type: "standing", standing });
    for (const wear of this.wear.values()) yield encodeLedgerRecord({ type: "wear", wear });
    for (const entry of this.entries.values()) yield encodeLedgerRecord({ type: "entry", entry });
    yield* unsettled;
  }

  #apply(record: LedgerRecord): void {
    if (record.type === "standing") this.standings.set(pointKey(record.standing), record.standing);
    else if (record.type === "wear") this.wear.set(pointKey(record.wear), record.wear);
    else if (record.type === "entry") {
      const saved = Promise.resolve();
      const phase = isLast(present(record.entry).state) ? "ended" : "waiting";
      this.add({ ...record.entry, reserved: new Map(), phase, saved });
    } else {
      const entry = this.entries.get(record.key);
      const telling = entry?.tellings.get(record.far);
      if (entry && telling) telling.told = Math.min(record.told, entry.states.length);
    }
  }
}

function isWaitedFor(entry: Entry): boolean {
  return [...entry.tellings.values()].some(({ told }) => told < entry.states.length);
}
