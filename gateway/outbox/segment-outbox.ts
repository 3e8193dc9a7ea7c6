// Long for one file: appends, acks, retries and salvage all act on the same few lists, and one worker
// orders them. What could stand alone does: index, log, reader, recovery, gap reports.
import type { Clock, Random } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import { Arrivals } from "./arrivals.ts";
import { maxBodyBytes } from "./format.ts";
import { GapReporter, type OnGap } from "./gap-reporter.ts";
import { IdRanges } from "./id-ranges.ts";
import { closedOutbox } from "./memory-outbox.ts";
import type { Gap, Lane, Mark, Outbox, OutboxStatus, PackHead, PreviousRun, StoredPack } from "./outbox.ts";
import { gapsOf, type OutboxLimits, PackIndex } from "./pack-index.ts";
import { type Entry, inMemory, type Place } from "./pack-queue.ts";
import { PackReader } from "./pack-reader.ts";
import type { RecentMarks } from "./recent-marks.ts";
import { RecentPacks } from "./recent-packs.ts";
import { type Recovered, recover } from "./recovery.ts";
import { type Segment, SegmentLog } from "./segment-log.ts";

export interface OutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: OutboxLimits;
  /** Ms after which a live pack is backlog. */
  readonly liveFor: number;
  readonly onGap: OnGap;
  /** The gaps that a pack of this audience tells of: told again when it is given up before anybody got it. */
  readonly gapsIn?: ((pack: Uint8Array, audience: string) => readonly Gap[]) | undefined;
  /** Ms to gather appends before one write and one sync; 0 (default) commits as soon as the disk is ready. */
  readonly commitInterval?: number;
  /** Bytes of packs that may wait in memory: for the disk to take them, or because it does not. Default 8 MiB. */
  readonly memoryBytes?: number;
  /** Bytes of recent packs kept in memory so that the live path need not read the disk. Default 1 MiB. */
  readonly cacheBytes?: number;
  /** Length of a segment file. Default 4 MiB. */
  readonly segmentBytes?: number | undefined;
  /** Space set aside so that acks can be written on a full disk. Default 64 KiB, 0 for none. */
  readonly ballastBytes?: number;
}

/**
 * The durable outbox: a log of segment files behind `disk` (docs/outbox.md). Recovers what an earlier
 * run left; damaged segments are salvaged in the background. `onGap` may be called before this resolves.
 * Throws StorageError: `outbox-newer-format`, or what the disk says when it cannot even be read.
 */
export async function openOutbox(disk: Disk, options: OutboxOptions): Promise<Outbox> {
  const index = new PackIndex(options);
  // An id is one pack's, in whatever lane of whatever audience: a second one could never be told from it again.
  const recovered = await recover(
    disk,
    ({ id, head, bytes, at }) => !index.find(id) && index.add(id, head, bytes, at, Number.NEGATIVE_INFINITY),
  );
  return new SegmentOutbox(disk, options, index, recovered);
}

interface GivenUp {
  readonly entry: Entry;
  readonly reason: Gap["reason"];
}

interface Waiting {
  readonly pack: StoredPack;
  readonly settle: (result: "disk" | "memory" | "dropped") => void;
}

/** Acks gathered before they are written without a pack to ride along with. */
const acksPerWrite = 256;
const firstRetry = 1_000;
const lastRetry = 60_000;
const groupBytes = 512 * 1024;

class SegmentOutbox implements Outbox {
  readonly previousRuns: readonly PreviousRun[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #commitInterval: number;
  readonly #memoryBytes: number;
  readonly #index: PackIndex;
  readonly #gapsIn: OutboxOptions["gapsIn"];
  readonly #segments: SegmentLog;
  readonly #arrivals: Arrivals;
  readonly #reporter: GapReporter;
  readonly #recent: RecentPacks;
  readonly #marks: RecentMarks;
  readonly #reader: PackReader;
  readonly #closing = new AbortController();
  /** Appended, not yet committed; oldest first. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** In the index, but in memory only. */
  readonly #held = new Map<number, StoredPack>();
  #heldBytes = 0;
  /** Packs that never reached the disk and are given up, while their gap is not safe: only memory knows of them. */
  #untold = 0;
  /** Given up with a gap, and still on the disk: until then the gap may be in memory only. */
  #owed: GivenUp[] = [];
  #acks = new IdRanges();
  readonly #salvageable: Segment[];
  /** Whether the gaps that the damage left are safe: until then the damaged files stay where they are. */
  #gapsSafe = false;
  #nextId: number;
  #disk: OutboxStatus["disk"] = "ok";
  #retry: Disposable | undefined;
  #retryAfter = firstRetry;
  #retryNow = false;
  #running: Promise<void> | undefined;
  /** The files belong to whoever opens them next. */
  #over = false;
  #closed: Promise<void> | undefined;

  constructor(disk: Disk, options: OutboxOptions, index: PackIndex, recovered: Recovered) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#commitInterval = options.commitInterval ?? 0;
    this.#memoryBytes = options.memoryBytes ?? 8 * 2 ** 20;
    this.#index = index;
    this.#gapsIn = options.gapsIn;
    this.#recent = new RecentPacks(options.cacheBytes ?? 2 ** 20);
    this.#reporter = new GapReporter(options.onGap, options.log);
    this.#arrivals = new Arrivals(index, options.clock);
    this.#nextId = recovered.nextId;
    this.#marks = recovered.marks;
    index.remember(recovered.previousRuns);
    this.previousRuns = index.runs;
    this.#segments = new SegmentLog({
      disk,
      random: options.random,
      segmentBytes: Math.min(options.segmentBytes ?? 4 * 2 ** 20, 64 * 2 ** 20),
      ballastBytes: options.ballastBytes ?? 64 * 1024,
      contents: recovered.contents,
      bookkeeping: () => ({ nextId: this.#nextId, runs: index.runs, marks: this.recentMarks }),
    });
    this.#reader = new PackReader(index, this.#segments, options.log, (entry) => {
      void this.#giveUp([{ entry, reason: "damaged" }]);
    });
    const acked: Entry[] = [];
    for (const entry of index) if (recovered.acked.has(entry.id)) acked.push(entry);
    for (const { id, at } of acked) {
      index.take(id);
      this.#segments.died(at.segment, id);
    }
    const { segments } = recovered.contents;
    this.#salvageable = segments.filter(({ damaged, tornAt }) => damaged || tornAt !== undefined);
    void this.#reporter.report(recovered.gaps).then((safe) => {
      this.#gapsSafe = safe;
      if (safe) this.#wake();
    });
    const damaged = segments.filter((segment) => segment.damaged).map(({ name }) => name);
    if (damaged.length > 0) {
      this.#log.error(
        { damaged, gaps: recovered.gaps },
        "outbox segments are damaged; salvaging what is good",
      );
    }
    this.#expire();
    this.#wake();
  }

  get recentMarks(): readonly Mark[] {
    return [...this.#marks];
  }

  append(pack: Uint8Array, head: PackHead): Promise<"disk" | "memory" | "dropped"> {
    if (this.#closing.signal.aborted) return Promise.reject(closedOutbox());
    if (pack.length > Math.min(this.#index.roomFor(head.audience), this.#maxPackBytes)) {
      void this.#tell(gapsOf([{ ...head, reason: "disk-full" }]), 1);
      return Promise.resolve("dropped");
    }
    const stored: StoredPack = { ...head, id: this.#nextId++, bytes: pack };
    if (this.#disk !== "ok") return Promise.resolve(this.#hold(stored));
    return new Promise((resolve) => {
      this.#waiting.push({ pack: stored, settle: resolve });
      this.#waitingBytes += pack.length;
      this.#boundWaiting();
      this.#wake();
    });
  }

  async peek(lane: Lane, limit: number): Promise<StoredPack[]> {
    this.#expire();
    const entries = this.#index
      .oldest(lane, limit + this.#reader.unreadable)
      .filter(({ id }) => !this.#reader.isUnreadable(id))
      .slice(0, limit);
    const packs: StoredPack[] = [];
    let failure: unknown;
    for (let place = 0; place < entries.length; ) {
      const entry = entries[place]!;
      const cached = this.#held.get(entry.id) ?? this.#recent.get(entry.id);
      if (cached) {
        packs.push(cached);
        place++;
        continue;
      }
      const together = this.#reader.neighbours(entries, place);
      place += together.length;
      const read = await this.#reader.each(together);
      packs.push(...read.packs);
      failure ??= read.failure;
    }
    // What can be had is better than nothing; with nothing at all the caller must know why.
    if (packs.length === 0 && failure) throw failure;
    return packs.filter(({ id }) => this.#index.find(id));
  }

  async ack(packs: readonly { readonly id: number }[]): Promise<void> {
    for (const { id } of packs) {
      const entry = this.#index.take(id);
      if (entry) this.#settled(entry);
    }
    this.#letGo();
    if (this.#acks.ranges >= acksPerWrite || this.#segments.collectable) this.#wake();
  }

  async drop(packs: readonly StoredPack[], reason: Gap["reason"]): Promise<void> {
    const dropped = packs.flatMap(({ id }) => {
      const entry = this.#index.take(id);
      return entry ? [{ entry, reason }] : [];
    });
    await this.#giveUp(dropped);
  }

  waitFor(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    return this.#arrivals.waitFor(lanes, signal);
  }

  status(): OutboxStatus {
    return {
      ...this.#index.status(),
      disk: this.#disk,
      volatile: this.#held.size + this.#untold,
      quarantined: this.#segments.quarantined,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Gaps under way are not waited for: what tells of them may itself wait for this end. Their packs
    // come back at the next start.
    this.#closing.abort();
    this.#retry?.[Symbol.dispose]();
    this.#retryNow = true;
    this.#wake();
    while (this.#running !== undefined) await this.#running;
    this.#over = true;
    await this.#segments.close();
    if (this.#held.size > 0) {
      this.#log.warn(
        { packs: this.#held.size, disk: this.#disk },
        "packs held in memory are lost at closing",
      );
      // A gateway that goes on without this outbox can still tell of them.
      const lost = Array.from(this.#held.values(), (pack) => ({ ...pack, reason: "disk-failed" as const }));
      void this.#reporter.report(gapsOf(lost));
    }
  }

  get #maxPackBytes(): number {
    return Math.min(this.#segments.maxPackBytes, maxBodyBytes - 1_024);
  }

  /** Starts the one worker that writes, unless it is at work. */
  #wake(): void {
    if (this.#over) return;
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#disk === "ok" && this.#waiting.length > 0) this.#wake();
    });
  }

  async #work(): Promise<void> {
    // Appends of the same turn belong into one group.
    await Promise.resolve();
    if (this.#disk !== "ok" && !this.#retryNow) return;
    this.#retryNow = false;
    for (;;) {
      try {
        if (await this.#commitHeld()) continue;
        if (await this.#commitWaiting()) continue;
        if (await this.#commitAcks()) continue;
        if (this.#disk !== "ok") this.#recoveredDisk();
        if (await this.#salvage()) continue;
        if (this.#segments.collectable) await this.#segments.collect(true);
        if (this.#waiting.length === 0 && !this.#segments.collectable) return;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        return this.#failed(error);
      }
    }
  }

  /** Packs that an ailing disk refused, oldest first. */
  async #commitHeld(): Promise<boolean> {
    const packs: StoredPack[] = [];
    let bytes = 0;
    for (const pack of this.#held.values()) {
      if (packs.length > 0 && bytes + pack.bytes.length > this.#groupLimit) break;
      packs.push(pack);
      bytes += pack.bytes.length;
    }
    if (packs.length === 0) return false;
    const places = await this.#commit(packs);
    for (const [index, pack] of packs.entries()) {
      const at = places[index]!;
      this.#marks.addOf(pack);
      this.#place(pack.id, at, () => this.#index.move(pack.id, at));
      this.#release(pack.id);
    }
    this.#letGo();
    return true;
  }

  async #commitWaiting(): Promise<boolean> {
    if (this.#waiting.length === 0) return false;
    if (this.#commitInterval > 0 && !this.#closing.signal.aborted) {
      // Closing cuts the wait short, and that is its only way to reject.
      await this.#clock.sleep(this.#commitInterval, this.#closing.signal).catch(() => undefined);
    }
    let count = 0;
    let bytes = 0;
    for (const { pack } of this.#waiting) {
      if (count > 0 && bytes + pack.bytes.length > this.#groupLimit) break;
      bytes += pack.bytes.length;
      count++;
    }
    const batch = this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
    let places: Place[];
    try {
      places = await this.#commit(batch.map(({ pack }) => pack));
    } catch (error) {
      this.#waiting.unshift(...batch);
      this.#waitingBytes += bytes;
      throw error;
    }
    const now = this.#clock.monotonic();
    for (const [index, { pack, settle }] of batch.entries()) {
      const at = places[index]!;
      this.#marks.addOf(pack);
      this.#place(pack.id, at, () => this.#index.add(pack.id, pack, pack.bytes.length, at, now));
      this.#recent.add(pack);
      settle("disk");
    }
    this.#expire();
    this.#arrivals.announce();
    return true;
  }

  async #commitAcks(): Promise<boolean> {
    const due = this.#closing.signal.aborted || this.#disk !== "ok" ? 1 : acksPerWrite;
    if (this.#acks.ranges < due) return false;
    await this.#commit([]);
    return true;
  }

  /** One group, with the acks that are due. A poisoned segment is followed by one try on a fresh one. */
  async #commit(packs: readonly StoredPack[]): Promise<Place[]> {
    const sync = packs.length > 0 || this.#closing.signal.aborted;
    const acks = this.#acks;
    this.#acks = new IdRanges();
    try {
      return await this.#segments.commit(packs, acks, sync);
    } catch (error) {
      if (error instanceof StorageError && error.code === "disk-io") {
        try {
          return await this.#segments.commit(packs, acks, sync);
        } catch (again) {
          this.#unwritten(acks);
          throw again;
        }
      }
      this.#unwritten(acks);
      throw error;
    }
  }

  #unwritten(acks: IdRanges): void {
    for (const [from, to] of acks) this.#acks.add(from, to);
  }

  /** A pack's record is durable at `at`; `enter` says whether the pack still waits. */
  #place(id: number, at: Place, enter: () => boolean): void {
    const segment = this.#segments.segments.get(at.segment);
    if (segment) segment.alive++;
    if (enter()) return;
    this.#segments.died(at.segment, id);
    this.#acks.add(id);
  }

  /** Rewrites what is good behind a tear or in a damaged segment, a group at a time; a damaged file is then put away. */
  async #salvage(): Promise<boolean> {
    const segment = this.#salvageable[0];
    if (!segment) return false;
    const entries: Entry[] = [];
    let bytes = 0;
    let left = 0;
    for (const entry of this.#index) {
      if (entry.at.segment !== segment.number || entry.at.offset < (segment.tornAt ?? 0)) continue;
      left++;
      if (this.#reader.isUnreadable(entry.id)) continue;
      if (entries.length > 0 && bytes + entry.bytes > this.#groupLimit) break;
      bytes += entry.bytes;
      entries.push(entry);
    }
    if (entries.length > 0) {
      entries.sort((a, b) => a.at.offset - b.at.offset);
      const { packs } = await this.#reader.each(entries);
      const places = packs.length > 0 ? await this.#commit(packs) : [];
      for (const [index, { id }] of packs.entries()) {
        const at = places[index]!;
        this.#place(id, at, () => this.#index.move(id, at));
        segment.alive--;
      }
      return true;
    }
    if (segment.damaged && left === 0) {
      if (!this.#gapsSafe || !this.#segments.outlived(segment)) return false;
      await this.#segments.quarantine(segment);
    } else if (segment.tornAt !== undefined && left === 0) segment.end = segment.tornAt;
    this.#salvageable.shift();
    return true;
  }

  async #failed(error: StorageError): Promise<void> {
    const before = this.#disk;
    this.#disk = conditionOf(error);
    if (before !== this.#disk) {
      this.#log.error(
        { error, code: error.code, hint: error.hint },
        "outbox disk does not take packs; holding them in memory",
      );
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { pack, settle } of waiting) settle(this.#hold(pack));
    this.#letGo();
    if (this.#disk === "full") await this.#relieve();
    if (this.#closing.signal.aborted) return;
    this.#retry = this.#clock.timer(this.#retryAfter, () => {
      this.#retryNow = true;
      this.#wake();
    });
    this.#retryAfter = Math.min(lastRetry, this.#retryAfter * 2);
  }

  /** On a full disk acks must still get through: they free segments, and what they say must outlive us. */
  async #relieve(): Promise<void> {
    try {
      if (this.#segments.collectable) await this.#segments.collect(false);
      if (this.#acks.count > 0 && (await this.#segments.releaseBallast())) await this.#commit([]);
    } catch (error) {
      // The disk is known to be ill and a retry is due: nothing more to say.
      if (!(error instanceof StorageError)) throw error;
    }
  }

  #recoveredDisk(): void {
    this.#disk = "ok";
    this.#retryAfter = firstRetry;
    this.#log.info({}, "outbox disk takes packs again");
  }

  /** Keeps a pack in memory, at the cost of older ones that are there. */
  #hold(pack: StoredPack): "memory" | "dropped" {
    this.#held.set(pack.id, pack);
    this.#heldBytes += pack.bytes.length;
    this.#index.add(pack.id, pack, pack.bytes.length, inMemory, this.#clock.monotonic());
    const over: GivenUp[] = [];
    for (const { id } of this.#held.values()) {
      if (this.#heldBytes <= this.#memoryBytes) break;
      const entry = this.#index.take(id);
      this.#release(id);
      if (entry) over.push({ entry, reason: this.#disk === "full" ? "disk-full" : "disk-failed" });
    }
    void this.#giveUp(over);
    this.#expire();
    this.#arrivals.announce();
    return this.#held.has(pack.id) ? "memory" : "dropped";
  }

  #release(id: number): void {
    const pack = this.#held.get(id);
    if (!pack) return;
    this.#held.delete(id);
    this.#heldBytes -= pack.bytes.length;
  }

  /** A disk that is slow for long must not fill the memory. */
  #boundWaiting(): void {
    const over: (PackHead & { reason: Gap["reason"] })[] = [];
    while (this.#waitingBytes > this.#memoryBytes) {
      const oldest = this.#waiting.shift();
      if (!oldest) break;
      this.#waitingBytes -= oldest.pack.bytes.length;
      over.push({ ...oldest.pack, reason: "disk-failed" });
      oldest.settle("dropped");
    }
    void this.#tell(gapsOf(over), over.length);
  }

  #expire(): void {
    void this.#giveUp(this.#index.takeExcess());
  }

  /** Packs already out of the index: off the disk too, once their gap is safe. */
  async #giveUp(dropped: readonly GivenUp[]): Promise<void> {
    if (dropped.length === 0) return;
    const onDisk = dropped.filter(({ entry }) => entry.at.segment !== 0);
    const volatile = dropped.length - onDisk.length;
    this.#untold += volatile;
    const gaps = gapsOf(
      dropped.map(({ entry, reason }) => ({ ...entry, ...this.#index.streamOf(entry), reason })),
    );
    const told = await this.#toldBy(dropped.map(({ entry }) => entry));
    const safe = await this.#reporter.report([...told.gaps, ...gaps]);
    if (safe) this.#untold -= volatile;
    if (safe && told.all) this.#owed.push(...onDisk);
    this.#letGo();
  }

  /** `count` packs that never reached the disk. */
  async #tell(gaps: readonly Gap[], count: number): Promise<void> {
    this.#untold += count;
    if (!(await this.#reporter.report(gaps))) return;
    this.#untold -= count;
    this.#letGo();
  }

  /**
   * A gap is safe as its pack is: that may be in memory only, or given up from there in its turn. What is on
   * the disk stays until nothing is. But on a full disk what goes to make room must go first: the gap waits
   * for that very room.
   */
  #letGo(): void {
    if (this.#over || this.#owed.length === 0) return;
    const volatile = this.#held.size + this.#untold > 0;
    if (volatile && this.#disk !== "full") return;
    const { go = [], stay = [] } = Object.groupBy(this.#owed, ({ reason }) => {
      const makesRoom = reason === "expired" || reason === "disk-full";
      return !volatile || makesRoom ? "go" : "stay";
    });
    this.#owed = stay;
    for (const { entry } of go) this.#settled(entry);
    if (this.#segments.collectable) this.#wake();
  }

  /**
   * What packs that are given up would have told of others; not `all` when the disk could not read some of
   * them, which then stay. Takes them out of memory.
   */
  async #toldBy(entries: readonly Entry[]): Promise<{ gaps: Gap[]; all: boolean }> {
    const gaps: Gap[] = [];
    let all = true;
    const onDisk: Entry[] = [];
    const look = (bytes: Uint8Array, audience: string) =>
      gaps.push(...(this.#gapsIn?.(bytes, audience) ?? []));
    for (const entry of entries) {
      const pack = this.#held.get(entry.id) ?? this.#recent.get(entry.id);
      if (pack) look(pack.bytes, pack.audience);
      else if (entry.at.segment !== 0) onDisk.push(entry);
      this.#release(entry.id);
    }
    if (!this.#gapsIn) return { gaps, all };
    onDisk.sort((a, b) => a.at.segment - b.at.segment || a.at.offset - b.at.offset);
    for (let place = 0; place < onDisk.length && !this.#over; ) {
      const together = this.#reader.neighbours(onDisk, place);
      place += together.length;
      const { packs, failure } = await this.#reader.each(together);
      for (const { bytes, audience } of packs) look(bytes, audience);
      for (const { id } of together) this.#reader.forget(id);
      if (failure) all = false;
    }
    return { gaps, all };
  }

  #settled({ id, at }: Entry): void {
    this.#reader.forget(id);
    this.#recent.forget(id);
    this.#release(id);
    if (at.segment === 0) return;
    this.#segments.died(at.segment, id);
    this.#acks.add(id);
  }

  get #groupLimit(): number {
    return Math.min(groupBytes, this.#segments.maxPackBytes);
  }
}

function conditionOf({ code }: StorageError): OutboxStatus["disk"] {
  if (code === "disk-full") return "full";
  return code === "disk-read-only" ? "read-only" : "failing";
}
