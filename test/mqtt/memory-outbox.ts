import type { Gap, Lane, Outbox, PackHead, StoredPack } from "../../gateway/outbox/outbox.ts";

/** An outbox in memory for tests of what stands behind it. `age()` turns waiting live packs into backlog. */
export class MemoryOutbox implements Outbox {
  readonly previousRuns = [];
  readonly recentMarks = [];
  readonly dropped: { pack: StoredPack; reason: Gap["reason"] }[] = [];
  readonly acked: number[] = [];
  #packs: (StoredPack & { now: Lane })[] = [];
  #id = 1;
  #waiters: (() => void)[] = [];

  async append(bytes: Uint8Array, head: PackHead): Promise<"disk"> {
    this.#packs.push({ ...head, id: this.#id++, bytes, now: head.lane });
    for (const wake of this.#waiters.splice(0)) wake();
    return "disk";
  }

  age(): void {
    for (const pack of this.#packs) if (pack.now === "live") pack.now = "backlog";
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async peek(lane: Lane, limit: number): Promise<StoredPack[]> {
    return this.#packs.filter(({ now }) => now === lane).slice(0, limit);
  }

  async ack(packs: readonly { readonly id: number }[]): Promise<void> {
    const ids = new Set(packs.map(({ id }) => id));
    this.acked.push(...ids);
    this.#packs = this.#packs.filter(({ id }) => !ids.has(id));
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async drop(packs: readonly StoredPack[], reason: Gap["reason"]): Promise<void> {
    this.dropped.push(...packs.map((pack) => ({ pack, reason })));
    await this.ack(packs);
  }

  waitFor(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#packs.some(({ now }) => lanes.includes(now)), signal);
  }

  /** Resolves when everything was acked or dropped. */
  emptied(): Promise<void> {
    return this.#until(() => this.#packs.length === 0, new AbortController().signal);
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
  }

  status() {
    const count = (lane: Lane) => this.#packs.filter(({ now }) => now === lane).length;
    return {
      packs: this.#packs.length,
      bytes: 0,
      readings: 0,
      oldestMs: 0,
      lanes: { urgent: count("urgent"), live: count("live"), backlog: count("backlog") },
      disk: "ok" as const,
      volatile: 0,
      quarantined: 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
