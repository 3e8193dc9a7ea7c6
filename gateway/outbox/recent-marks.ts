import type { Mark } from "./outbox.ts";

/** Marks that are remembered: far more than a broker has under way to one consumer. */
export const mostMarks = 4096;
/** Bytes of UTF-8 that a mark may have. */
export const longestMark = 128;

/** The newest marks, oldest first, each once. */
export class RecentMarks implements Iterable<Mark> {
  readonly #marks = new Map<string, Mark>();
  readonly #capacity: number;

  constructor(capacity = mostMarks) {
    this.#capacity = capacity;
  }

  /** One that is known keeps its place: what it marks was stored then. */
  add({ audience, mark }: Mark): void {
    const key = `${audience}\n${mark}`;
    if (this.#marks.has(key)) return;
    this.#marks.set(key, { audience, mark });
    for (const oldest of this.#marks.keys()) {
      if (this.#marks.size <= this.#capacity) break;
      this.#marks.delete(oldest);
    }
  }

  /** Those that a stored pack carries. */
  addOf({ audience, marks }: { readonly audience: string; readonly marks?: readonly string[] }): void {
    for (const mark of marks ?? []) this.add({ audience, mark });
  }

  [Symbol.iterator](): Iterator<Mark> {
    return this.#marks.values();
  }
}

/** Those that all of several outboxes know, in the order of the first. */
export function commonMarks(outboxes: readonly (readonly Mark[])[]): readonly Mark[] {
  const [first = [], ...others] = outboxes;
  const known = others.map((marks) => new Set(marks.map(({ audience, mark }) => `${audience}\n${mark}`)));
  return first.filter(({ audience, mark }) => known.every((set) => set.has(`${audience}\n${mark}`)));
}
