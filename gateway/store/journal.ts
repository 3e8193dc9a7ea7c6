import type { Random } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Disk, DiskFile } from "./disk.ts";
import {
  encodeHeader,
  encodeRecord,
  headerBytes,
  readHeader,
  recordBytes,
  recordOverhead,
  saltOfRecords,
  scanRecords,
} from "./journal-format.ts";
import { keepDamaged, keepTorn } from "./kept-damage.ts";

export interface JournalOptions {
  /** Where the salt of a new file comes from. */
  readonly random: Random;
  /** Of the file. What would make it longer is refused (`journal-full`) until it is compacted. */
  readonly maxBytes: number;
}

/** An append-only log of records in one file. Records are read once, at opening, and replaced as a whole by `compact`. */
export interface Journal extends AsyncDisposable {
  /** Length of the file. */
  readonly bytes: number;
  /** Set once a write or sync has failed; every `append` is refused with it until `compact` succeeds. */
  readonly problem: StorageError | undefined;
  /**
   * Resolves once the record is durable, or with `sync: false` once it is written (durable with the next
   * sync). Records of one moment share one write and one sync. In order. Throws RangeError for a
   * record beyond 64 KiB; rejects with StorageError, and then nobody knows whether a restart will find it.
   */
  append(record: Uint8Array, options?: { readonly sync?: boolean }): Promise<void>;
  /**
   * Puts a fresh file with these records in the place of the old one: written aside, synced, renamed.
   * `snapshot` is called and read when all earlier appends are done; appends that come later follow it. Heals a journal
   * that has a problem. Rejects with StorageError, and then the old file stays what it was.
   */
  compact(snapshot: () => Iterable<Uint8Array>): Promise<void>;
}

export interface OpenedJournal {
  readonly journal: Journal;
  /** In the order in which they were appended. */
  readonly records: readonly Uint8Array[];
  /** Bytes that no record vouches for: a torn end (of no promise), or rot in the middle. They are gone from now on. */
  readonly lostBytes: number;
  /** Whether intact records stand behind lost bytes: rot, not a torn end. */
  readonly rotten: boolean;
}

/**
 * Opens or makes a journal. A torn end is cut; what stands intact behind a rotten record, or a rotten
 * header, is kept. Of a rotten file a copy stays as it was found, `<name>.damaged-<n>` (the first four), of
 * an end that was cut the last one, `<name>.torn`. Throws StorageError (`journal-newer-format` for one of a
 * later version, untouched).
 */
export async function openJournal(disk: Disk, name: string, options: JournalOptions): Promise<OpenedJournal> {
  const names = await disk.list();
  if (names.includes(aside(name))) await disk.remove(aside(name));
  if (!names.includes(name)) return fresh(disk, name, options, 0);
  const file = await disk.open(name);
  try {
    const bytes = await readAll(file);
    const header = readHeader(bytes);
    if (header === "newer")
      throw new StorageError(`${name} has a newer format than this version knows`, {
        code: "journal-newer-format",
        hint: "start the newer version again, or move the file away; nothing in it was changed",
      });
    const salt = header ?? saltOfRecords(bytes);
    if (salt === undefined) {
      await keepDamaged(disk, name, bytes);
      await file.close();
      return await fresh(disk, name, options, bytes.length);
    }
    const { records, end, lostBytes, rotten: inside } = scanRecords(bytes, salt);
    const rotten = inside || header === undefined;
    if (rotten) await keepDamaged(disk, name, bytes);
    else if (end < bytes.length) await keepTorn(disk, name, bytes.subarray(end));
    if (end < bytes.length) {
      await file.truncate(end);
      await file.sync();
    }
    return { journal: new FileJournal(disk, name, options, { file, salt, end }), records, lostBytes, rotten };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function fresh(
  disk: Disk,
  name: string,
  options: JournalOptions,
  lostBytes: number,
): Promise<OpenedJournal> {
  const place = await replace(disk, name, options.random, []);
  const journal = new FileJournal(disk, name, options, place);
  return { journal, records: [], lostBytes, rotten: lostBytes > 0 };
}

const aside = (name: string): string => `${name}.new`;
const chunkBytes = 65_536;

interface Place {
  readonly file: DiskFile;
  readonly salt: number;
  end: number;
}

/** Writes a whole file aside and puts it in place. */
async function replace(
  disk: Disk,
  name: string,
  random: Random,
  records: Iterable<Uint8Array>,
  renaming?: () => void,
): Promise<Place> {
  if ((await disk.list()).includes(aside(name))) await disk.remove(aside(name));
  const file = await disk.create(aside(name));
  try {
    const place: Place = { file, salt: Math.floor(random() * 2 ** 32), end: headerBytes };
    await file.write(0, encodeHeader(place.salt));
    let chunk: Buffer[] = [];
    let length = 0;
    const flush = async () => {
      if (length > 0) await file.write(place.end, Buffer.concat(chunk));
      place.end += length;
      chunk = [];
      length = 0;
    };
    for (const record of records) {
      const encoded = encodeRecord(record, place.salt, place.end + length);
      chunk.push(encoded);
      length += encoded.length;
      if (length >= chunkBytes) await flush();
    }
    await flush();
    await file.sync();
    await disk.syncNames();
    renaming?.();
    await disk.rename(aside(name), name);
    await disk.syncNames();
    return place;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readAll(file: DiskFile): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < file.size; ) {
    const part = await file.read(at, Math.min(1_048_576, file.size - at));
    if (part.length === 0) break;
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

type Job =
  | { readonly kind: "append"; readonly record: Uint8Array; readonly sync: boolean; readonly done: Done }
  | { readonly kind: "compact"; readonly snapshot: () => Iterable<Uint8Array>; readonly done: Done };
type Done = PromiseWithResolvers<void>;

class FileJournal implements Journal {
  readonly #disk: Disk;
  readonly #name: string;
  readonly #options: JournalOptions;
  #place: Place;
  #problem: StorageError | undefined;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(disk: Disk, name: string, options: JournalOptions, place: Place) {
    this.#disk = disk;
    this.#name = name;
    this.#options = options;
    this.#place = place;
  }

  get bytes(): number {
    return this.#place.end;
  }

  get problem(): StorageError | undefined {
    return this.#problem;
  }

  append(record: Uint8Array, { sync = true }: { readonly sync?: boolean } = {}): Promise<void> {
    if (record.length > recordBytes) throw new RangeError(`journal record of ${record.length} bytes`);
    return this.#add((done) => ({ kind: "append", record, sync, done }));
  }

  compact(snapshot: () => Iterable<Uint8Array>): Promise<void> {
    return this.#add((done) => ({ kind: "compact", snapshot, done }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#place.file.close();
  }

  #add(job: (done: Done) => Job): Promise<void> {
    const done: Done = Promise.withResolvers();
    if (this.#closed) done.reject(new StorageError(`${this.#name} is closed`, { code: "closed" }));
    else {
      this.#jobs.push(job(done));
      this.#running ??= this.#work();
    }
    return done.promise;
  }

  async #work(): Promise<void> {
    // What is asked for in one turn belongs to one group.
    await Promise.resolve();
    while (this.#jobs.length > 0) {
      const first = this.#jobs[0]!;
      if (first.kind === "compact") {
        this.#jobs.shift();
        await settleWith([first], () => this.#compact(first.snapshot));
        continue;
      }
      const group: Extract<Job, { kind: "append" }>[] = [];
      let end = this.#place.end;
      for (const job of this.#jobs) {
        if (job.kind !== "append") break;
        const next = end + recordOverhead + job.record.length;
        if (group.length > 0 && (next > this.#options.maxBytes || next - this.#place.end > chunkBytes)) break;
        group.push(job);
        end = next;
      }
      this.#jobs.splice(0, group.length);
      await settleWith(group, () => this.#write(group, end));
    }
    this.#running = undefined;
  }

  async #write(group: readonly Extract<Job, { kind: "append" }>[], end: number): Promise<void> {
    if (this.#problem) throw this.#problem;
    if (end > this.#options.maxBytes)
      throw new StorageError(`${this.#name} is full (${this.#options.maxBytes} bytes)`, {
        code: "journal-full",
      });
    const { file, salt } = this.#place;
    let at = this.#place.end;
    const encoded = group.map(({ record }) => {
      const bytes = encodeRecord(record, salt, at);
      at += bytes.length;
      return bytes;
    });
    try {
      await file.write(this.#place.end, Buffer.concat(encoded));
      if (group.some(({ sync }) => sync)) await file.sync();
      this.#place.end = end;
    } catch (error) {
      if (error instanceof StorageError) this.#problem = error;
      throw error;
    }
  }

  async #compact(snapshot: () => Iterable<Uint8Array>): Promise<void> {
    const old = this.#place;
    let renamed = false;
    const renaming = () => {
      renamed = true;
    };
    try {
      this.#place = await replace(this.#disk, this.#name, this.#options.random, snapshot(), renaming);
    } catch (error) {
      // From the renaming on nobody knows which file stands; before it the old one is as good as it was.
      if (renamed && error instanceof StorageError) this.#problem = error;
      throw error;
    }
    this.#problem = undefined;
    await old.file.close();
  }
}

async function settleWith(jobs: readonly Job[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
    for (const { done } of jobs) done.resolve();
  } catch (error) {
    for (const { done } of jobs) done.reject(error);
  }
}
