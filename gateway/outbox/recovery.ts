// A little long: what one reading of the files decides, in the order in which it is decided.
import { StorageError } from "../model/errors.ts";
import type { Disk, DiskFile } from "../store/disk.ts";
import { decodeHeader, headerBytes, type LogState, newerFormat, type SegmentHeader } from "./format.ts";
import { IdRanges } from "./id-ranges.ts";
import type { Gap, PackHead, PreviousRun } from "./outbox.ts";
import type { Place } from "./pack-queue.ts";
import { RecentMarks } from "./recent-marks.ts";
import { scanSegment } from "./scan.ts";
import { ballastName, type LogContents, type Segment } from "./segment-log.ts";

/** Segments are read whole; a header that claims more is not believed. */
const maxSegmentBytes = 64 * 2 ** 20;

const damagedName = /^segment-(\d{10})\.damaged-\d+$/;

export interface Recovered {
  readonly contents: LogContents;
  readonly nextId: number;
  readonly acked: IdRanges;
  readonly previousRuns: readonly PreviousRun[];
  readonly marks: RecentMarks;
  /** Seqs that were stored and are gone. */
  readonly gaps: readonly Gap[];
}

interface RecoveredPack {
  readonly id: number;
  readonly head: PackHead;
  readonly bytes: number;
  readonly at: Place;
}

/**
 * Reads what an earlier run left and changes nothing; it syncs the newest segment and the names.
 * `found` gets every pack that may be waiting (false: it has that id already); which of them are
 * acked is known at the end. Throws StorageError (`outbox-newer-format` before anything else).
 */
export async function recover(disk: Disk, found: (pack: RecoveredPack) => boolean): Promise<Recovered> {
  const names = await disk.list();
  await using stack = new AsyncDisposableStack();
  const files = await readHeaders(disk, names, stack);
  const newest = await newestState(files);
  const survey = new Survey();
  const segments: Segment[] = [];
  const litter: string[] = [];
  const acked = new IdRanges();
  /** Settled copies: another copy of the same id may still wait. */
  const dead = new IdRanges();
  const marks = new RecentMarks();
  let nextId = newest?.state.nextId ?? 1;

  const listed = new Map(newest?.state.segments.map((segment) => [segment.number, segment]));
  for (const file of files) {
    const { number } = file;
    const known = listed.get(number);
    if (newest && number < newest.number && !known) {
      // The newest state no longer knows it: its removal just had not become durable.
      litter.push(file.name);
      continue;
    }
    const isLast = file === files.at(-1);
    if (!file.header && isLast && !known) {
      litter.push(file.name);
      continue;
    }
    survey.begin(number);
    const segment: Segment = {
      number,
      name: file.name,
      length: file.header?.length ?? 0,
      salt: file.header?.salt ?? 0,
      end: headerBytes,
      alive: 0,
      dead: new IdRanges(),
      damaged: false,
      stated: false,
    };
    segments.push(segment);
    if (!file.header) {
      segment.damaged = true;
      survey.damaged();
      continue;
    }
    const bytes = (newest?.number === number ? newest.bytes : undefined) ?? (await readSegment(file.file));
    if (isLast) await syncTail(disk, file.file);
    if (!bytes) {
      segment.damaged = true;
      survey.damaged();
      continue;
    }
    let durable = known?.end ?? 0;
    let group = 0;
    const holes: number[] = [];
    for (const finding of scanSegment(bytes, file.header.salt, known?.end)) {
      segment.end = finding.offset + finding.length;
      if (finding.kind === "damage") {
        holes.push(finding.offset);
        continue;
      }
      const { record } = finding;
      if (record.type === "group") {
        group = record.head.group;
        durable = Math.max(durable, record.head.durable);
      } else if (record.type === "ack") {
        for (const [from, to] of record.ids) acked.add(from, to);
      } else if (record.type === "state") {
        survey.state(record.state);
        for (const mark of record.state.marks) marks.add(mark);
        segment.stated = true;
      } else {
        const { id, head, payload } = record;
        nextId = Math.max(nextId, id + 1);
        survey.pack(id, head);
        marks.addOf(head);
        const place = { segment: number, group, offset: finding.offset, length: finding.length };
        if (known?.dead.has(id)) {
          segment.dead.add(id);
          dead.add(id);
        } else if (found({ id, head, bytes: payload.length, at: place })) segment.alive++;
        else segment.dead.add(id);
      }
    }
    // A hole behind the last sync is a torn write and was never promised; before it, the disk lost something.
    segment.damaged = holes.some((offset) => offset < durable) || segment.end < durable;
    if (holes.length > 0 || segment.damaged) survey.damaged();
    if (holes[0] !== undefined && !segment.damaged) segment.tornAt = holes[0];
    if (known) segment.end = known.end;
  }

  for (const [, to] of acked) nextId = Math.max(nextId, to + 1);
  const numbersSeen = names.map((name) => Number(/^(?:segment|spare)-(\d{10})/.exec(name)?.[1] ?? 0));
  const spares = names.filter((name) => /^spare-\d{10}$/.test(name));
  const contents: LogContents = {
    segments,
    spares,
    litter,
    nextNumber: Math.max(0, ...numbersSeen, ...listed.keys(), await highestInSpares(disk, spares)) + 1,
    quarantined: names.filter((name) => damagedName.test(name)).length,
    ballast: names.includes(ballastName),
  };
  for (const [from, to] of acked) dead.add(from, to);
  return { contents, nextId, acked, previousRuns: survey.runs(), marks, gaps: survey.gaps(dead) };
}

interface SegmentFile {
  readonly number: number;
  readonly name: string;
  readonly file: DiskFile;
  /** Undefined when it and its copy at the end are damaged. */
  readonly header: SegmentHeader | undefined;
}

async function readHeaders(
  disk: Disk,
  names: readonly string[],
  stack: AsyncDisposableStack,
): Promise<SegmentFile[]> {
  const files: (SegmentFile & { readonly stray: SegmentHeader | undefined })[] = [];
  for (const name of names) {
    const number = Number(/^segment-(\d{10})$/.exec(name)?.[1] ?? 0);
    if (number === 0) continue;
    const file = await disk.open(name);
    stack.defer(() => file.close());
    const first = await readHeader(name, file, 0);
    const copyAt = Math.max(0, file.size - headerBytes);
    const copy = first?.number === number ? undefined : await readHeader(name, file, copyAt);
    // A recycled file that crashed before its new header still has the one of its earlier use.
    const header = [first, copy].find((one) => one?.number === number);
    const stray = !header && first?.salt === copy?.salt ? first : undefined;
    files.push({ number, name, file, header, stray });
  }
  // Two files under each other's name, as a repair of the file system may leave them: both headers know better.
  const numberOf = new Map(files.map((file) => [file.number, file.stray?.number]));
  return files
    .map(({ stray, ...file }) =>
      stray && numberOf.get(stray.number) === file.number
        ? { ...file, number: stray.number, header: stray }
        : file,
    )
    .sort((a, b) => a.number - b.number);
}

async function readHeader(name: string, file: DiskFile, at: number): Promise<SegmentHeader | undefined> {
  const bytes = await unlessUnreadable(file.read(at, headerBytes));
  const header = bytes && decodeHeader(bytes);
  if (header === "newer") throw newerFormat(name);
  return header && header.length <= maxSegmentBytes ? header : undefined;
}

/**
 * A spare may hold the header of a use that never became durable under its name. Were that number given
 * again, its old content would pass as the new segment's until the first write.
 */
async function highestInSpares(disk: Disk, spares: readonly string[]): Promise<number> {
  let highest = 0;
  for (const name of spares) {
    await using stack = new AsyncDisposableStack();
    const file = await disk.open(name);
    stack.defer(() => file.close());
    for (const at of [0, Math.max(0, file.size - headerBytes)]) {
      const bytes = await unlessUnreadable(file.read(at, headerBytes));
      const header = bytes && decodeHeader(bytes);
      if (header === "newer") throw newerFormat(name);
      highest = Math.max(highest, header?.number ?? 0);
    }
  }
  return highest;
}

/** Undefined when the disk cannot read it. */
async function readSegment(file: DiskFile): Promise<Buffer | undefined> {
  const bytes = await unlessUnreadable(file.read(0, Math.min(file.size, maxSegmentBytes)));
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

async function unlessUnreadable<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StorageError && error.code === "disk-io") return undefined;
    throw error;
  }
}

/** After a mere process crash the tail, and the file's very name, may still be in memory only. */
async function syncTail(disk: Disk, file: DiskFile): Promise<void> {
  try {
    await file.sync();
    await disk.syncNames();
  } catch (error) {
    // An ill disk shows itself at the first commit; what can be read is worth having until then.
    if (!(error instanceof StorageError)) throw error;
  }
}

/** The newest state that can be read: which older segments count, and up to where. */
async function newestState(
  files: readonly SegmentFile[],
): Promise<{ number: number; state: LogState; bytes: Buffer } | undefined> {
  for (const { number, file, header } of files.toReversed()) {
    const bytes = header && (await readSegment(file));
    if (!bytes) continue;
    for (const finding of scanSegment(bytes, header.salt)) {
      if (finding.kind !== "record") continue;
      if (finding.record.type === "state") return { number, state: finding.record.state, bytes };
      if (finding.record.type === "group" && finding.record.head.group > 2) break;
    }
  }
  return undefined;
}

interface Look {
  readonly number: number;
  damaged: boolean;
  state: LogState | undefined;
  /** Highest seq per stream known before this segment. */
  readonly before: Map<string, number>;
  readonly idBefore: number;
}

/** Collects which ids and seqs were seen, so that a hole can be named. */
class Survey {
  readonly #looks: Look[] = [];
  readonly #ids = new IdRanges();
  readonly #streams = new Map<string, { run: string; audience: string; seqs: IdRanges; last: number }>();
  #lastId = 0;

  begin(number: number): void {
    const before = new Map(Array.from(this.#streams, ([key, { last }]) => [key, last]));
    this.#looks.push({ number, damaged: false, state: undefined, before, idBefore: this.#lastId });
  }

  damaged(): void {
    this.#looks.at(-1)!.damaged = true;
  }

  state(state: LogState): void {
    const look = this.#looks.at(-1)!;
    look.state = state;
    for (const { run, audience, lastSeq } of state.runs) {
      this.#raise(run, audience, lastSeq);
      look.before.set(`${run}\n${audience}`, lastSeq);
    }
  }

  pack(id: number, { run, audience, seq }: PackHead): void {
    this.#ids.add(id);
    this.#lastId = Math.max(this.#lastId, id);
    this.#raise(run, audience, seq).seqs.add(seq);
  }

  runs(): PreviousRun[] {
    return Array.from(this.#streams.values(), ({ run, audience, last }) => ({
      run,
      audience,
      lastSeq: last,
    }));
  }

  /** A seq is missing when it lies between what was stored before a damaged segment and what was by its end, and is nowhere. */
  gaps(settled: IdRanges): Gap[] {
    const gaps: Gap[] = [];
    for (const [index, look] of this.#looks.entries()) {
      if (!look.damaged) continue;
      const next = this.#looks.slice(index + 1).find(({ state }) => state)?.state;
      const firstId = look.state?.nextId ?? look.idBefore + 1;
      const lastId = next ? next.nextId - 1 : this.#lastId;
      const unsettled = [...this.#ids.missing(firstId, lastId)].some(([from, to]) => {
        return !settled.missing(from, to).next().done;
      });
      if (!unsettled) continue;
      for (const [key, { run, audience, seqs, last }] of this.#streams) {
        const upTo = next
          ? next.runs.find((each) => each.run === run && each.audience === audience)?.lastSeq
          : last;
        if (upTo === undefined) continue;
        // Without the state we cannot tell what was acked and removed before: only holes between what is there count.
        const first = [...seqs][0]?.[0] ?? upTo + 1;
        const before = look.before.get(key) ?? (look.state ? 0 : first - 1);
        for (const [from, to] of seqs.missing(before + 1, upTo)) {
          gaps.push({ audience, run, from, to, readings: 0, reason: "damaged" });
        }
      }
    }
    return gaps;
  }

  #raise(run: string, audience: string, seq: number): { seqs: IdRanges; last: number } {
    const key = `${run}\n${audience}`;
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = { run, audience, seqs: new IdRanges(), last: 0 };
      this.#streams.set(key, stream);
    }
    stream.last = Math.max(stream.last, seq);
    return stream;
  }
}
