// A little long: the life of the segment files (make, fill, recycle, quarantine) shares one list that must stay right at every crash.
import type { Random } from "../model/clock.ts";
import { StorageError } from "../model/errors.ts";
import type { Disk, DiskFile } from "../store/disk.ts";
import {
  encodeGroup,
  encodeHeader,
  groupBound,
  headerBytes,
  type LogState,
  marksBound,
  stateBound,
} from "./format.ts";
import { IdRanges } from "./id-ranges.ts";
import type { Mark, PreviousRun, StoredPack } from "./outbox.ts";
import type { Place } from "./pack-queue.ts";

export interface Segment {
  readonly number: number;
  readonly name: string;
  readonly length: number;
  readonly salt: number;
  /** Nothing at or behind this offset is believed. */
  end: number;
  /** Packs in it that are not settled. */
  alive: number;
  /** Ids of packs in it that are settled. */
  readonly dead: IdRanges;
  /** Its good records are to be rewritten, then it goes to quarantine. */
  damaged: boolean;
  /** Whether a readable state record is in it. */
  stated: boolean;
  /** Where a torn write begins that has good records behind it: those are to be rewritten, then belief ends here. */
  tornAt?: number;
}

/** What recovery found and the log goes on from. */
export interface LogContents {
  readonly segments: Segment[];
  readonly spares: string[];
  /** Files of ours that nothing refers to. */
  readonly litter: string[];
  readonly nextNumber: number;
  quarantined: number;
  ballast: boolean;
}

interface Active {
  readonly segment: Segment;
  readonly file: DiskFile;
  at: number;
  group: number;
  synced: boolean;
  /** As it was when the segment began; written in the first two groups, so that one bad sector does not take it. */
  readonly state: LogState;
}

/** What the log keeps for others over the end of its segments. */
export interface Bookkeeping {
  readonly nextId: number;
  readonly runs: readonly PreviousRun[];
  /** Oldest first. */
  readonly marks: readonly Mark[];
}

export const ballastName = "ballast";
const quarantineLimit = 16;
const sparesKept = 2;
const readersKept = 4;

function segmentName(number: number): string {
  return `segment-${String(number).padStart(10, "0")}`;
}

/** The segment files: one is written, the others only read, until all in them is settled. One commit at a time. */
export class SegmentLog {
  readonly segments: Map<number, Segment>;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #segmentBytes: number;
  readonly #ballastBytes: number;
  readonly #bookkeeping: () => Bookkeeping;
  readonly #contents: LogContents;
  readonly #readers = new Map<number, { file: Promise<DiskFile>; last: Promise<unknown> }>();
  #active: Active | undefined;
  #nextNumber: number;

  constructor(options: {
    disk: Disk;
    random: Random;
    segmentBytes: number;
    ballastBytes: number;
    contents: LogContents;
    /** For the state record. */
    bookkeeping: () => Bookkeeping;
  }) {
    this.#disk = options.disk;
    this.#random = options.random;
    this.#segmentBytes = options.segmentBytes;
    this.#ballastBytes = options.ballastBytes;
    this.#bookkeeping = options.bookkeeping;
    this.#contents = options.contents;
    this.#nextNumber = options.contents.nextNumber;
    this.segments = new Map(options.contents.segments.map((segment) => [segment.number, segment]));
  }

  get quarantined(): number {
    return this.#contents.quarantined;
  }

  /** Largest pack that a segment takes. */
  get maxPackBytes(): number {
    return Math.floor(this.#segmentBytes / 4);
  }

  /**
   * Writes one group. With packs it is durable when this resolves; acks alone ride along unsynced.
   * On StorageError nothing of it may be believed: the segment is never written again, and the next
   * one says where belief ends.
   */
  async commit(packs: readonly StoredPack[], acks: IdRanges, sync = packs.length > 0): Promise<Place[]> {
    try {
      const active = await this.#withRoom(packs, acks);
      const placed = await this.#write(active, packs, acks);
      if (sync) await this.#sync(active);
      return placed;
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  /** A pack of this segment is settled. */
  died(number: number, id: number): void {
    const segment = this.segments.get(number);
    if (!segment || segment.dead.has(id)) return;
    segment.dead.add(id);
    segment.alive--;
  }

  /** Whether `collect` would find something to do. */
  get collectable(): boolean {
    if (this.#contents.litter.length > 0) return true;
    const newest = this.#newest();
    for (const segment of this.segments.values()) {
      if (segment.alive === 0 && !segment.damaged && segment.number < newest) return true;
    }
    return false;
  }

  /** Frees segments in which all is settled. The newest stays: it holds the bookkeeping of all before it. */
  async collect(keepSpares: boolean): Promise<void> {
    const newest = this.#newest();
    let changed = false;
    for (const segment of this.segments.values()) {
      if (segment.alive > 0 || segment.damaged || segment.number >= newest) continue;
      await this.#closeReader(segment.number);
      if (keepSpares && this.#contents.spares.length < sparesKept && segment.length === this.#segmentBytes) {
        const spare = `spare-${String(segment.number).padStart(10, "0")}`;
        await this.#disk.rename(segment.name, spare);
        this.#contents.spares.push(spare);
      } else await this.#disk.remove(segment.name);
      this.segments.delete(segment.number);
      changed = true;
    }
    for (let name = this.#contents.litter[0]; name; name = this.#contents.litter[0]) {
      await this.#disk.remove(name).catch((error: unknown) => {
        if (!(error instanceof StorageError && error.code === "disk-missing")) throw error;
      });
      this.#contents.litter.shift();
      changed = true;
    }
    if (changed) await this.#disk.syncNames();
  }

  /** Whether a newer segment holds this one's bookkeeping. */
  outlived(segment: Segment): boolean {
    return segment.number < this.#newest();
  }

  /** Puts a damaged segment, whose good packs are elsewhere by now, out of the way. Never deletes one below the limit. */
  async quarantine(segment: Segment): Promise<void> {
    await this.#closeReader(segment.number);
    if (this.#contents.quarantined < quarantineLimit) {
      await this.#disk.rename(segment.name, `${segment.name}.damaged-${this.#contents.quarantined + 1}`);
      this.segments.delete(segment.number);
      this.#contents.quarantined++;
      await this.#disk.syncNames();
    } else segment.damaged = false;
  }

  /** The bytes at a place, for whoever checks them. */
  async read(at: Place): Promise<Uint8Array> {
    const segment = this.segments.get(at.segment);
    if (!segment) return new Uint8Array(0);
    let reader = this.#readers.get(at.segment);
    if (!reader) {
      while (this.#readers.size >= readersKept) await this.#closeReader(this.#readers.keys().next().value!);
      reader = this.#readers.get(at.segment) ?? {
        file: this.#disk.open(segment.name),
        last: Promise.resolve(),
      };
      this.#readers.set(at.segment, reader);
    }
    const { file } = reader;
    const reading = reader.last.then(async () => (await file).read(at.offset, at.length));
    reader.last = reading.catch(() => undefined);
    try {
      return await reading;
    } catch (error) {
      await this.#closeReader(at.segment);
      throw error;
    }
  }

  /** Gives the ballast's space to the file system, so that acks can be written on a full disk. */
  async releaseBallast(): Promise<boolean> {
    if (!this.#contents.ballast) return false;
    await this.#disk.remove(ballastName);
    this.#contents.ballast = false;
    await this.#disk.syncNames();
    return true;
  }

  async close(): Promise<void> {
    for (const number of [...this.#readers.keys()]) await this.#closeReader(number);
    await this.#active?.file.close();
    this.#active = undefined;
  }

  /** The newest segment whose state record is durable. */
  #newest(): number {
    let newest = 0;
    for (const { number, end, stated } of this.segments.values()) {
      if (stated && end > 0) newest = Math.max(newest, number);
    }
    return newest;
  }

  async #withRoom(packs: readonly StoredPack[], acks: IdRanges): Promise<Active> {
    const active = this.#active;
    const need = groupBound({ packs, acks, state: active && active.group < 2 ? active.state : undefined });
    if (active && active.at + need <= this.#segmentBytes - headerBytes) return active;
    if (active) {
      // What rode along unsynced must be true before the next segment calls this one complete.
      if (!active.synced) await this.#sync(active);
      this.#active = undefined;
      await active.file.close();
    }
    return this.#begin(packs.length > 0);
  }

  async #begin(forPacks: boolean): Promise<Active> {
    const number = this.#nextNumber++;
    const name = segmentName(number);
    const file = await this.#takeFile(name, forPacks);
    const segment: Segment = {
      number,
      name,
      length: this.#segmentBytes,
      salt: Math.floor(this.#random() * 2 ** 32) >>> 0,
      end: 0,
      alive: 0,
      dead: new IdRanges(),
      damaged: false,
      stated: true,
    };
    this.segments.set(number, segment);
    this.#active = { segment, file, at: 0, group: 0, synced: false, state: this.#state(number) };
    return this.#active;
  }

  async #takeFile(name: string, forPacks: boolean): Promise<DiskFile> {
    const spare = this.#contents.spares.pop();
    if (spare) {
      // A file used before has its blocks: writing it needs no zeros and no journal.
      await this.#disk.rename(spare, name);
      this.#contents.litter.push(name);
      return this.#sized(name, await this.#disk.open(name));
    }
    if (forPacks) {
      const free = await this.#disk.free();
      if (free !== undefined && free < this.#segmentBytes + this.#ballastBytes) {
        throw new StorageError(`only ${free} bytes are free for the outbox`, {
          code: "disk-full",
          hint: "free space on the disk, or give the outbox a smaller limit",
        });
      }
      await this.#layBallast();
    }
    this.#contents.litter.push(name);
    return this.#sized(name, await this.#disk.create(name));
  }

  /** Size without blocks: the size need not be journalled at each commit, and nothing is written twice. */
  async #sized(name: string, file: DiskFile): Promise<DiskFile> {
    try {
      if (file.size !== this.#segmentBytes) await file.truncate(this.#segmentBytes);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#contents.litter.splice(this.#contents.litter.indexOf(name), 1);
    return file;
  }

  async #layBallast(): Promise<void> {
    if (this.#contents.ballast || this.#ballastBytes === 0) return;
    const file = await this.#disk.create(ballastName, this.#ballastBytes);
    await file.close();
    this.#contents.ballast = true;
  }

  async #write(active: Active, packs: readonly StoredPack[], acks: IdRanges): Promise<Place[]> {
    const { segment, file } = active;
    const first = active.at === 0;
    const start = first ? headerBytes : active.at;
    const group = ++active.group;
    const { bytes, placed } = encodeGroup({
      salt: segment.salt,
      group,
      durable: segment.end,
      state: group <= 2 ? active.state : undefined,
      packs,
      acks,
    });
    active.synced = false;
    if (first) {
      const header = encodeHeader(segment);
      await file.write(segment.length - headerBytes, header);
      await file.write(0, Buffer.concat([header, bytes]));
    } else await file.write(start, bytes);
    active.at = start + bytes.length;
    return placed.map(({ offset, length }) => ({
      segment: segment.number,
      group,
      offset: start + offset,
      length,
    }));
  }

  async #sync(active: Active): Promise<void> {
    await active.file.sync();
    // A file without a durable name is lost with all that was synced into it.
    if (active.segment.end === 0) await this.#disk.syncNames();
    active.segment.end = active.at;
    active.synced = true;
  }

  async #abandon(): Promise<void> {
    const active = this.#active;
    if (!active) return;
    this.#active = undefined;
    if (active.segment.end === 0) {
      this.segments.delete(active.segment.number);
      this.#contents.litter.push(active.segment.name);
    }
    // The handle of a failed file may fail to close too; the failure that counts is thrown already.
    await active.file.close().catch(() => undefined);
  }

  #state(except: number): LogState {
    const { nextId, runs, marks } = this.#bookkeeping();
    const segments = [...this.segments.values()]
      .filter(({ number }) => number !== except)
      .map(({ number, end, dead }) => ({ number, end, dead }));
    const budget = this.#segmentBytes / 4;
    let state: LogState = { nextId, segments, runs, marks: newestWithin(marks, budget / 2) };
    // Forgotten acks only mean duplicates; forgotten runs only a shorter history.
    for (let place = 0; place < segments.length && stateBound(state) > budget; place++) {
      segments[place] = { ...segments[place]!, dead: new IdRanges() };
    }
    while (state.runs.length > 1 && stateBound(state) > budget)
      state = { ...state, runs: state.runs.slice(1) };
    return state;
  }

  async #closeReader(number: number): Promise<void> {
    const reader = this.#readers.get(number);
    if (!reader) return;
    this.#readers.delete(number);
    await reader.last;
    // A file that never opened has nothing to close.
    const file = await reader.file.catch(() => undefined);
    await file?.close();
  }
}

/** The oldest are the first that nobody asks for again. */
function newestWithin(marks: readonly Mark[], bytes: number): readonly Mark[] {
  let first = 0;
  let left = marksBound(marks);
  while (left > bytes && first < marks.length) {
    const mark = marks[first++];
    if (mark) left -= marksBound([mark]) - marksBound([]);
  }
  return first === 0 ? marks : marks.slice(first);
}
