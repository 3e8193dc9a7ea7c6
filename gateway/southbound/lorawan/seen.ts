/**
 * Work that is done once per key, the most recent keys only: who asks again for the same gets the same
 * promise. Work that failed is forgotten, so that it can be tried again.
 */
export class Seen {
  readonly #work = new Map<string, Promise<void>>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The work under this key, or undefined when it is new. */
  get(key: string): Promise<void> | undefined {
    return this.#work.get(key);
  }

  set(key: string, work: Promise<void>): void {
    this.#work.delete(key);
    this.#work.set(key, work);
    work.catch(() => {
      if (this.#work.get(key) === work) this.#work.delete(key);
    });
    for (const oldest of this.#work.keys()) {
      if (this.#work.size <= this.#capacity) break;
      this.#work.delete(oldest);
    }
  }
}
