import type { Lane, Outbox, StoredPack } from "../outbox/outbox.ts";

const lanes: readonly Lane[] = ["urgent", "live", "backlog"];

/**
 * Which stored packs are on their way. `peek` of the outbox shows a pack until its acknowledgement
 * is noted, so whoever sends has to remember what was taken.
 */
export class InFlight {
  readonly #outbox: Outbox;
  readonly #taken: Readonly<Record<Lane, Set<number>>> = {
    urgent: new Set(),
    live: new Set(),
    backlog: new Set(),
  };
  /** Released while a `peek` was under way, which may show them still. */
  readonly #released = new Set<number>();
  /** Delivered, but the disk did not take the note of it. */
  readonly #unnoted = new Map<number, StoredPack>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  take(lane: Lane, packs: readonly StoredPack[]): void {
    for (const { id } of packs) this.#taken[lane].add(id);
  }

  release(lane: Lane, packs: readonly StoredPack[]): void {
    for (const { id } of packs) this.#taken[lane].delete(id);
  }

  empty(lane: Lane): boolean {
    return this.#taken[lane].size === 0;
  }

  /** Up to `limit` packs of the lane that are not on their way, oldest first. One call at a time. */
  async peek(lane: Lane, limit: number): Promise<StoredPack[]> {
    this.#released.clear();
    const packs = await this.#outbox.peek(lane, limit + this.#taken[lane].size + this.#unnoted.size);
    return packs.filter(({ id }) => !this.#knows(id)).slice(0, limit);
  }

  /** The far side owns them. Rejects as the outbox does; they are then noted with the next ones and not sent again. */
  async delivered(packs: readonly StoredPack[]): Promise<void> {
    const note = [...packs, ...this.#unnoted.values()];
    await this.#note(note, () => this.#outbox.ack(note));
  }

  /** They are given up. Rejects as the outbox does. */
  async dropped(packs: readonly StoredPack[], reason: "refused" | "damaged"): Promise<void> {
    await this.#note(packs, () => this.#outbox.drop(packs, reason));
  }

  async #note(packs: readonly StoredPack[], write: () => Promise<void>): Promise<void> {
    try {
      await write();
      for (const { id } of packs) {
        this.#released.add(id);
        this.#unnoted.delete(id);
      }
    } catch (error) {
      for (const pack of packs) this.#unnoted.set(pack.id, pack);
      throw error;
    }
  }

  #knows(id: number): boolean {
    return this.#released.has(id) || this.#unnoted.has(id) || lanes.some((lane) => this.#taken[lane].has(id));
  }
}
