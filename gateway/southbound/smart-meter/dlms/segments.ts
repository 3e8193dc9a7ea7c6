/** Longest content that is put together. */
const maxContentBytes = 16_384;

/** Puts the segments of one content together. One content at a time. */
export class Segments {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #next: number | undefined;

  /**
   * The whole content with its last segment, "lost" when this one does not follow the one before or
   * the whole is too long, undefined while more must come.
   *
   * @param sequence number of the segment, where the link counts, to `greatest` and on from 0
   * @param first the number that a content begins with, where there is such a rule
   */
  add(
    part: Uint8Array,
    sequence: number | undefined,
    last: boolean,
    greatest: number,
    first = sequence,
  ): Uint8Array | "lost" | undefined {
    if (sequence !== (this.#parts.length > 0 ? this.#next : first)) {
      this.clear();
      return "lost";
    }
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#next = sequence === undefined ? undefined : sequence === greatest ? 0 : sequence + 1;
    if (this.#bytes > maxContentBytes) {
      this.clear();
      return "lost";
    }
    if (!last) return undefined;
    const content = this.#parts.length === 1 ? part : new Uint8Array(Buffer.concat(this.#parts));
    this.clear();
    return content;
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#next = undefined;
  }
}
