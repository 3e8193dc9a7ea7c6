import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { decodePayload } from "./format.ts";
import type { StoredPack } from "./outbox.ts";
import type { PackIndex } from "./pack-index.ts";
import type { Entry } from "./pack-queue.ts";
import type { SegmentLog } from "./segment-log.ts";

const readAhead = 256 * 1024;

/** Reads waiting packs back from the segments, while they may be acked or rewritten elsewhere. */
export class PackReader {
  readonly #index: PackIndex;
  readonly #segments: SegmentLog;
  readonly #log: Log;
  readonly #onDamaged: (entry: Entry) => void;
  /** Packs that the disk cannot read; kept for a better day. */
  readonly #unreadable = new Set<number>();

  constructor(index: PackIndex, segments: SegmentLog, log: Log, onDamaged: (entry: Entry) => void) {
    this.#index = index;
    this.#segments = segments;
    this.#log = log;
    this.#onDamaged = onDamaged;
  }

  /** How many packs the disk cannot read. */
  get unreadable(): number {
    return this.#unreadable.size;
  }

  isUnreadable(id: number): boolean {
    return this.#unreadable.has(id);
  }

  forget(id: number): void {
    this.#unreadable.delete(id);
  }

  /** The entries from `start` that lie behind each other on disk: one read. */
  neighbours(entries: readonly Entry[], start: number): Entry[] {
    const first = entries[start]!;
    const together = [first];
    for (const entry of entries.slice(start + 1)) {
      const last = together.at(-1)!.at;
      const gap = entry.at.offset - (last.offset + last.length);
      if (entry.at.segment !== first.at.segment || gap < 0 || gap > 4_096) break;
      if (entry.at.offset + entry.at.length - first.at.offset > readAhead) break;
      together.push(entry);
    }
    return together;
  }

  /** All that can be read of these packs of one segment, in order of offset; one bad sector must not hide the rest. */
  async each(entries: readonly Entry[]): Promise<{ packs: StoredPack[]; failure?: unknown }> {
    try {
      return { packs: await this.#read(entries) };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (entries.length === 1) {
        const now = this.#index.find(entries[0]!.id);
        if (!now) return { packs: [] };
        if (now.at.segment !== entries[0]!.at.segment) return this.each([now]);
        this.#unreadable.add(entries[0]!.id);
        this.#log.error({ error, ...entries[0]!.at }, "stored pack cannot be read");
        return { packs: [], failure: error };
      }
    }
    const all = { packs: [] as StoredPack[], failure: undefined as unknown };
    for (const entry of entries) {
      const one = await this.each([entry]);
      all.packs.push(...one.packs);
      all.failure ??= one.failure;
    }
    return all;
  }

  /** Reads packs of one segment, in order of offset. What its CRC does not vouch for is given up as damaged. */
  async #read(entries: readonly Entry[]): Promise<StoredPack[]> {
    const first = entries[0]!.at;
    const last = entries.at(-1)!.at;
    const salt = this.#segments.segments.get(first.segment)?.salt ?? 0;
    const read = await this.#segments.read({ ...first, length: last.offset + last.length - first.offset });
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    const packs: StoredPack[] = [];
    for (const entry of entries) {
      const start = entry.at.offset - first.offset;
      const record = decodePayload(bytes.subarray(start, start + entry.at.length), salt, entry.at.group);
      if (!record) {
        const now = this.#index.find(entry.id);
        if (now?.at.segment !== entry.at.segment) {
          // Acked, or rewritten elsewhere while we read: no damage.
          if (now) packs.push(...(await this.#read([now])));
          continue;
        }
        this.#log.error({ segment: entry.at.segment, offset: entry.at.offset }, "stored pack is damaged");
        this.#index.take(entry.id);
        this.#onDamaged(entry);
        continue;
      }
      const { run, audience, bootId } = this.#index.streamOf(entry);
      packs.push({
        id: entry.id,
        lane: record.lane,
        audience,
        run,
        seq: entry.seq,
        time: { base: entry.timeBase === "unix" ? "unix" : "boot", ms: entry.time },
        bootId,
        readings: entry.readings,
        bytes: record.payload,
      });
    }
    return packs;
  }
}
