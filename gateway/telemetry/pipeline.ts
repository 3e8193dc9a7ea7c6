import type { Clock } from "../model/clock.ts";
import type { Log } from "../model/log.ts";
import { isPersonal } from "../model/privacy.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import { LatestValues } from "./latest.ts";
import type { PackBuilder } from "./pack-builder.ts";
import { PrivacyFilter } from "./privacy.ts";
import { PrivacyError } from "./privacy-door.ts";
import { ReportFilter } from "./report-filter.ts";

/** How often points that fell silent are looked for, ms. */
const staleCheckMs = 1000;
/** A counter that is lower than before is told at most so often, ms. */
const resetLogMs = 24 * 3_600_000;

/**
 * The way of every reading: latest value and subscribers first, then the report filter, then the
 * pack of its audience; views that privacy steps make of it go the same way beside it. Polled readings are not waited for: the next poll brings the next value, and
 * the pack builder bounds what is on its way.
 */
export class Pipeline implements Disposable {
  readonly latest = new LatestValues();
  readonly #filter: ReportFilter;
  readonly #privacy: PrivacyFilter;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #builder: Pick<PackBuilder, "add">;
  readonly #record: (readings: readonly Reading[]) => void;
  /** When each counter's reset was told, monotonic ms, by device and name. */
  readonly #resets = new Map<string, number>();
  #timer: Disposable | undefined;
  #taken = 0;

  /** @param record what is sent is kept here as well: must not wait nor throw */
  constructor(
    clock: Clock,
    log: Log,
    builder: Pick<PackBuilder, "add">,
    record: (readings: readonly Reading[]) => void = () => {},
  ) {
    this.#record = record;
    this.#clock = clock;
    this.#log = log;
    this.#builder = builder;
    this.#privacy = new PrivacyFilter(clock);
    this.#filter = new ReportFilter((reading, before) => this.#counterReset(reading, before));
    this.#watch();
  }

  /** Readings that came from devices since the start. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes readings at once; resolves when those worth sending are durable or deliberately dropped. Rejects
   * when they were lost. `mark`: as PackBuilder.add says; readings of which none is worth sending leave none.
   */
  take(readings: readonly Reading[], mark?: string): Promise<void> {
    this.#taken += readings.length;
    const made = this.#privacy.take(readings);
    return this.#pass(made.length === 0 ? readings : [...readings, ...made], mark);
  }

  #pass(readings: readonly Reading[], mark?: string): Promise<void> {
    const at = this.#clock.monotonic();
    const worthSending: Reading[] = [];
    for (const reading of readings) {
      this.latest.update(reading);
      if (this.#filter.passes(reading, at)) worthSending.push(reading);
    }
    return this.#send(worthSending, mark);
  }

  /** A device that is gone or was configured anew. */
  forget(device: string): void {
    this.latest.forget(device);
    this.#filter.forget(device);
    this.#privacy.forget(device);
    for (const key of this.#resets.keys()) if (key.startsWith(`${device}/`)) this.#resets.delete(key);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #watch(): void {
    this.#timer = this.#clock.timer(staleCheckMs, () => {
      const stale = this.#filter.expire(this.#clock.monotonic(), this.#clock.stamp());
      for (const reading of stale) this.latest.update(reading);
      this.#send(stale).catch(() => {});
      this.#pass(this.#privacy.tick()).catch(() => {});
      this.#watch();
    });
  }

  /** The value goes out as it is; people are told, but not at every step of one that is no counter at all. */
  #counterReset({ device, point, name, value }: Reading, before: Value): void {
    const at = this.#clock.monotonic();
    const key = `${device.id}/${name}`;
    const told = this.#resets.get(key);
    if (told !== undefined && at - told < resetLogMs) return;
    this.#resets.set(key, at);
    const values = isPersonal(point) ? {} : { before: String(before), now: String(value) };
    this.#log.warn(
      { device: device.id, point: name, ...values },
      "the counter is lower than before: a reset",
    );
  }

  async #send(worthSending: readonly Reading[], mark?: string): Promise<void> {
    const readings = worthSending.some(isDropped)
      ? worthSending.filter((reading) => !isDropped(reading))
      : worthSending;
    if (readings.length === 0) return;
    this.#record(readings);
    try {
      await this.#builder.add(readings, "live", mark);
    } catch (error) {
      if (error instanceof PrivacyError) {
        // Deliberately dropped: whoever waits for durability must not send them again.
        this.#log.error({ code: error.code, hint: error.hint }, error.message);
        return;
      }
      // Only when the builder closed before the outbox took them.
      this.#log.warn({ readings: readings.length, error: String(error) }, "readings were not stored");
      throw error;
    }
  }
}

/** Whether the point's own readings stay inside, where its subscribers and views have had them. */
function isDropped({ device, point }: Reading): boolean {
  return device.dropped?.includes(point.name) ?? false;
}
