// A little long: batches open, fill, seal and close with their marks and gaps over one set of maps.
import { encodePack } from "../codec/senml.ts";
import type { Clock, Instant } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import type { Gap, Mark, PackHead } from "../outbox/outbox.ts";
import { Accounting, type AudienceAccount } from "./accounting.ts";
import { type AppendOutcome, AppendQueue } from "./append-queue.ts";
import type { UnitOf } from "./conversion.ts";
import { GapLedger } from "./gap-ledger.ts";
import { MarkRegister } from "./mark-register.ts";
import { splitAtDoor, stoppedError } from "./privacy-door.ts";
import { type OpenSeries, SeriesTable, type Track } from "./series-table.ts";

export interface PackBuilderOptions {
  readonly gateway: string;
  readonly run: string;
  readonly clock: Clock;
  readonly unitOf: UnitOf;
  /** `Outbox.append`. A rejection is retried; `dropped` means that the outbox reports a Gap itself. */
  append(bytes: Uint8Array, head: PackHead): Promise<AppendOutcome>;
  /** A pack is closed when its first reading is this old; default 5 s. */
  readonly maxAgeMs?: number | undefined;
  /** Default 100. */
  readonly maxReadings?: number | undefined;
  /** Bytes of a pack before compression, unless one reading alone has more; default 16 kB. */
  readonly maxBytes?: number | undefined;
  /** Readings in finished packs that are not durable yet; beyond it the oldest pack becomes a gap. Default 50,000. */
  readonly maxPending?: number | undefined;
  /** Pause before packs that could not be appended are tried again; default 1 s. */
  readonly retryMs?: number | undefined;
}

/** Readings of one audience on their way into a pack. */
interface Batch {
  readonly audience: string;
  readonly boot: boolean;
  /** Base time: of the first reading. Times since boot keep their fraction until they are packed. */
  readonly time: number;
  readonly tracks: Track[];
  readonly series: OpenSeries[];
  readings: number;
  /** Upper estimate of the encoded size. */
  bytes: number;
  readonly done: PromiseWithResolvers<void>;
  timer: Disposable | undefined;
  marks: string[] | undefined;
}

/** A reading as it will stand in a pack. */
interface Measured {
  track: Track;
  value: Value;
  time: Instant;
  size: number;
}

/** Header, array and the fields of the first record, generously. */
const headerBytes = 160;
/** Labels, heads, an f64 value and a relative time of one record. */
const recordBytes = 24;

/**
 * Gathers readings by audience into packs, gives each its seq and hands it to the outbox. Nothing is
 * lost without a trace: a pack that cannot be appended is kept and tried again, and when the bound on
 * pending readings forces one out, a gap record names it.
 */
export class PackBuilder implements AsyncDisposable {
  readonly #options: PackBuilderOptions;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxReadings: number;
  readonly #maxBytes: number;
  readonly #table: SeriesTable;
  readonly #accounting: Accounting;
  readonly #gaps = new GapLedger();
  readonly #queue: AppendQueue;
  readonly #open = new Map<string, Batch>();
  readonly #marks = new MarkRegister();
  /** The one reading that is being taken: the common way makes no object per reading. */
  #measured: Measured | undefined;
  readonly #gapTimers = new Map<string, Disposable>();
  /** By audience: settles with the pack that will carry the gaps that wait. */
  readonly #gapsTold = new Map<string, PromiseWithResolvers<void>>();
  #closed = false;

  constructor(options: PackBuilderOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs ?? 5_000;
    this.#maxReadings = options.maxReadings ?? 100;
    this.#maxBytes = options.maxBytes ?? 16_384;
    this.#table = new SeriesTable(options.unitOf);
    this.#accounting = new Accounting(options.run);
    this.#queue = new AppendQueue({
      clock: options.clock,
      append: (bytes, head) => options.append(bytes, head),
      settled: (head, outcome) => this.#accounting.settled(head, outcome),
      gap: (gap) => void this.gap(gap).catch(() => {}),
      maxReadings: options.maxPending ?? 50_000,
      retryMs: options.retryMs ?? 1_000,
    });
  }

  /** Readings taken that are neither durable nor dropped. */
  get pending(): number {
    let open = 0;
    for (const batch of this.#open.values()) open += batch.readings;
    return open + this.#queue.readings;
  }

  /** Counts of the packs that got a seq, by audience. */
  accounting(): AudienceAccount[] {
    return this.#accounting.list();
  }

  /** Marks that an earlier run stored: what comes with them again is not taken again. */
  remember(marks: Iterable<Mark>): void {
    this.#marks.remember(marks);
  }

  /**
   * Takes readings at once; resolves when all of them are durable, held in memory by an outbox whose
   * disk fails, or deliberately dropped and named in a gap. Lane `urgent` closes the audience's pack now.
   * Rejects with StorageError (code `closed`) when the builder closed before the outbox took them, and
   * with ConfigError for names and units that SenML cannot carry, and with PrivacyError when readings
   * that may not go to their audience were left out; the others are then stored all the same.
   *
   * Readings with a `mark` (at most 128 bytes, whoever sends them again uses the same) are taken once:
   * per audience all of them go into one pack, which carries the mark, and an audience that has the
   * mark gets none of them.
   */
  async add(readings: readonly Reading[], lane: PackHead["lane"] = "live", mark?: string): Promise<void> {
    if (this.#closed) throw new StorageError("the pack builder is closed", { code: "closed" });
    const { passed, stopped } = splitAtDoor(readings);
    if (mark !== undefined) {
      await this.#addMarked(passed, lane, mark);
      if (stopped.length > 0) throw stoppedError(stopped);
      return;
    }
    const touched = new Set<Batch>();
    for (const reading of passed) {
      this.#measured = this.#measure(reading, this.#measured);
      const batch = this.#take(this.#measured);
      if (batch.readings >= this.#maxReadings) this.#seal(batch, "live");
      touched.add(batch);
    }
    for (const batch of touched) {
      if (lane === "urgent" && this.#open.get(batch.audience) === batch) this.#seal(batch, lane);
    }
    await Promise.all(Array.from(touched, (batch) => batch.done.promise));
    if (stopped.length > 0) throw stoppedError(stopped);
  }

  /**
   * Tells an audience about packs that will never come, with its next pack or after `maxAgeMs`. Resolves
   * when that pack is as safe as `add` says. Rejects with StorageError (code `closed`) once the builder is
   * closed: nobody will tell of it, so the packs must not be given up for it.
   */
  gap(gap: Gap): Promise<void> {
    this.#gaps.add({ ...gap, noticed: this.#clock.stamp() });
    const { audience } = gap;
    if (this.#closed)
      return Promise.reject(new StorageError("the pack builder is closed", { code: "closed" }));
    let told = this.#gapsTold.get(audience);
    if (!told) {
      told = Promise.withResolvers();
      // Whoever only tells must not be brought down by a failure.
      told.promise.catch(() => {});
      this.#gapsTold.set(audience, told);
    }
    if (!this.#open.has(audience) && !this.#gapTimers.has(audience)) {
      this.#gapTimers.set(
        audience,
        this.#clock.timer(this.#maxAgeMs, () => this.#sealGaps(audience)),
      );
    }
    return told.promise;
  }

  /** Closes every open pack; resolves when all that was taken before is settled or was tried once more in vain. */
  async flush(): Promise<void> {
    for (const batch of [...this.#open.values()]) this.#seal(batch, "live");
    for (const audience of [...this.#gapTimers.keys()]) this.#sealGaps(audience);
    await this.#queue.flush();
  }

  /** Flushes; readings that the outbox still refuses are given up and their promises reject. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush();
    await this.#queue.close();
  }

  async #addMarked(readings: readonly Reading[], lane: PackHead["lane"], mark: string): Promise<void> {
    const byAudience = Map.groupBy(
      readings.map((reading) => this.#measure(reading)),
      ({ track }) => track.audience,
    );
    const waits: Promise<void>[] = [];
    for (const [audience, own] of byAudience) {
      const before = this.#marks.taken(audience, mark);
      if (before !== undefined) {
        waits.push(before);
        continue;
      }
      const batches = new Set(this.#takeTogether(audience, own));
      // Times of two bases need two packs; the mark is only with the last, so that neither can go missing.
      const last = [...batches].at(-1);
      if (last) last.marks = [...(last.marks ?? []), mark];
      for (const batch of batches) {
        if (lane === "urgent" || batch.readings >= this.#maxReadings)
          if (this.#open.get(audience) === batch) this.#seal(batch, lane);
      }
      const done = Promise.all(Array.from(batches, (batch) => batch.done.promise)).then(() => {});
      this.#marks.take(audience, mark, done);
      waits.push(done);
    }
    await Promise.all(waits);
  }

  /** Into one pack, however full it gets; two when there are times of both bases. */
  *#takeTogether(audience: string, readings: readonly Measured[]): Generator<Batch> {
    const bases = Map.groupBy(readings, ({ time }) => time.base);
    for (const own of bases.values()) {
      const [first] = own;
      const open = this.#open.get(audience);
      if (!first) continue;
      const bytes = own.reduce(
        (sum, { size, track }) => sum + size + track.base.length + track.name.length,
        0,
      );
      const fits =
        open &&
        open.boot === (first.time.base === "boot") &&
        open.bytes + bytes <= this.#maxBytes &&
        open.readings + own.length <= this.#maxReadings;
      if (open && !fits) this.#seal(open, "live");
      const batch = this.#openBatch(audience, first.time);
      for (const one of own) this.#put(one, batch);
      yield batch;
    }
  }

  /** Into `to` where it is given. */
  #measure(reading: Reading, to?: Measured): Measured {
    let track = this.#table.track(reading);
    const good = reading.quality === "good" ? reading.value : undefined;
    let value = good === undefined ? reading.quality : track.convert(good);
    if (value === undefined) {
      // Too large for a double in the unit of the wire.
      track = this.#table.track({ ...reading, quality: "out-of-range", value: undefined });
      value = "out-of-range";
    }
    const size = recordBytes + track.name.length + (track.unit?.length ?? 0) + sizeOf(value);
    if (!to) return { track, value, time: reading.time, size };
    to.track = track;
    to.value = value;
    to.time = reading.time;
    to.size = size;
    return to;
  }

  #take(measured: Measured): Batch {
    const batch = this.#batchFor(measured);
    this.#put(measured, batch);
    return batch;
  }

  #put({ track, value, time, size }: Measured, batch: Batch): void {
    if (track.batch !== batch || !track.series) {
      track.batch = batch;
      track.series = { base: track.base, name: track.name, unit: track.unit, times: [], values: [] };
      batch.tracks.push(track);
      batch.series.push(track.series);
      batch.bytes += track.base.length + track.name.length;
    }
    track.series.times.push(batch.boot ? time.ms : Math.round(time.ms));
    track.series.values.push(value);
    batch.readings++;
    batch.bytes += size;
  }

  #batchFor({ track: { audience, base, name }, time, size }: Measured): Batch {
    const open = this.#open.get(audience);
    if (open) {
      const room = this.#maxBytes - size - base.length - name.length;
      if (open.boot === (time.base === "boot") && open.bytes <= room) return open;
      this.#seal(open, "live");
    }
    return this.#openBatch(audience, time);
  }

  #openBatch(audience: string, time: Instant): Batch {
    const open = this.#open.get(audience);
    if (open) return open;
    const batch = newBatch(audience, time);
    batch.timer = this.#clock.timer(this.#maxAgeMs, () => this.#seal(batch, "live"));
    this.#open.set(audience, batch);
    return batch;
  }

  #sealGaps(audience: string): void {
    const open = this.#open.get(audience);
    if (open) this.#seal(open, "live");
    else if (this.#gaps.has(audience)) this.#seal(newBatch(audience, this.#clock.stamp()), "live");
  }

  #seal(batch: Batch, lane: PackHead["lane"]): void {
    const { audience, readings } = batch;
    const { run, gateway } = this.#options;
    batch.timer?.[Symbol.dispose]();
    if (this.#open.get(audience) === batch) this.#open.delete(audience);
    this.#gapTimers.get(audience)?.[Symbol.dispose]();
    this.#gapTimers.delete(audience);
    for (const track of batch.tracks) {
      track.batch = undefined;
      track.series = undefined;
    }
    const seq = this.#accounting.sealed(audience, readings);
    const gaps = this.#gaps.take(audience, run, seq);
    const told = this.#gapsTold.get(audience);
    this.#gapsTold.delete(audience);
    if (told) batch.done.promise.then(told.resolve, told.reject);
    // Trust may have come since the first reading: its times are then resolved at once.
    const start = this.#clock.toUnix({ base: "boot", ms: 0 });
    const boot = batch.boot && start === undefined;
    const shift = start ?? 0;
    const time = batch.boot ? Math.round(batch.time + shift) : batch.time;
    const bytes = encodePack({
      header: { gateway, audience, run, seq, seqTo: seq, ...(boot ? { boot: this.#clock.bootId } : {}) },
      time,
      series: batch.boot ? batch.series.map((series) => moved(series, shift)) : batch.series,
      gaps: gaps.map(({ noticed, ...gap }) => ({
        ...gap,
        time: Math.round(noticed.base === "boot" ? noticed.ms + shift : noticed.ms),
      })),
    });
    this.#queue.push(
      bytes,
      {
        lane,
        audience,
        run,
        seq,
        time: { base: boot ? "boot" : "unix", ms: time },
        bootId: this.#clock.bootId,
        readings,
        ...(batch.marks && { marks: batch.marks }),
      },
      batch.done,
    );
  }
}

function newBatch(audience: string, { base, ms }: Instant): Batch {
  const done = Promise.withResolvers<void>();
  // Whoever does not wait for durability must not be brought down by its failure.
  done.promise.catch(() => {});
  return {
    audience,
    boot: base === "boot",
    time: base === "boot" ? ms : Math.round(ms),
    tracks: [],
    series: [],
    readings: 0,
    bytes: headerBytes,
    done,
    timer: undefined,
    marks: undefined,
  };
}

function sizeOf(value: Value): number {
  // UTF-16 units become at most three bytes each.
  return typeof value === "string" ? value.length * 3 : value instanceof Uint8Array ? value.length : 0;
}

function moved(series: OpenSeries, shift: number): OpenSeries {
  return { ...series, times: series.times.map((time) => Math.round(time + shift)) };
}
