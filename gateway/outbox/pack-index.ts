// A little long: which packs wait, which are too many and which too old are questions to the same queues.
import type { Clock } from "../model/clock.ts";
import type { Gap, Lane, PackHead, PreviousRun } from "./outbox.ts";
import { type Entry, PackQueue, type Place, type TimeBase } from "./pack-queue.ts";

/** How much may wait, in bytes of packs, and how long, in ms. What is beyond goes oldest first, as a Gap. */
export interface OutboxLimits {
  readonly maxBytes: number;
  readonly maxAge: number;
  /** Narrower limits of single audiences. */
  readonly audiences?: Readonly<Record<string, { readonly maxBytes?: number; readonly maxAge?: number }>>;
}

interface Stream {
  readonly run: string;
  readonly audience: string;
  readonly bootId: string;
}

interface Shelf {
  readonly audience: string;
  readonly maxBytes: number;
  readonly maxAge: number;
  bytes: number;
  readonly lanes: Readonly<Record<Lane, PackQueue>>;
}

export const lanes: readonly Lane[] = ["urgent", "live", "backlog"];
/** An alarm is worth more than a reading: what must go, goes in this order. */
const leastWorthFirst: readonly Lane[] = ["backlog", "live", "urgent"];
/** Runs remembered per audience after their packs are gone. */
const runsKept = 8;

/** Which packs wait, in which lane, and which of them are too many or too old. Holds no pack bytes; does no I/O. */
export class PackIndex {
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  readonly #liveFor: number;
  readonly #openedAt: number;
  readonly #shelves = new Map<string, Shelf>();
  readonly #streams: Stream[] = [];
  readonly #streamIndex = new Map<string, number>();
  /** In order of appearance. */
  #runs = new Map<string, PreviousRun>();
  #packs = 0;
  #bytes = 0;
  #readings = 0;

  constructor({ clock, limits, liveFor }: { clock: Clock; limits: OutboxLimits; liveFor: number }) {
    this.#clock = clock;
    this.#limits = limits;
    this.#liveFor = liveFor;
    this.#openedAt = clock.monotonic();
  }

  /** Notes that `seq` of this run and audience was stored. */
  saw({ run, audience, bootId, seq }: Stream & { readonly seq: number }): number {
    const key = `${run}\n${audience}\n${bootId}`;
    let index = this.#streamIndex.get(key);
    if (index === undefined) {
      index = this.#streams.length;
      this.#streams.push({ run, audience, bootId });
      this.#streamIndex.set(key, index);
    }
    this.#raise({ run, audience, lastSeq: seq });
    return index;
  }

  /** What recovery knows of earlier runs, oldest first. */
  remember(runs: readonly PreviousRun[]): void {
    const known = this.#runs;
    this.#runs = new Map();
    for (const run of [...runs, ...known.values()]) this.#raise(run);
  }

  /** The last seq of every run that is remembered, oldest run first. */
  get runs(): PreviousRun[] {
    const counts = new Map<string, number>();
    const kept = [...this.#runs.values()].reverse().filter(({ audience }) => {
      const count = (counts.get(audience) ?? 0) + 1;
      counts.set(audience, count);
      return count <= runsKept;
    });
    return kept.reverse();
  }

  /** False when the id is there already. `appended`: see Entry. */
  add(id: number, head: PackHead, bytes: number, at: Place, appended: number): boolean {
    const entry: Entry = {
      id,
      stream: this.saw(head),
      seq: head.seq,
      readings: head.readings,
      bytes,
      at,
      time: head.time.ms,
      timeBase: this.#timeBaseOf(head),
      appended,
    };
    const shelf = this.#shelfOf(head.audience);
    const lane =
      head.lane === "urgent" ? "urgent" : appended === Number.NEGATIVE_INFINITY ? "backlog" : "live";
    if (!shelf.lanes[lane].add(entry)) return false;
    shelf.bytes += bytes;
    this.#packs++;
    this.#bytes += bytes;
    this.#readings += head.readings;
    return true;
  }

  find(id: number): Entry | undefined {
    for (const queue of this.#queues()) {
      const entry = queue.find(id);
      if (entry) return entry;
    }
    return undefined;
  }

  take(id: number): Entry | undefined {
    for (const shelf of this.#shelves.values()) {
      for (const lane of lanes) {
        const entry = shelf.lanes[lane].take(id);
        if (!entry) continue;
        shelf.bytes -= entry.bytes;
        this.#packs--;
        this.#bytes -= entry.bytes;
        this.#readings -= entry.readings;
        return entry;
      }
    }
    return undefined;
  }

  move(id: number, to: Place): boolean {
    for (const queue of this.#queues()) if (queue.move(id, to)) return true;
    return false;
  }

  /** Up to `limit` entries of the lane over all audiences, oldest first. */
  oldest(lane: Lane, limit: number): Entry[] {
    this.#settleLanes();
    const found: Entry[] = [];
    for (const shelf of this.#shelves.values()) {
      let left = limit;
      for (const entry of shelf.lanes[lane]) {
        if (left-- <= 0) break;
        found.push(entry);
      }
    }
    if (this.#shelves.size > 1) found.sort((a, b) => a.id - b.id);
    return found.slice(0, limit);
  }

  /** Every entry, in no particular order. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const queue of this.#queues()) yield* queue;
  }

  /** Takes out what is beyond the limits. */
  takeExcess(): { entry: Entry; reason: Gap["reason"] }[] {
    const out: { entry: Entry; reason: Gap["reason"] }[] = [];
    const take = (entry: Entry, reason: Gap["reason"]) => {
      this.take(entry.id);
      out.push({ entry, reason });
    };
    for (const shelf of this.#shelves.values()) {
      for (const lane of lanes) {
        for (let entry = shelf.lanes[lane].first(); entry; entry = shelf.lanes[lane].first()) {
          if (this.#age(entry) <= shelf.maxAge) break;
          take(entry, "expired");
        }
      }
      if (shelf.bytes > shelf.maxBytes) {
        // A little more than needed, so that a full outbox reports one gap now and then, not one per pack.
        while (shelf.bytes > shelf.maxBytes - shelf.maxBytes / 64) {
          const entry = leastWorth([shelf]);
          if (!entry) break;
          take(entry, "disk-full");
        }
      }
    }
    const { maxBytes } = this.#limits;
    if (this.#bytes > maxBytes) {
      while (this.#bytes > maxBytes - maxBytes / 64) {
        const entry = leastWorth([...this.#shelves.values()]);
        if (!entry) break;
        take(entry, "disk-full");
      }
    }
    return out;
  }

  /** The largest pack that can ever fit. */
  roomFor(audience: string): number {
    return Math.min(this.#limits.maxBytes, this.#shelfOf(audience).maxBytes);
  }

  streamOf(entry: Entry): Stream {
    return this.#streams[entry.stream]!;
  }

  /** Monotonic ms at which the next live pack becomes backlog, or undefined. */
  nextBacklogAt(): number | undefined {
    let next: number | undefined;
    for (const shelf of this.#shelves.values()) {
      const first = shelf.lanes.live.first();
      if (first) next = Math.min(next ?? Number.POSITIVE_INFINITY, first.appended + this.#liveFor);
    }
    return next;
  }

  status(): {
    packs: number;
    bytes: number;
    readings: number;
    oldestMs: number;
    lanes: Record<Lane, number>;
  } {
    this.#settleLanes();
    const counts: Record<Lane, number> = { urgent: 0, live: 0, backlog: 0 };
    let oldestMs = 0;
    for (const shelf of this.#shelves.values()) {
      for (const lane of lanes) {
        counts[lane] += shelf.lanes[lane].size;
        const first = shelf.lanes[lane].first();
        if (first) oldestMs = Math.max(oldestMs, this.#age(first));
      }
    }
    return { packs: this.#packs, bytes: this.#bytes, readings: this.#readings, oldestMs, lanes: counts };
  }

  #raise(run: PreviousRun): void {
    const key = `${run.run}\n${run.audience}`;
    if (run.lastSeq > (this.#runs.get(key)?.lastSeq ?? 0)) this.#runs.set(key, run);
  }

  *#queues(): Generator<PackQueue> {
    for (const shelf of this.#shelves.values()) for (const lane of lanes) yield shelf.lanes[lane];
  }

  #settleLanes(): void {
    const due = this.#clock.monotonic() - this.#liveFor;
    for (const { lanes: own } of this.#shelves.values()) {
      for (let entry = own.live.first(); entry && entry.appended <= due; entry = own.live.first()) {
        own.live.take(entry.id);
        own.backlog.add(entry);
      }
    }
  }

  #shelfOf(audience: string): Shelf {
    let shelf = this.#shelves.get(audience);
    if (!shelf) {
      const own = this.#limits.audiences?.[audience];
      shelf = {
        audience,
        maxBytes: own?.maxBytes ?? this.#limits.maxBytes,
        maxAge: own?.maxAge ?? this.#limits.maxAge,
        bytes: 0,
        lanes: { urgent: new PackQueue(), live: new PackQueue(), backlog: new PackQueue() },
      };
      this.#shelves.set(audience, shelf);
    }
    return shelf;
  }

  #timeBaseOf({ time, bootId }: PackHead): TimeBase {
    if (time.base === "unix") return "unix";
    return bootId === this.#clock.bootId ? "this-boot" : "other-boot";
  }

  /** In ms. Where no clock can tell (another boot, or no trusted time yet) it counts from when we opened. */
  #age(entry: Entry): number {
    const monotonic = this.#clock.monotonic();
    if (entry.appended !== Number.NEGATIVE_INFINITY) return monotonic - entry.appended;
    if (entry.timeBase === "this-boot") return Math.max(0, monotonic - entry.time);
    if (entry.timeBase === "unix" && this.#clock.trusted) return Math.max(0, this.#clock.now() - entry.time);
    return monotonic - this.#openedAt;
  }
}

function leastWorth(shelves: readonly Shelf[]): Entry | undefined {
  for (const lane of leastWorthFirst) {
    let oldest: Entry | undefined;
    for (const shelf of shelves) {
      const first = shelf.lanes[lane].first();
      if (first && (!oldest || first.id < oldest.id)) oldest = first;
    }
    if (oldest) return oldest;
  }
  return undefined;
}

/** Joins dropped packs of one run and audience with neighbouring seqs into one gap each. */
export function gapsOf(
  dropped: readonly {
    readonly audience: string;
    readonly run: string;
    readonly seq: number;
    readonly readings: number;
    readonly reason: Gap["reason"];
  }[],
): Gap[] {
  const sorted = dropped.toSorted(
    (a, b) => compare(a.run, b.run) || compare(a.audience, b.audience) || a.seq - b.seq,
  );
  const gaps: Gap[] = [];
  for (const { audience, run, seq, readings, reason } of sorted) {
    const last = gaps.at(-1);
    if (
      last &&
      last.run === run &&
      last.audience === audience &&
      last.reason === reason &&
      last.to === seq - 1
    ) {
      gaps[gaps.length - 1] = { ...last, to: seq, readings: last.readings + readings };
    } else gaps.push({ audience, run, from: seq, to: seq, readings, reason });
  }
  return gaps;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
