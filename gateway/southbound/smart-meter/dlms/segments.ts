/** Longest content that is put together. */
const maxContentBytes = 16_384;

/** One segment of a content. */
export interface Segment {
  readonly part: Uint8Array;
  /** Its number, where the link counts. */
  readonly sequence: number | undefined;
  readonly last: boolean;
  /** Whether it looks like the first of a content; false where others cannot be the first. */
  readonly begins: boolean | undefined;
}

/** Puts the segments of one content together. One content at a time. */
export class Segments {
  readonly #greatest: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #next: number | undefined;
  #lost = 0;

  /** @param greatest number that a segment can have; after it comes 0 */
  constructor(greatest: number) {
    this.#greatest = greatest;
  }

  /** Contents that never became whole. */
  get lost(): number {
    return this.#lost;
  }

  /** The whole content with its last segment, undefined while more must come or when it cannot be whole. */
  add({ part, sequence, last, begins }: Segment): Uint8Array | undefined {
    const isFirst = this.#parts.length === 0;
    const follows = !isFirst && sequence === this.#next && !(sequence === undefined && begins);
    if (!isFirst && !follows) this.#lose();
    // What does not follow may still be the beginning of the next content.
    if (begins === false && !follows) {
      if (isFirst) this.#lost += 1;
      return undefined;
    }
    if (begins === undefined && !isFirst && !follows) return undefined;
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#next = sequence === undefined ? undefined : sequence === this.#greatest ? 0 : sequence + 1;
    if (this.#bytes > maxContentBytes) {
      this.#lose();
      return undefined;
    }
    if (!last) return undefined;
    const content = this.#parts.length === 1 ? part : new Uint8Array(Buffer.concat(this.#parts));
    this.clear();
    return content;
  }

  #lose(): void {
    this.#lost += 1;
    this.clear();
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#next = undefined;
  }
}
