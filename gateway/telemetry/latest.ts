import type { Reading } from "../model/reading.ts";

/** Which readings somebody wants; what is left out matches all. */
export interface ReadingFilter {
  readonly devices?: readonly string[] | undefined;
  /** Names of readings: `<point>` or `<point>/<bit>`; a point's name also matches its bits. */
  readonly points?: readonly string[] | undefined;
}

export interface SubscriptionBatch {
  /** In order of arrival, at least one. */
  readonly readings: readonly Reading[];
  /** How many older ones were given up since the last batch because this subscriber was slow. */
  readonly lost: number;
}

/** Ends when `close` is called, also by leaving a `for await` loop. */
export interface Subscription extends AsyncIterable<SubscriptionBatch, void, void> {
  close(): void;
}

const defaultCapacity = 1000;

/**
 * The latest reading per device and name, good or not, and those who want to hear of new ones.
 * `update` never waits: a slow subscriber loses its oldest readings and is told how many.
 */
export class LatestValues {
  readonly #devices = new Map<string, Map<string, Reading>>();
  readonly #subscribers = new Set<Subscriber>();

  update(reading: Reading): void {
    const { device, point, name } = reading;
    let readings = this.#devices.get(device.id);
    if (!readings) {
      readings = new Map();
      this.#devices.set(device.id, readings);
    }
    if (point.bits) forgetOthers(readings, reading);
    readings.set(name, reading);
    for (const subscriber of this.#subscribers) subscriber.offer(reading);
  }

  get(device: string, name: string): Reading | undefined {
    return this.#devices.get(device)?.get(name);
  }

  /** In order of first appearance. */
  list(filter: ReadingFilter = {}): Reading[] {
    const matches = matcher(filter);
    return Array.from(this.#devices.values(), (readings) =>
      Array.from(readings.values()).filter(matches),
    ).flat();
  }

  /** A device that is gone from the configuration. */
  forget(device: string): void {
    this.#devices.delete(device);
  }

  /** Every reading from now on that matches; at most `capacity` wait for a slow subscriber. */
  subscribe(filter: ReadingFilter = {}, capacity = defaultCapacity): Subscription {
    const subscriber = new Subscriber(matcher(filter), capacity, () => this.#subscribers.delete(subscriber));
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }
}

/** A bit field is either good bit by bit or not good as a whole: the other kind of entry would be a lie. */
function forgetOthers(readings: Map<string, Reading>, { point, quality }: Reading): void {
  if (quality === "good") readings.delete(point.name);
  else for (const bit of point.bits?.values() ?? []) readings.delete(`${point.name}/${bit}`);
}

function matcher({ devices, points }: ReadingFilter): (reading: Reading) => boolean {
  const wantedDevices = devices && new Set(devices);
  const wantedPoints = points && new Set(points);
  return ({ device, point, name }) =>
    (!wantedDevices || wantedDevices.has(device.id)) &&
    (!wantedPoints || wantedPoints.has(name) || wantedPoints.has(point.name));
}

class Subscriber implements Subscription, AsyncIterator<SubscriptionBatch, void, void> {
  readonly #matches: (reading: Reading) => boolean;
  readonly #capacity: number;
  readonly #leave: () => void;
  /** A ring: `#next` is the oldest. */
  #queue: Reading[] = [];
  #next = 0;
  #lost = 0;
  #closed = false;
  #wake: PromiseWithResolvers<void> | undefined;

  constructor(matches: (reading: Reading) => boolean, capacity: number, leave: () => void) {
    this.#matches = matches;
    this.#capacity = Math.max(1, capacity);
    this.#leave = leave;
  }

  offer(reading: Reading): void {
    if (!this.#matches(reading)) return;
    if (this.#queue.length < this.#capacity) this.#queue.push(reading);
    else {
      this.#queue[this.#next] = reading;
      this.#next = (this.#next + 1) % this.#capacity;
      this.#lost++;
    }
    this.#wake?.resolve();
    this.#wake = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#leave();
    this.#wake?.resolve();
    this.#wake = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<SubscriptionBatch, void, void> {
    return this;
  }

  async next(): Promise<IteratorResult<SubscriptionBatch, void>> {
    while (this.#queue.length === 0 && !this.#closed) {
      this.#wake ??= Promise.withResolvers();
      await this.#wake.promise;
    }
    if (this.#queue.length === 0) return { done: true, value: undefined };
    const readings = this.#queue.slice(this.#next).concat(this.#queue.slice(0, this.#next));
    const lost = this.#lost;
    this.#queue = [];
    this.#next = 0;
    this.#lost = 0;
    return { done: false, value: { readings, lost } };
  }

  async return(): Promise<IteratorResult<SubscriptionBatch, void>> {
    this.close();
    this.#queue = [];
    return { done: true, value: undefined };
  }
}
