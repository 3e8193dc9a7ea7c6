import type { Mark } from "../outbox/outbox.ts";

/** Marks that are known; of more the oldest is forgotten. */
const mostMarks = 8192;

const stored = Promise.resolve();

/** Which marks came with readings of which audience, and what became of those readings. */
export class MarkRegister {
  readonly #taken = new Map<string, Promise<void>>();

  /** What an earlier run stored. */
  remember(marks: Iterable<Mark>): void {
    for (const { audience, mark } of marks) this.#set(keyOf(audience, mark), stored);
  }

  /** Settles with the readings that came with this mark; undefined when none did. */
  taken(audience: string, mark: string): Promise<void> | undefined {
    return this.#taken.get(keyOf(audience, mark));
  }

  /** Who was not stored may come again. */
  take(audience: string, mark: string, done: Promise<void>): void {
    const key = keyOf(audience, mark);
    this.#set(key, done);
    done.then(
      () => {
        // The batch need not live on in its promise.
        if (this.#taken.get(key) === done) this.#taken.set(key, stored);
      },
      () => {
        if (this.#taken.get(key) === done) this.#taken.delete(key);
      },
    );
  }

  #set(key: string, done: Promise<void>): void {
    this.#taken.delete(key);
    this.#taken.set(key, done);
    for (const oldest of this.#taken.keys()) {
      if (this.#taken.size <= mostMarks) break;
      this.#taken.delete(oldest);
    }
  }
}

function keyOf(audience: string, mark: string): string {
  return `${audience}\n${mark}`;
}
