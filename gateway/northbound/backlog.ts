import type { Clock } from "../model/clock.ts";
import type { StoredPack } from "../outbox/outbox.ts";
import type { BacklogRate } from "./northbound.ts";

/** A stored pack whose bytes have absolute times. */
export interface ReadyPack {
  readonly pack: StoredPack;
  readonly bytes: Uint8Array;
  /** The times are the best known, not confirmed. */
  readonly estimated: boolean;
}

/**
 * Which stored packs may leave together: neighbours of one audience and run whose seq follow each
 * other, up to `maxBytes` in sum. Groups come in the order of their first pack and a group is never
 * reopened after its audience went on, so the order within an audience stays. Packs in `alone` stay
 * by themselves.
 */
export function groupBacklog(
  packs: readonly ReadyPack[],
  maxBytes: number,
  alone: ReadonlySet<number>,
): ReadyPack[][] {
  const groups: ReadyPack[][] = [];
  const open = new Map<string, { group: ReadyPack[]; bytes: number; last: ReadyPack }>();
  for (const entry of packs) {
    const { pack, bytes, estimated } = entry;
    const current = open.get(pack.audience);
    const fits =
      current !== undefined &&
      current.last.pack.run === pack.run &&
      current.last.pack.seq + 1 === pack.seq &&
      current.last.estimated === estimated &&
      !alone.has(pack.id) &&
      !alone.has(current.last.pack.id) &&
      current.bytes + bytes.length <= maxBytes;
    if (fits) {
      current.group.push(entry);
      current.bytes += bytes.length;
      current.last = entry;
    } else {
      const group = [entry];
      groups.push(group);
      open.set(pack.audience, { group, bytes: bytes.length, last: entry });
    }
  }
  return groups;
}

/** A bucket of tokens that one second fills; a message larger than it is let through and waited for afterwards. */
export class Pace {
  readonly #clock: Clock;
  readonly #buckets: { readonly perMs: number; readonly cost: (bytes: number) => number; level: number }[];
  #at: number;

  constructor(clock: Clock, { packsPerSecond, bytesPerSecond }: BacklogRate) {
    this.#clock = clock;
    this.#at = clock.monotonic();
    const bucket = (perSecond: number, cost: (bytes: number) => number) => ({
      perMs: perSecond / 1000,
      cost,
      level: Math.max(1, perSecond),
    });
    this.#buckets = [
      ...(packsPerSecond === undefined ? [] : [bucket(packsPerSecond, () => 1)]),
      ...(bytesPerSecond === undefined ? [] : [bucket(bytesPerSecond, (bytes) => bytes)]),
    ];
  }

  /** Whole milliseconds until the next message may leave: a rest of rounding must not be waited for again and again. */
  delayMs(): number {
    this.#refill();
    return Math.max(
      0,
      ...this.#buckets.map(({ level, perMs }) => (level >= 1 ? 0 : Math.ceil((1 - level) / perMs))),
    );
  }

  /** A message of `bytes` leaves. */
  spend(bytes: number): void {
    this.#refill();
    for (const bucket of this.#buckets) bucket.level -= bucket.cost(bytes);
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    for (const bucket of this.#buckets)
      bucket.level = Math.min(
        Math.max(1, bucket.perMs * 1000),
        bucket.level + (now - this.#at) * bucket.perMs,
      );
    this.#at = now;
  }
}

/** Unix ms of the moment that a pack's times count from, and whether that is only the best known. */
export interface BootTime {
  readonly unixMs: number;
  readonly estimated: boolean;
}

/** When boots began, for packs that were built while the wall clock was not trusted. */
export class BootTimes {
  readonly #clock: Clock;
  readonly #remembered: (bootId: string) => number | undefined;
  /** Monotonic ms from which on an estimate is good enough. */
  readonly #patience: number;
  /** Where earlier boots that nobody remembers are put. */
  readonly #guesses = new Map<string, number>();

  constructor(clock: Clock, waitMs: number, remembered: (bootId: string) => number | undefined) {
    this.#clock = clock;
    this.#remembered = remembered;
    this.#patience = clock.monotonic() + waitMs;
  }

  /** For a boot-relative pack. Undefined: wait for the clock. */
  of({ time, bootId }: StoredPack): BootTime | undefined {
    const unixMs =
      bootId === this.#clock.bootId ? this.#clock.toUnix({ base: "boot", ms: 0 }) : this.#remembered(bootId);
    if (unixMs !== undefined) return { unixMs, estimated: false };
    if (!this.#clock.trusted && this.waitMs() > 0) return undefined;
    return { unixMs: this.#guess(bootId, time.ms), estimated: true };
  }

  /** Milliseconds until packs no longer wait for trust. */
  waitMs(): number {
    return Math.max(0, this.#patience - this.#clock.monotonic());
  }

  /**
   * This boot: as the untrusted clock says. An earlier one: it was over when this one began, so the
   * pack seen first (the oldest) is put there; the others keep their distance to it.
   */
  #guess(bootId: string, ms: number): number {
    const start = this.#clock.now() - this.#clock.monotonic();
    if (bootId === this.#clock.bootId) return start;
    const known = this.#guesses.get(bootId);
    if (known !== undefined) return known;
    this.#guesses.set(bootId, start - ms);
    return start - ms;
  }
}
