import type { Clock } from "../model/clock.ts";
import type { Device } from "../model/device.ts";
import type { Reading } from "../model/reading.ts";
import type { WriteOrder, WriteOutcome } from "../southbound/write-order.ts";
import type { Field } from "./command-desk.ts";

/**
 * The field, with a memory of when each device was last written to: a reading from before that no longer
 * shows what the device holds, whatever became of the write.
 */
export class WatchedField implements Field {
  readonly #field: Field;
  readonly #clock: Clock;
  readonly #under = new Map<string, number>();
  /** Monotonic ms. */
  readonly #endedAt = new Map<string, number>();

  constructor(field: Field, clock: Clock) {
    this.#field = field;
    this.#clock = clock;
  }

  device(id: string): Device | undefined {
    return this.#field.device(id);
  }

  latest(device: string, point: string): Reading | undefined {
    return this.#field.latest(device, point);
  }

  expectWrite(device: string): Disposable | undefined {
    return this.#field.expectWrite?.(device);
  }

  async write(device: string, order: WriteOrder, signal: AbortSignal): Promise<WriteOutcome> {
    this.#under.set(device, (this.#under.get(device) ?? 0) + 1);
    try {
      return await this.#field.write(device, order, signal);
    } finally {
      const left = (this.#under.get(device) ?? 1) - 1;
      if (left === 0) this.#under.delete(device);
      else this.#under.set(device, left);
      this.#endedAt.set(device, this.#clock.monotonic());
    }
  }

  /** Whether nothing was written to the device in the last so many ms, nor is now. */
  untouchedFor(device: string, ms: number): boolean {
    if (this.#under.has(device)) return false;
    const endedAt = this.#endedAt.get(device);
    return endedAt === undefined || this.#clock.monotonic() - endedAt > ms;
  }
}
