// Past 300 lines: writing, recovery and removal turn on the same few facts about the open segment.
import type { Clock } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { auditDetail } from "./audit-detail.ts";
import { type AuditLine, hashOf, noHash, own } from "./audit-line.ts";
import { type AuditFilter, type AuditText, filtered, segmentsFrom } from "./audit-query.ts";
import {
  hashBefore,
  linesOf,
  type OpenSegment,
  openNewest,
  segmentNamed,
  segmentsOf,
} from "./audit-segments.ts";
import type { AuditHead } from "./audit-verify.ts";
import type { Audit, AuditEntry } from "./command-desk.ts";

export interface AuditLogOptions {
  /** A folder of its own. */
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all segments; the oldest is removed when a new one begins. */
  readonly maxBytes: number;
  /** Signs the hash of a line; its answer stands in the next. */
  readonly seal?: ((hash: string) => Promise<string>) | undefined;
  /** Lines between two seals. */
  readonly sealEvery?: number | undefined;
}

export interface AuditLogStatus {
  readonly state: "open" | "failing" | "closed";
  readonly problem?: { readonly code: string; readonly message: string } | undefined;
  /** The end of the chain: told to somebody else, it makes everything before it unchangeable. */
  readonly head: AuditHead | undefined;
  readonly bytes: number;
  readonly segments: number;
  /** Entries since the start that could not be kept. */
  readonly lost: number;
}

interface Waiting {
  readonly entry: AuditEntry;
  /** When it happened. */
  readonly stamp: Pick<AuditLine, "time" | "bootMs" | "clock" | "boot">;
  readonly done: () => void;
}

/** Entries that wait for the disk; more are lost, and counted. */
const maxWaiting = 1_000;
/** Entries that one sync makes durable: with what the log says itself, less than `groupBytes`. */
const maxGroup = 16;
const largestSegment = 4_000_000;
const gateway = "gateway";

/**
 * Opens the audit log of a folder. A disk that fails does not keep the gateway from running: entries are
 * then lost, counted, told in the log, and in the audit log itself as soon as it takes something again.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const audit = new AuditLog(options);
  await audit.settled();
  return audit;
}

/**
 * Who did what, when, and why not: lines that name the hash of the line before, so that nothing in
 * between can be changed, taken out or put in without being found. All methods may be called at any time.
 */
export class AuditLog implements Audit, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #segmentBytes: number;
  readonly #trust: Disposable;
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Undefined: to be opened, or the log is new. */
  #open: OpenSegment | undefined;
  #recovered = false;
  /** A segment whose beginning failed. */
  #begun: string | undefined;
  /** Whether the open segment may hold more than was promised. */
  #dirty = false;
  /** Bytes of every segment but the open one, with what was cut from it. */
  #closedBytes = new Map<string, number>();
  #lost = 0;
  /** Of those, not yet told in a line. */
  #untold = 0;
  #problem: StorageError | undefined;
  #unsealed = 0;
  #ended: Promise<void> | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#segmentBytes = Math.min(largestSegment, Math.max(1, Math.floor(options.maxBytes / 8)));
    const early = !options.clock.trusted;
    this.#trust = options.clock.whenTrusted(() => {
      // The line that ties all before it, of this start of the machine, to the calendar.
      if (early) void this.record({ what: "clock", who: gateway, detail: { trusted: true } });
    });
    this.#pump();
  }

  /** Resolves when the entry is durable, or lost and counted. Never rejects. */
  record(entry: AuditEntry): Promise<void> {
    if (this.#ended !== undefined || this.#queue.length >= maxWaiting) {
      this.#lose(1);
      return Promise.resolve();
    }
    return new Promise((done) => {
      this.#queue.push({ entry, stamp: this.#stamp(), done });
      this.#pump();
    });
  }

  /** Resolves when everything recorded so far is durable or lost. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Lines that fit, the oldest first; of what was durable when it began. Rejects with StorageError. */
  query(filter: AuditFilter = {}): AsyncGenerator<AuditText> {
    return filtered(this.#lines(filter.after ?? 0), filter);
  }

  status(): AuditLogStatus {
    const problem = this.#problem;
    const closed = [...this.#closedBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    return {
      state: this.#ended !== undefined ? "closed" : problem ? "failing" : "open",
      problem: problem && { code: problem.code, message: problem.message },
      head: this.#open?.head,
      bytes: closed + (this.#open?.size ?? 0),
      segments: this.#closedBytes.size + (this.#open ? 1 : 0),
      lost: this.#lost,
    };
  }

  /** Writes what waits, and seals it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#trust[Symbol.dispose]();
    await this.settled();
    if (this.#unsealed > 0 && !this.#problem) {
      await this.#sealNow().catch((error: unknown) => {
        if (!(error instanceof StorageError)) throw error;
        this.#fails(error);
      });
    }
    await this.#open?.file.close().catch(() => {});
  }

  #stamp(): Waiting["stamp"] {
    const { clock } = this.#options;
    const unix = clock.toUnix(clock.stamp());
    const bootMs = Math.round(clock.monotonic());
    if (unix === undefined) return { time: null, bootMs, clock: "untrusted", boot: clock.bootId };
    return { time: Math.round(unix), bootMs, clock: "trusted" };
  }

  #pump(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#queue.length > 0) this.#pump();
    });
  }

  async #write(): Promise<void> {
    // The first turn opens what is there, also when there is nothing to write.
    do {
      const group = this.#queue.splice(0, maxGroup);
      try {
        await this.#keep(group);
        this.#works();
      } catch (error) {
        this.#lose(group.length);
        if (error instanceof StorageError) this.#fails(error);
        else this.#options.log.error({ err: error }, "an audit entry was lost to a fault of the program");
      }
      for (const { done } of group) done();
      if (!this.#problem) await this.#afterwards();
    } while (this.#queue.length > 0);
  }

  /** What the log does for itself, when the entries are safe. */
  async #afterwards(): Promise<void> {
    try {
      await this.#removeOldest();
      if (this.#unsealed >= (this.#options.sealEvery ?? 256)) await this.#sealNow();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#fails(error);
    }
  }

  /** One write and one sync for all of them; a second try on what is then known to be on the disk. */
  async #keep(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#tryToKeep(group);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      await this.#tryToKeep(group);
    }
  }

  async #tryToKeep(group: readonly Waiting[]): Promise<void> {
    await this.#recover();
    const untold = this.#untold;
    const first: Waiting[] = [];
    const { cut } = this.#open ?? {};
    if (cut) first.push(this.#ownEntry(own.cut, { ...cut }));
    if (untold > 0) first.push(this.#ownEntry(own.lost, { entries: untold, code: this.#problem?.code }));
    if (first.length + group.length === 0) return;
    await this.#append([...first, ...group]);
    this.#untold -= untold;
    this.#unsealed += group.length + first.length;
  }

  /** Brings the open segment to what is known to be durable. */
  async #recover(): Promise<void> {
    const { disk } = this.#options;
    if (!this.#recovered) {
      await this.#open?.file.close().catch(() => {});
      this.#open = await openNewest(disk);
      this.#closedBytes = new Map();
      for (const name of segmentsOf(await disk.list())) {
        if (name === this.#open?.name) continue;
        const file = await disk.open(name);
        this.#closedBytes.set(name, file.size);
        await file.close();
      }
      this.#recovered = true;
      return;
    }
    if (this.#begun !== undefined) {
      // Lines that go on elsewhere must not find it at the next start.
      if ((await disk.list()).includes(this.#begun)) await disk.remove(this.#begun);
      await disk.syncNames();
      this.#begun = undefined;
    }
    // After a failure: what came after the last success may not be believed, nor left for the next start to believe.
    if (!this.#dirty || !this.#open) return;
    await this.#open.file.truncate(this.#open.size);
    await this.#open.file.sync();
    this.#dirty = false;
  }

  async #append(waiting: readonly Waiting[]): Promise<void> {
    const { disk } = this.#options;
    let head = this.#open?.head ?? { n: 0, hash: noHash };
    let text = "";
    for (const { entry, stamp } of waiting) {
      const { time, bootMs, clock, boot } = stamp;
      const line: AuditLine = {
        n: head.n + 1,
        time,
        bootMs,
        clock,
        ...(boot === undefined ? {} : { boot }),
        what: entry.what.slice(0, 100),
        who: entry.who.slice(0, 200),
        detail: auditDetail(entry.detail),
        prev: head.hash,
      };
      const written = JSON.stringify(line);
      head = { n: line.n, hash: hashOf(written) };
      text += `${written}\n`;
    }
    const bytes = Buffer.from(text);
    const full = this.#open && this.#open.size > 0 && this.#open.size + bytes.length > this.#segmentBytes;
    // What was cut is told where it was.
    if (!this.#open || (full && !this.#open.cut)) await this.#beginSegment(disk);
    const open = this.#open;
    if (!open) throw new Error("a segment is open");
    try {
      await open.file.write(open.size, bytes);
      if (open.file.size > open.size + bytes.length) await open.file.truncate(open.size + bytes.length);
      await open.file.sync();
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
    this.#open = { name: open.name, file: open.file, size: open.size + bytes.length, head };
  }

  async #beginSegment(disk: Disk): Promise<void> {
    const before = this.#open;
    const head = before?.head ?? { n: 0, hash: noHash };
    const name = segmentNamed(head.n + 1);
    this.#begun = name;
    const file = await disk.create(name);
    try {
      await disk.syncNames();
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#begun = undefined;
    if (before) {
      this.#closedBytes.set(before.name, before.size);
      await before.file.close();
    }
    this.#open = { name, file, size: 0, head };
  }

  /** Makes room for one more segment: the log says what it removes before it does. */
  async #removeOldest(): Promise<void> {
    const { disk, maxBytes } = this.#options;
    while (this.status().bytes > maxBytes) {
      const [oldest, next] = [...this.#closedBytes.keys(), this.#open?.name].filter(
        (name) => name !== undefined,
      );
      if (oldest === undefined || next === undefined) return;
      const hash = await hashBefore(disk, next);
      const bytes = this.#closedBytes.get(oldest);
      await this.#recover();
      await this.#append([this.#ownEntry(own.removed, { segment: oldest, bytes, hash: hash ?? null })]);
      for (const name of await disk.list()) {
        if (name === oldest || name.startsWith(`${oldest}.`)) await disk.remove(name);
      }
      await disk.syncNames();
      this.#closedBytes.delete(oldest);
    }
  }

  async #sealNow(): Promise<void> {
    const { seal, log } = this.#options;
    const hash = this.#open?.head.hash;
    this.#unsealed = 0;
    if (!seal || hash === undefined) return;
    let signature: string;
    try {
      signature = await seal(hash);
    } catch (error) {
      log.warn({ error: String(error) }, "the audit log was not sealed");
      return;
    }
    await this.#recover();
    await this.#append([this.#ownEntry(own.seal, { hash, signature })]);
  }

  #ownEntry(what: string, detail: Record<string, unknown>): Waiting {
    return { entry: { what, who: gateway, detail }, stamp: this.#stamp(), done: () => {} };
  }

  async *#lines(after: number): AsyncGenerator<string> {
    if (!this.#recovered) await this.#writing;
    const { disk } = this.#options;
    const { name: newest, size: durable = 0 } = this.#open ?? {};
    for (const name of segmentsFrom(segmentsOf(await disk.list()), after)) {
      let file: Awaited<ReturnType<Disk["open"]>>;
      try {
        file = await disk.open(name);
      } catch (error) {
        // Removed since: the bound was reached.
        if (error instanceof StorageError && error.code === "disk-missing") continue;
        throw error;
      }
      try {
        const size = name === newest ? durable : file.size;
        for await (const { text } of linesOf((at, length) => file.read(at, length), size)) yield text;
      } finally {
        await file.close();
      }
      if (name === newest) return;
    }
  }

  #lose(entries: number): void {
    this.#lost += entries;
    this.#untold += entries;
  }

  #fails(error: StorageError): void {
    const { code, hint } = error;
    if (!this.#problem) this.#options.log.error({ code, hint }, `the audit log fails: ${error.message}`);
    this.#problem = error;
  }

  #works(): void {
    if (!this.#problem) return;
    this.#problem = undefined;
    this.#options.log.info({ lost: this.#lost }, "the audit log works again");
  }
}
