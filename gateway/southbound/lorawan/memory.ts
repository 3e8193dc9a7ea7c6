import type { Sender } from "./bridge.ts";
import { Downlinks } from "./downlinks.ts";
import { FrameCounts } from "./frame-counts.ts";
import { Seen } from "./seen.ts";
import type { LoraConnection } from "./settings.ts";
import { UnknownDevices } from "./unknown-devices.ts";

/** What is known of one device beyond one connection to the broker. */
export interface DeviceMemory {
  readonly counts: FrameCounts;
  /** Uplinks that were lost and not reported yet. */
  owedGap: number;
  /** Where its downlinks go: learned from what it says. */
  sender: Sender | undefined;
  /** Code of the last event of the server's log. */
  logged: string | undefined;
  /** What was last wrong with its payloads. */
  noted: string | undefined;
}

/** What outlives a broken connection. */
export class Memory {
  readonly seen = new Seen(mostUplinks);
  /** Those whose frame counter has been looked at, taken over or not. */
  readonly counted = new Seen(mostUplinks);
  readonly unknown = new UnknownDevices();
  readonly downlinks = new Downlinks();
  readonly #devices = new Map<string, DeviceMemory>();

  device(id: string): DeviceMemory {
    let known = this.#devices.get(id);
    if (!known) {
      known = {
        counts: new FrameCounts(),
        owedGap: 0,
        sender: undefined,
        logged: undefined,
        noted: undefined,
      };
      this.#devices.set(id, known);
    }
    return known;
  }

  /** Only of devices that are configured, so that nobody outside can make it grow. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#devices.keys()) if (!ids.has(id)) this.#devices.delete(id);
  }
}

/** Uplinks that are known again when they come twice. */
const mostUplinks = 8192;

const memories = new WeakMap<LoraConnection, Memory>();

/** One for each configured connection: the loop opens it again and again with the same settings. */
export function memoryOf(connection: LoraConnection): Memory {
  let known = memories.get(connection);
  if (!known) {
    known = new Memory();
    memories.set(connection, known);
  }
  return known;
}
