/** A queue that wakes whoever waits, for one listener. */
export class Fan<T> {
  readonly #listeners = new Set<(item: T) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  tell(item: T): void {
    for (const listener of this.#listeners) listener(item);
  }

  async *listen(signal: AbortSignal): AsyncGenerator<T> {
    const queue: T[] = [];
    let wake = Promise.withResolvers<void>();
    const listener = (item: T) => {
      queue.push(item);
      wake.resolve();
    };
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => wake.resolve(), { once: true });
    try {
      while (!signal.aborted) {
        yield* queue.splice(0);
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
