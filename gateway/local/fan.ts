/** One item for many readers: made into text once. */
export interface FanItem {
  /** JSON. */
  readonly text: string;
  readonly device?: string | undefined;
  /** Name of a reading, `<point>` or `<point>/<bit>`. */
  readonly point?: string | undefined;
}

export interface FanFilter {
  readonly device?: string | undefined;
  readonly point?: string | undefined;
}

/** What a reader is given at once: items in order, and how many it missed before them. */
export interface Taken {
  readonly lost: number;
  readonly items: readonly FanItem[];
}

/**
 * A ring of the newest items that all readers share. A reader is a place in it, so that a thousand slow
 * readers hold no more than one; who falls behind by more than the ring loses the oldest and is told.
 */
export class Fan {
  readonly #capacity: number;
  readonly #idle: () => void;
  readonly #ring: FanItem[] = [];
  readonly #cursors = new Set<Cursor>();
  /** Number of the next item. */
  #next = 0;

  /** @param idle told when the last reader has left */
  constructor(capacity: number, idle: () => void = () => {}) {
    this.#capacity = capacity;
    this.#idle = idle;
  }

  /** Items that are held. */
  get size(): number {
    return this.#ring.length;
  }

  get readers(): number {
    return this.#cursors.size;
  }

  publish(items: readonly FanItem[]): void {
    if (this.#cursors.size === 0) return;
    for (const item of items) {
      this.#ring[this.#next % this.#capacity] = item;
      this.#next++;
    }
    for (const cursor of this.#cursors) cursor.wake();
  }

  /** A loss before the ring: every reader is told. */
  lose(count: number): void {
    for (const cursor of this.#cursors) cursor.lose(count);
  }

  /** Ends all readers. */
  end(): void {
    for (const cursor of [...this.#cursors]) cursor.close();
  }

  /** A new reader, of what comes from now on. */
  join(filter: FanFilter): Cursor {
    const cursor = new Cursor(
      this.#next,
      (place, most) => this.#take(place, filter, most),
      () => {
        this.#cursors.delete(cursor);
        if (this.#cursors.size > 0) return;
        // Nobody reads: nothing is held.
        this.#ring.length = 0;
        this.#next = 0;
        this.#idle();
      },
    );
    this.#cursors.add(cursor);
    return cursor;
  }

  #take(place: number, { device, point }: FanFilter, most: number): Taken & { place: number } {
    const first = Math.max(place, this.#next - this.#capacity);
    const items: FanItem[] = [];
    let at = first;
    for (; at < this.#next && items.length < most; at++) {
      const item = this.#ring[at % this.#capacity]!;
      if (device !== undefined && item.device !== device) continue;
      if (point !== undefined && item.point !== point && !item.point?.startsWith(`${point}/`)) continue;
      items.push(item);
    }
    return { lost: first - place, items, place: at };
  }
}

/** What an event stream reads from. */
export interface EventCursor {
  /** At least one item, or a loss; undefined when it was closed, or there is no more. */
  take(most: number): Promise<Taken | undefined>;
  close(): void;
}

/** A reader's place. */
export class Cursor implements EventCursor {
  #place: number;
  #lost = 0;
  #closed = false;
  #waiting: PromiseWithResolvers<void> | undefined;
  readonly #read: (place: number, most: number) => Taken & { place: number };
  readonly #leave: () => void;

  constructor(
    place: number,
    read: (place: number, most: number) => Taken & { place: number },
    leave: () => void,
  ) {
    this.#place = place;
    this.#read = read;
    this.#leave = leave;
  }

  wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  lose(count: number): void {
    this.#lost += count;
    this.wake();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
    this.wake();
  }

  /** At least one item, or a loss; undefined when it was closed. */
  async take(most: number): Promise<Taken | undefined> {
    while (!this.#closed) {
      const { lost, items, place } = this.#read(this.#place, most);
      this.#place = place;
      this.#lost += lost;
      if (items.length > 0 || this.#lost > 0) {
        const told = this.#lost;
        this.#lost = 0;
        return { lost: told, items };
      }
      this.#waiting ??= Promise.withResolvers();
      await this.#waiting.promise;
    }
    return undefined;
  }
}
