// Past 300 lines: batching, series and pausing share one state; reading and trimming are files of their own.
import type { Clock } from "../model/clock.ts";
import { audienceOf, type Device } from "../model/device.ts";
import { type GatewayError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { isPersonal } from "../model/privacy.ts";
import type { Reading } from "../model/reading.ts";
import { Database, type SqlStep, type SqlValue } from "../store/sqlite.ts";
import { type HistoryPage, type HistoryQuery, historyPages } from "./history-query.ts";
import { historySchema, toColumns } from "./history-rows.ts";
import { makeRoom, trim } from "./history-trim.ts";

export interface HistoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Path of the database. */
  readonly file: string;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Whether readings of personal points are kept. Those kept before are deleted when it is false. */
  readonly personal: boolean;
  /** How long readings of an audience are kept, ms, where that is shorter; undefined: as long as all others. */
  readonly audienceMaxAgeMs?: ((audience: string) => number | undefined) | undefined;
}

export interface HistoryStatus {
  /** `unused`: nothing was recorded or asked yet. `paused`: the store takes nothing now, `problem` says why. */
  readonly state: "unused" | "recording" | "paused" | "closed";
  readonly problem?: { readonly code: string; readonly message: string } | undefined;
  /** Readings in the database since the start. */
  readonly recorded: number;
  /** Readings that were not kept since the start: too many at once, too long without a store, no time for too long. */
  readonly dropped: number;
  /** Readings that wait for the next transaction. */
  readonly waiting: number;
  /** Readings that wait until the clock is trusted. */
  readonly untimed: number;
  /** Where damaged databases were put since the start. */
  readonly damaged: readonly string[];
}

interface Series {
  readonly id: number;
  /** How long its audience lets it be kept, ms. */
  readonly maxAge: number;
  /** Whose configuration `maxAge` was taken from; undefined: of an earlier run. */
  readonly device?: Device | undefined;
}

/** One transaction a second at most. */
const batchMs = 1000;
/** Readings that wait for a transaction; more are dropped, the oldest first. */
const maxWaiting = 20_000;
/** Readings without a time yet, likewise. */
const maxUntimed = 20_000;
/** Readings in one transaction. */
const maxBatch = 5_000;
/** How often old readings are looked for. */
const trimEveryMs = 600_000;
/** How long a store that fails is left alone; doubles up to the second. */
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * The last days of readings on this machine, to look back at while the city is out of reach. Not the
 * record: that is the outbox. A power cut may take the last second, a full or slow disk more, and what
 * was not kept is counted. Never blocks a reading.
 */
export class History implements AsyncDisposable {
  readonly #options: HistoryOptions;
  readonly #database: Database;
  readonly #trusted: Disposable;
  /** By `seriesKey`; undefined until the database was read. */
  #series: Map<string, Series> | undefined;
  #nextSeries = 1;
  #waiting: Reading[] = [];
  #untimed: Reading[] = [];
  #timer: Disposable | undefined;
  #flushing: Promise<void> | undefined;
  #problem: GatewayError | undefined;
  #failures = 0;
  /** Monotonic ms; until then a store that failed is left alone. */
  #retryAt = 0;
  #recorded = 0;
  #dropped = 0;
  #droppedBefore = 0;
  #trimmedAt = Number.NEGATIVE_INFINITY;
  #ending = false;
  #closed: Promise<void> | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { clock, log, file, maxBytes } = options;
    this.#database = new Database({
      file,
      schema: historySchema,
      // Readings are in the outbox as well, which keeps its promises; a sync per second would wear the card for nothing.
      synchronous: "normal",
      maxBytes,
      clock,
      log,
    });
    this.#trusted = clock.whenTrusted(() => this.#timeHasCome());
  }

  /** Takes readings for the next transaction; returns at once. */
  record(readings: readonly Reading[]): void {
    if (this.#ending) return;
    const { clock, personal } = this.#options;
    for (const reading of readings) {
      if (isPersonal(reading.point) && !personal) continue;
      if (clock.toUnix(reading.time) === undefined) this.#untimed.push(reading);
      else this.#waiting.push(reading);
    }
    this.#untimed = this.#bounded(this.#untimed, maxUntimed);
    this.#waiting = this.#bounded(this.#waiting, maxWaiting);
    if (this.#waiting.length > 0) this.#schedule(batchMs);
  }

  /** Everything recorded so far is in the database when it resolves, or the store refuses it for now. */
  async flush(): Promise<void> {
    // What came while one ran is in the next.
    await this.#flushing;
    if (this.#problem && !this.#ending && this.#options.clock.monotonic() < this.#retryAt) return;
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /**
   * What was recorded, in pages: point by point (and unit by unit, where it changed), each in order of
   * time. Gaps stay gaps. Rejects with ConfigError (`unknown-point`, `bad-query`) and StorageError.
   */
  async *query(query: HistoryQuery): AsyncGenerator<HistoryPage> {
    // What is newest should be in it; what the store does not take now is missing, and `status` says so.
    await this.flush();
    const { clock, maxAgeMs } = this.#options;
    const now = clock.toUnix(clock.stamp());
    const keptSince = (seriesMaxAge: number) =>
      now === undefined ? 0 : now - Math.min(maxAgeMs, seriesMaxAge);
    try {
      await this.#known();
      yield* historyPages(this.#database, query, keptSince);
    } catch (error) {
      this.#series = undefined;
      throw error;
    }
  }

  status(): HistoryStatus {
    const { state, damaged } = this.#database.status();
    const problem = this.#problem;
    return {
      state: this.#ending ? "closed" : problem ? "paused" : state === "unused" ? "unused" : "recording",
      problem: problem && { code: problem.code, message: problem.message },
      recorded: this.#recorded,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
      untimed: this.#untimed.length,
      damaged,
    };
  }

  /** Writes what waits. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#ending = true;
    this.#trusted[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    if (this.#waiting.length > 0) await this.flush();
    await this.#database[Symbol.asyncDispose]();
  }

  #timeHasCome(): void {
    const held = this.#untimed;
    this.#untimed = [];
    if (held.length > 0) this.record(held);
  }

  #bounded(readings: Reading[], most: number): Reading[] {
    if (readings.length <= most) return readings;
    this.#dropped += readings.length - most;
    return readings.slice(-most);
  }

  #schedule(ms: number): void {
    this.#timer ??= this.#options.clock.timer(ms, () => {
      this.#timer = undefined;
      // What is behind stays waiting, and is tried again.
      void this.flush();
    });
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, maxBatch);
        this.#waiting = this.#waiting.slice(maxBatch);
        try {
          await this.#writeOrMakeRoom(batch);
        } catch (error) {
          // A store that is there and refuses just this would refuse it for ever.
          if (error instanceof StorageError && error.code === "store-refused") this.#dropped += batch.length;
          else this.#waiting = this.#bounded([...batch, ...this.#waiting], maxWaiting);
          throw error;
        }
      }
      await this.#trimNowAndThen();
      this.#goesOn();
    } catch (error) {
      // The series of a transaction that failed, or of a database that was replaced, are not there.
      this.#series = undefined;
      if (!(error instanceof StorageError)) throw error;
      this.#pauses(error);
    }
  }

  async #writeOrMakeRoom(batch: readonly Reading[]): Promise<void> {
    try {
      await this.#write(batch);
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "disk-full") throw error;
      this.#series = undefined;
      if (!(await makeRoom(this.#database, this.#options.maxBytes))) throw error;
      await this.#write(batch);
    }
  }

  async #write(batch: readonly Reading[]): Promise<void> {
    const known = await this.#known();
    const { clock } = this.#options;
    const fresh: SqlValue[] = [];
    const aged: SqlValue[] = [];
    const rows: SqlValue[] = [];
    let kept = 0;
    for (const reading of batch) {
      const time = clock.toUnix(reading.time);
      const columns = toColumns(reading.quality, reading.value);
      if (time === undefined || !columns) continue;
      rows.push(this.#seriesOf(reading, known, fresh, aged), Math.round(time), ...columns);
      kept++;
    }
    const steps: SqlStep[] = [
      { sql: insertSeries, values: fresh, width: 6 },
      { sql: "UPDATE series SET max_age = ? WHERE id = ?", values: aged, width: 2 },
      { sql: "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)", values: rows, width: 4 },
    ];
    const wanted = steps.filter(({ values = [] }) => values.length > 0);
    if (wanted.length > 0) await this.#database.write(wanted);
    this.#recorded += kept;
    this.#dropped += batch.length - kept;
  }

  /** Its id; what the database has to learn about it goes to `fresh` and `aged`. */
  #seriesOf(
    { device, point, name }: Reading,
    known: Map<string, Series>,
    fresh: SqlValue[],
    aged: SqlValue[],
  ): number {
    const { unit = "" } = point;
    const key = seriesKey(device.id, name, unit);
    const found = known.get(key);
    if (found && found.device === device) return found.id;
    const maxAge = this.#options.audienceMaxAgeMs?.(audienceOf(device, point)) ?? Number.MAX_SAFE_INTEGER;
    if (!found) {
      const id = this.#nextSeries++;
      fresh.push(id, device.id, name, unit, Number(isPersonal(point)), maxAge);
      known.set(key, { id, maxAge, device });
      return id;
    }
    if (found.maxAge !== maxAge) aged.push(maxAge, found.id);
    known.set(key, { id: found.id, maxAge, device });
    return found.id;
  }

  /** The series of the database, read when they are not known. */
  async #known(): Promise<Map<string, Series>> {
    if (this.#series) return this.#series;
    if (!this.#options.personal) {
      // It was allowed once.
      await this.#database.write([
        { sql: "DELETE FROM readings WHERE series IN (SELECT id FROM series WHERE personal = 1)" },
      ]);
    }
    await this.#database.write([
      { sql: "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM readings WHERE series = series.id)" },
    ]);
    const known = new Map<string, Series>();
    let last = 0;
    for (let rows = pageOfSeries; rows === pageOfSeries; ) {
      const page = await this.#database.read(
        "SELECT id, device, name, unit, max_age FROM series WHERE id > ? ORDER BY id LIMIT ?",
        [last, pageOfSeries],
      );
      for (const [id, device, name, unit, maxAge] of page) {
        last = Number(id);
        known.set(seriesKey(String(device), String(name), String(unit)), {
          id: last,
          maxAge: Number(maxAge),
        });
      }
      rows = page.length;
    }
    this.#nextSeries = last + 1;
    this.#series = known;
    return known;
  }

  async #trimNowAndThen(): Promise<void> {
    const { clock, maxAgeMs, maxBytes } = this.#options;
    const at = clock.monotonic();
    if (at - this.#trimmedAt < trimEveryMs) return;
    await trim(this.#database, { maxAgeMs, maxBytes, now: clock.toUnix(clock.stamp()) });
    this.#trimmedAt = at;
  }

  #pauses(error: StorageError): void {
    if (!this.#problem) {
      this.#droppedBefore = this.#dropped;
      const { code, hint } = error;
      this.#options.log.warn({ code, hint }, `the history pauses: ${error.message}`);
    }
    this.#problem = error;
    const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures++, 10));
    this.#retryAt = this.#options.clock.monotonic() + wait;
    if (!this.#ending) this.#schedule(wait);
  }

  #goesOn(): void {
    this.#failures = 0;
    if (!this.#problem) return;
    this.#problem = undefined;
    this.#options.log.info({ dropped: this.#dropped - this.#droppedBefore }, "the history goes on");
  }
}

const insertSeries =
  "INSERT INTO series (id, device, name, unit, personal, max_age) VALUES (?, ?, ?, ?, ?, ?)";
const pageOfSeries = 1000;

function seriesKey(device: string, name: string, unit: string): string {
  return `${device}/${name} ${unit}`;
}
