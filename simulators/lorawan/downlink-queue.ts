/** A downlink that waits for its device, or that waits to be acknowledged. */
export interface QueueItem {
  /** UUID. */
  readonly id: string;
  readonly fPort: number;
  readonly bytes: Uint8Array;
  readonly confirmed: boolean;
  /** Unix ms after which it must not be sent. */
  readonly expiresAt?: number | undefined;
  readonly correlationIds: readonly string[];
  readonly priority?: string | undefined;
  /** Given when it is queued (The Things Stack) or when it is sent (ChirpStack). */
  fCntDown?: number | undefined;
}

/** How a network server keeps its queues. */
export interface QueuePolicy {
  /** Gives the frame counter when the item is queued, not when it is sent. */
  readonly countsAtQueue: boolean;
  /** A confirmed downlink that the device's next uplink does not acknowledge goes to the head of the queue again. */
  readonly resends: boolean;
  /** Milliseconds after which a class C device's silence is a no; without it only the next uplink tells. */
  readonly classCTimeoutMs?: number | undefined;
}

/** Why an item left the queue without being sent. */
export type Discard = "expired" | "too-long";

/** The downlinks of one device, in order. One confirmed downlink at most is on its way; nothing overtakes it. */
export class DownlinkQueue {
  readonly limit: number;
  /** Sent, confirmed, and not yet acknowledged. */
  pending: QueueItem | undefined;
  #items: QueueItem[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  get items(): readonly QueueItem[] {
    return this.#items;
  }

  get full(): boolean {
    return this.#items.length >= this.limit;
  }

  push(item: QueueItem): void {
    this.#items.push(item);
  }

  clear(): void {
    this.#items = [];
  }

  again(item: QueueItem): void {
    this.#items.unshift(item);
  }

  /** The item to send now, left in the queue; whatever cannot be sent any more is thrown out before it. */
  next(
    now: number,
    maxPayload: number,
    discarded: (item: QueueItem, why: Discard) => void,
  ): QueueItem | undefined {
    if (this.pending) return undefined;
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      const why = whyNot(item, now, maxPayload);
      if (!why) return item;
      this.#items.shift();
      discarded(item, why);
    }
    return undefined;
  }

  /** The item is on its way. */
  sent(item: QueueItem): void {
    this.#items = this.#items.filter((other) => other !== item);
    if (item.confirmed) this.pending = item;
  }
}

function whyNot(item: QueueItem, now: number, maxPayload: number): Discard | undefined {
  if (item.expiresAt !== undefined && item.expiresAt <= now) return "expired";
  return item.bytes.length > maxPayload ? "too-long" : undefined;
}
