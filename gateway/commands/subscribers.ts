import type { CommandResult } from "../model/command.ts";

const longestQueue = 256;

interface Reader {
  readonly wants: (result: CommandResult) => boolean;
  readonly queue: CommandResult[];
  lost: number;
  wake: (() => void) | undefined;
}

/** Those who listen to results. Nobody can make the desk wait: of a slow reader the oldest are dropped, and it is told. */
export class Subscribers {
  readonly #readers = new Set<Reader>();
  #closed = false;

  publish(result: CommandResult): void {
    for (const reader of this.#readers) {
      if (!reader.wants(result)) continue;
      reader.queue.push(result);
      if (reader.queue.length > longestQueue) {
        reader.queue.shift();
        reader.lost++;
      }
      reader.wake?.();
    }
  }

  /** Ends all readers once they have read what is there. */
  close(): void {
    this.#closed = true;
    for (const { wake } of this.#readers) wake?.();
  }

  /** Results from the moment of the call on, even before the first one is asked for. Ends with the signal. */
  listen(
    signal: AbortSignal,
    wants: (result: CommandResult) => boolean = () => true,
    first: readonly CommandResult[] = [],
  ): AsyncGenerator<CommandResult | { readonly lost: number }, void, undefined> {
    const reader: Reader = { wants, queue: [...first], lost: 0, wake: undefined };
    this.#readers.add(reader);
    const leave = () => {
      this.#readers.delete(reader);
      reader.wake?.();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    return this.#read(reader, signal, leave);
  }

  async *#read(
    reader: Reader,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<CommandResult | { readonly lost: number }, void, undefined> {
    try {
      while (!signal.aborted) {
        if (reader.lost > 0) {
          const { lost } = reader;
          reader.lost = 0;
          yield { lost };
        }
        const next = reader.queue.shift();
        if (next) yield next;
        else if (this.#closed) return;
        else
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
        reader.wake = undefined;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }
}
