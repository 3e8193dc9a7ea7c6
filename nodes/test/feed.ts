/** Items for whoever listens from now on. */
export class Feed<T> {
  readonly #listeners = new Set<(item: T) => void>();
  #joined = Promise.withResolvers<void>();
  #left = Promise.withResolvers<void>();

  get size(): number {
    return this.#listeners.size;
  }

  push(item: T): void {
    for (const listener of this.#listeners) listener(item);
  }

  /** Resolves when somebody listens. */
  joined(): Promise<void> {
    return this.size > 0 ? Promise.resolve() : this.#joined.promise;
  }

  /** Resolves when nobody listens. */
  left(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : this.#left.promise;
  }

  /** Listens from the call on, until the signal aborts. */
  listen(signal: AbortSignal): AsyncIterable<T> {
    const queue: T[] = [];
    let wake = Promise.withResolvers<void>();
    const listener = (item: T) => {
      queue.push(item);
      wake.resolve();
    };
    const leave = () => {
      this.#listeners.delete(listener);
      if (this.size === 0) {
        this.#joined = Promise.withResolvers();
        this.#left.resolve();
        this.#left = Promise.withResolvers();
      }
      wake.resolve();
    };
    this.#listeners.add(listener);
    this.#joined.resolve();
    signal.addEventListener("abort", leave, { once: true });
    return (async function* () {
      try {
        while (!signal.aborted) {
          for (const item of queue.splice(0)) yield item;
          if (queue.length > 0) continue;
          await wake.promise;
          wake = Promise.withResolvers();
        }
      } finally {
        leave();
      }
    })();
  }
}
