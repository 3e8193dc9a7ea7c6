/** Where a pack's record is; segment 0 means in memory only. */
export interface Place {
  readonly segment: number;
  readonly group: number;
  readonly offset: number;
  /** Of the whole record. */
  readonly length: number;
}

export const inMemory: Place = { segment: 0, group: 0, offset: 0, length: 0 };

/** What the index keeps of a waiting pack: numbers only, so that a million of them fit in memory. */
export interface Entry {
  readonly id: number;
  /** Index of run and audience in the index's table. */
  readonly stream: number;
  readonly seq: number;
  readonly readings: number;
  /** Of the pack alone. */
  readonly bytes: number;
  readonly at: Place;
  /** The pack's base time in ms, and which clock it counts on. */
  readonly time: number;
  readonly timeBase: TimeBase;
  /** Monotonic ms of the append; -Infinity when an earlier run stored it. */
  readonly appended: number;
}

export const timeBases = ["unix", "this-boot", "other-boot"] as const;
export type TimeBase = (typeof timeBases)[number];

const chunkSize = 256;

/** Up to 256 entries in columns: 70 bytes per entry instead of an object's several hundred. */
class Chunk {
  readonly capacity: number;
  /** Ascending; an id stays where it is when its entry is taken out. */
  readonly id: Float64Array;
  readonly seq: Float64Array;
  readonly time: Float64Array;
  readonly appended: Float64Array;
  readonly bytes: Uint32Array;
  readonly readings: Uint32Array;
  readonly segment: Uint32Array;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  readonly group: Uint32Array;
  readonly stream: Uint32Array;
  readonly timeBase: Uint8Array;
  readonly dead: Uint8Array;
  used = 0;
  alive = 0;
  /** No entry before this one is alive. */
  first = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.id = new Float64Array(capacity);
    this.seq = new Float64Array(capacity);
    this.time = new Float64Array(capacity);
    this.appended = new Float64Array(capacity);
    this.bytes = new Uint32Array(capacity);
    this.readings = new Uint32Array(capacity);
    this.segment = new Uint32Array(capacity);
    this.offset = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
    this.group = new Uint32Array(capacity);
    this.stream = new Uint32Array(capacity);
    this.timeBase = new Uint8Array(capacity);
    this.dead = new Uint8Array(capacity);
  }

  set(place: number, entry: Entry): void {
    this.id[place] = entry.id;
    this.seq[place] = entry.seq;
    this.time[place] = entry.time;
    this.appended[place] = entry.appended;
    this.bytes[place] = entry.bytes;
    this.readings[place] = entry.readings;
    this.place(place, entry.at);
    this.stream[place] = entry.stream;
    this.timeBase[place] = timeBases.indexOf(entry.timeBase);
    this.dead[place] = 0;
  }

  place(place: number, at: Place): void {
    this.segment[place] = at.segment;
    this.group[place] = at.group;
    this.offset[place] = at.offset;
    this.length[place] = at.length;
  }

  get(place: number): Entry {
    return {
      id: this.id[place]!,
      seq: this.seq[place]!,
      time: this.time[place]!,
      appended: this.appended[place]!,
      bytes: this.bytes[place]!,
      readings: this.readings[place]!,
      at: {
        segment: this.segment[place]!,
        group: this.group[place]!,
        offset: this.offset[place]!,
        length: this.length[place]!,
      },
      stream: this.stream[place]!,
      timeBase: timeBases[this.timeBase[place]!]!,
    };
  }
}

/** Entries in ascending order of id. Taking out from anywhere is cheap; adding is cheap at the end. */
export class PackQueue {
  #chunks: Chunk[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** False when the id is already there. */
  add(entry: Entry): boolean {
    let chunk = this.#chunks.at(-1);
    if (chunk && chunk.id[chunk.used - 1]! >= entry.id) return this.#insert(entry);
    if (!chunk || chunk.used === chunk.capacity) {
      // Small at first: most queues stay nearly empty.
      chunk = new Chunk(this.#chunks.length === 0 ? 16 : chunkSize);
      this.#chunks.push(chunk);
    }
    chunk.set(chunk.used++, entry);
    chunk.alive++;
    this.#size++;
    return true;
  }

  find(id: number): Entry | undefined {
    const [chunk, place] = this.#locate(id);
    return chunk && place >= 0 ? chunk.get(place) : undefined;
  }

  take(id: number): Entry | undefined {
    const [chunk, place, index] = this.#locate(id);
    if (!chunk || place < 0) return undefined;
    const entry = chunk.get(place);
    chunk.dead[place] = 1;
    this.#size--;
    if (--chunk.alive === 0) this.#chunks.splice(index, 1);
    else while (chunk.dead[chunk.first] === 1) chunk.first++;
    return entry;
  }

  /** The pack's record is somewhere else now. False when it is not here. */
  move(id: number, to: Place): boolean {
    const [chunk, place] = this.#locate(id);
    if (!chunk || place < 0) return false;
    chunk.place(place, to);
    return true;
  }

  first(): Entry | undefined {
    const chunk = this.#chunks[0];
    return chunk?.get(chunk.first);
  }

  /** In order of id. Nothing may be added or taken out meanwhile. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const chunk of this.#chunks) {
      for (let place = chunk.first; place < chunk.used; place++) {
        if (chunk.dead[place] === 0) yield chunk.get(place);
      }
    }
  }

  /** Rewritten packs come out of order; rare, so it may cost. */
  #insert(entry: Entry): boolean {
    if (this.find(entry.id)) return false;
    const index = Math.max(0, this.#chunkOf(entry.id));
    const old = this.#chunks[index]!;
    const entries: Entry[] = [];
    for (let place = old.first; place < old.used; place++) {
      if (old.dead[place] === 0) entries.push(old.get(place));
    }
    const behind = entries.findIndex((other) => other.id > entry.id);
    entries.splice(behind < 0 ? entries.length : behind, 0, entry);
    const half = entries.length > chunkSize ? chunkSize / 2 : entries.length;
    const parts = [entries.slice(0, half), entries.slice(half)].filter((part) => part.length > 0);
    this.#chunks.splice(
      index,
      1,
      ...parts.map((part) => {
        const chunk = new Chunk(chunkSize);
        for (const each of part) chunk.set(chunk.used++, each);
        chunk.alive = part.length;
        return chunk;
      }),
    );
    this.#size++;
    return true;
  }

  /** Index of the last chunk that begins at or before `id`, -1 when all begin after it. */
  #chunkOf(id: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]!.id[0]! <= id) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #locate(id: number): [Chunk | undefined, place: number, index: number] {
    const index = this.#chunkOf(id);
    const chunk = this.#chunks[index];
    if (!chunk) return [undefined, -1, -1];
    let low = 0;
    let high = chunk.used - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const there = chunk.id[middle]!;
      if (there === id) return chunk.dead[middle] === 0 ? [chunk, middle, index] : [undefined, -1, -1];
      if (there < id) low = middle + 1;
      else high = middle - 1;
    }
    return [undefined, -1, -1];
  }
}
