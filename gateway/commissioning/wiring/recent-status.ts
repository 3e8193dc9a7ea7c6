import type { Clock } from "../../model/clock.ts";
import type { ConnectionStatus } from "../../southbound/status.ts";

/** What happened longer ago than one of these, and surely than two, no longer counts, ms. */
const halfMs = 300_000;

type Counters = Readonly<Record<string, number>>;

interface Base {
  readonly at: number;
  readonly status: ConnectionStatus;
}

/**
 * Counters of running connections as they grew in the last five to ten minutes: so that a line that was repaired
 * is no longer suspected for what it did before.
 */
export class RecentStatus {
  readonly #clock: Clock;
  /** By connection: two moments to count from, the older one first. */
  readonly #bases = new Map<string, readonly [Base, Base]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The status with what its counters grew by. To be told of at least every few minutes. */
  take(status: ConnectionStatus): ConnectionStatus {
    const now = { at: this.#clock.monotonic(), status };
    const [older, newer] = this.#bases.get(status.connection) ?? [now, now];
    if (now.at - newer.at >= halfMs || !this.#bases.has(status.connection))
      this.#bases.set(status.connection, [newer, now]);
    const before = new Map(older.status.devices.map((device) => [device.device, device.errors]));
    return {
      ...status,
      statistics: grown(status.statistics, older.status.statistics),
      devices: status.devices.map((device) => ({
        ...device,
        errors: grown(device.errors, before.get(device.device) ?? {}),
      })),
    };
  }

  /** Forgets all other connections. */
  keep(connections: readonly string[]): void {
    const kept = new Set(connections);
    for (const name of this.#bases.keys()) if (!kept.has(name)) this.#bases.delete(name);
  }
}

/** A counter that fell began anew, as that of a driver does which was opened again. */
function grown(now: Counters, before: Counters): Counters {
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => {
      const earlier = before[name] ?? 0;
      return [name, count >= earlier ? count - earlier : count];
    }),
  );
}
