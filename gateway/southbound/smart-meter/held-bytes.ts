/** Bytes that a deframer holds back until their frame is whole. Never more than `limit`. */
export class HeldBytes {
  readonly limit: number;
  #bytes = new Uint8Array(512);
  #length = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.limit;
  }

  /** What is held; valid until the next change. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes what there is room for of `chunk` from `start` on, and says how many bytes that were. */
  append(chunk: Uint8Array, start: number): number {
    const count = Math.min(chunk.length - start, this.limit - this.#length);
    const needed = this.#length + count;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.limit, Math.max(needed, 2 * this.#bytes.length)));
      larger.set(this.view);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk.subarray(start, start + count), this.#length);
    this.#length = needed;
    return count;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  clear(): void {
    this.#length = 0;
  }
}
