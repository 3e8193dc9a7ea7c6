import { isBitTable, type Span, type Table } from "./settings.ts";

/** What was read of one unit: the last word of every place, bits as 0 and 1. */
export class RegisterStore {
  readonly #words = new Map<Table, Map<number, number>>();
  #size = 0;

  /** Places of all tables that are known. */
  get size(): number {
    return this.#size;
  }

  has(table: Table): boolean {
    return this.#words.has(table);
  }

  /** What is known of a table, by address. */
  words(table: Table): Iterable<readonly [address: number, word: number]> {
    return this.#words.get(table) ?? [];
  }

  /** @param data the data bytes of the answer that holds the place */
  put({ table, start, count }: Span, data: Uint8Array): void {
    let words = this.#words.get(table);
    if (!words) {
      words = new Map();
      this.#words.set(table, words);
    }
    const before = words.size;
    for (let index = 0; index < count; index++)
      words.set(
        start + index,
        isBitTable(table)
          ? ((data[index >> 3] ?? 0) >> (index & 7)) & 1
          : ((data[2 * index] ?? 0) << 8) | (data[2 * index + 1] ?? 0),
      );
    this.#size += words.size - before;
  }

  /** The data bytes of a place, as the answer to its read would hold them; undefined unless all of it is known. */
  get({ table, start, count }: Span): Uint8Array | undefined {
    const words = this.#words.get(table);
    if (!words) return undefined;
    const bits = isBitTable(table);
    const data = new Uint8Array(bits ? Math.ceil(count / 8) : 2 * count);
    for (let index = 0; index < count; index++) {
      const word = words.get(start + index);
      if (word === undefined) return undefined;
      if (bits) data[index >> 3] = (data[index >> 3] ?? 0) | (word << (index & 7));
      else {
        data[2 * index] = word >> 8;
        data[2 * index + 1] = word & 0xff;
      }
    }
    return data;
  }
}
