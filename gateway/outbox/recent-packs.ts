import type { StoredPack } from "./outbox.ts";

/** The last packs appended, up to a number of bytes: the forwarder mostly wants just these. */
export class RecentPacks {
  readonly #limit: number;
  readonly #packs = new Map<number, StoredPack>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(id: number): StoredPack | undefined {
    return this.#packs.get(id);
  }

  add(pack: StoredPack): void {
    this.#packs.set(pack.id, pack);
    this.#bytes += pack.bytes.length;
    for (const id of this.#packs.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.forget(id);
    }
  }

  forget(id: number): void {
    const pack = this.#packs.get(id);
    if (!pack) return;
    this.#packs.delete(id);
    this.#bytes -= pack.bytes.length;
  }
}
