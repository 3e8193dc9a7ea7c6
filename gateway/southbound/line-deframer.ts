import type { Deframer } from "./exchange.ts";

/** How lines of text (or short telegrams) follow each other. */
export interface LineFraming {
  /** Byte sequences that end a line; any of them does, the longest that fits wins. */
  readonly terminators: readonly Uint8Array[];
  /** Lines of exactly so many bytes, where nothing ends them. */
  readonly length?: number | undefined;
  /** Silence that ends a line where nothing else does, or gives up the beginning of one, ms. */
  readonly silenceMs?: number | undefined;
  /** Bytes that only ever begin a line: what precedes the last of them is no part of it. */
  readonly starts: readonly number[];
  /** Most bytes of a line, its end not counted. */
  readonly max: number;
}

/**
 * Cuts a stream into lines without their ends; empty lines are none. What is too long is counted and
 * skipped up to the next end. Holds back at most `max` bytes and one terminator.
 */
export class LineDeframer implements Deframer<Uint8Array> {
  readonly statistics = { lines: 0, "too-long": 0, skipped: 0 };
  /** Whether a request may forget the beginning of a line that nobody asked for. */
  resettable = true;
  #framing: LineFraming | undefined;
  #terminators: readonly Uint8Array[] = [];
  #longest = 0;
  /** Which bytes begin a line, which end a terminator. */
  #isStart = new Uint8Array(256);
  #isLast = new Uint8Array(256);
  #held = new Uint8Array(0);
  #count = 0;
  #overflown = false;

  constructor(framing?: LineFraming) {
    if (framing) this.use(framing);
  }

  /** Changes the framing; what is held back is forgotten. Until there is one, all bytes are skipped. */
  use(framing: LineFraming): void {
    this.#framing = framing;
    this.#terminators = framing.terminators.toSorted((a, b) => b.length - a.length);
    this.#longest = this.#terminators[0]?.length ?? 0;
    this.#isStart = flags(framing.starts);
    this.#isLast = flags(this.#terminators.map((bytes) => bytes.at(-1) ?? 0));
    this.#held = new Uint8Array(Math.max(framing.max, framing.length ?? 0) + this.#longest);
    this.reset();
  }

  get quietMs(): number | undefined {
    return this.#framing?.silenceMs;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const framing = this.#framing;
    const lines: Uint8Array[] = [];
    if (!framing) {
      this.statistics.skipped += chunk.length;
      return lines;
    }
    const needsStart = framing.starts.length > 0;
    for (const byte of chunk) {
      if (needsStart) {
        if (this.#isStart[byte]) this.#drop();
        else if (this.#count === 0) {
          if (!this.#isLast[byte]) this.statistics.skipped += 1;
          continue;
        }
      }
      this.#keep(byte);
      if (framing.length !== undefined && this.#count === framing.length) this.#end(0, lines);
      else if (this.#isLast[byte]) {
        const terminator = this.#terminators.find((bytes) => this.#endsWith(bytes));
        if (terminator) this.#end(terminator.length, lines);
      }
    }
    return lines;
  }

  /** The silence that ends a line; where lines end otherwise, what it interrupts is given up. */
  quiet(): readonly Uint8Array[] {
    const framing = this.#framing;
    const lines: Uint8Array[] = [];
    if (framing && framing.terminators.length === 0 && framing.length === undefined) this.#end(0, lines);
    else this.#drop();
    return lines;
  }

  reset(): void {
    if (this.resettable) this.#drop();
  }

  /** Given up: too long already said so. */
  #drop(): void {
    if (!this.#overflown) this.statistics.skipped += this.#count;
    else this.statistics["too-long"] += 1;
    this.#count = 0;
    this.#overflown = false;
  }

  #keep(byte: number): void {
    if (this.#count === this.#held.length) {
      // Only what may be the beginning of its end is still of interest.
      const kept = Math.max(0, this.#longest - 1);
      this.#held.copyWithin(0, this.#count - kept, this.#count);
      this.#count = kept;
      this.#overflown = true;
      if (this.#held.length === 0) return;
    }
    this.#held[this.#count] = byte;
    this.#count += 1;
  }

  #endsWith(bytes: Uint8Array): boolean {
    const from = this.#count - bytes.length;
    return from >= 0 && bytes.every((byte, index) => this.#held[from + index] === byte);
  }

  #end(terminator: number, lines: Uint8Array[]): void {
    const size = this.#count - terminator;
    if (this.#overflown || size > (this.#framing?.length ?? this.#framing?.max ?? 0))
      this.statistics["too-long"] += 1;
    else if (size > 0) {
      this.statistics.lines += 1;
      lines.push(this.#held.slice(0, size));
    }
    this.#count = 0;
    this.#overflown = false;
  }
}

function flags(bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const found = new Uint8Array(256);
  for (const byte of bytes) found[byte] = 1;
  return found;
}
