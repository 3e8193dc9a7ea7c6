import type { Clock } from "../../model/clock.ts";
import { StorageError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import type { DriverMemory } from "../protocol.ts";
import { FrameCounts } from "./frame-counts.ts";
import { countOfMark } from "./marks.ts";

/** The document is written at most so often: what is newer, the marks tell. */
const saveEveryMs = 60_000;

interface Kept {
  readonly last: number;
  readonly missing: readonly number[];
}

/**
 * The frame counters of uplinks that are stored, over restarts, so that a gap that a restart leaves is
 * told and none is invented. The marks of stored packs are exact; the document is for devices that have
 * been silent for so long that their marks are gone.
 */
export class KeptCounts {
  readonly #memory: DriverMemory | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counts = new Map<string, FrameCounts>();
  #timer: Disposable | undefined;
  #saving: Promise<void> = Promise.resolve();
  #changed = false;

  private constructor(memory: DriverMemory | undefined, clock: Clock, log: Log) {
    this.#memory = memory;
    this.#clock = clock;
    this.#log = log;
  }

  /** What an earlier run left. Never rejects: what cannot be read is counted anew. */
  static async open(
    memory: DriverMemory | undefined,
    marks: readonly string[],
    clock: Clock,
    log: Log,
  ): Promise<KeptCounts> {
    const kept = new KeptCounts(memory, clock, log);
    try {
      const document = await memory?.load();
      for (const [device, { last, missing }] of devicesOf(document))
        kept.#counts.set(device, new FrameCounts(last, missing));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ code: error.code }, "the frame counters of the last run cannot be read");
    }
    for (const mark of marks) {
      const told = countOfMark(mark);
      if (told) kept.#of(told.device).recall(told.fCnt);
    }
    return kept;
  }

  /** To go on from. */
  of(device: string): FrameCounts {
    const { last, missing } = this.#of(device);
    return new FrameCounts(last, missing);
  }

  /** This uplink of the device is stored. */
  stored(device: string, fCnt: number): void {
    this.#of(device).recall(fCnt);
    this.#save();
  }

  /** The device counts from 0 again. */
  restart(device: string): void {
    this.#counts.delete(device);
    this.#save();
  }

  /** Only these are configured. */
  keep(devices: ReadonlySet<string>): void {
    for (const device of this.#counts.keys()) if (!devices.has(device)) this.#counts.delete(device);
  }

  /** Writes what has changed. */
  async flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#write();
    await this.#saving;
  }

  #of(device: string): FrameCounts {
    const known = this.#counts.get(device) ?? new FrameCounts();
    this.#counts.set(device, known);
    return known;
  }

  #save(): void {
    if (!this.#memory) return;
    this.#changed = true;
    this.#timer ??= this.#clock.timer(saveEveryMs, () => {
      this.#timer = undefined;
      this.#write();
    });
  }

  #write(): void {
    const memory = this.#memory;
    if (!memory || !this.#changed) return;
    this.#changed = false;
    const devices = Object.fromEntries(
      Array.from(this.#counts).flatMap(([device, { last, missing }]) =>
        last === undefined ? [] : [[device, { last, missing } satisfies Kept]],
      ),
    );
    this.#saving = this.#saving
      .then(() => memory.save({ devices }))
      .catch((error: unknown) => {
        if (!(error instanceof StorageError)) throw error;
        this.#log.warn({ code: error.code }, "the frame counters are not kept");
      });
  }
}

function* devicesOf(document: unknown): Generator<[string, Kept]> {
  if (typeof document !== "object" || document === null || !("devices" in document)) return;
  const { devices } = document;
  if (typeof devices !== "object" || devices === null) return;
  for (const [device, kept] of Object.entries(devices)) {
    if (isKept(kept)) yield [device, kept];
  }
}

function isKept(value: unknown): value is Kept {
  return (
    typeof value === "object" &&
    value !== null &&
    "last" in value &&
    Number.isSafeInteger(value.last) &&
    "missing" in value &&
    Array.isArray(value.missing) &&
    value.missing.every((one) => Number.isSafeInteger(one))
  );
}
