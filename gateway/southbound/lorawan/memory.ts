import type { SouthboundContext } from "../protocol.ts";
import type { Sender } from "./bridge.ts";
import { Downlinks } from "./downlinks.ts";
import type { FrameCounts } from "./frame-counts.ts";
import { KeptCounts } from "./kept-counts.ts";
import type { LoraUnit } from "./results.ts";
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

/** Takes a downlink from the server's queue. */
export interface QueueKeeper {
  takeBack(device: LoraUnit, id: string): Promise<void>;
}

/** What outlives a broken connection. */
export class Memory {
  readonly seen = new Seen(mostUplinks);
  /** Those whose frame counter has been looked at, taken over or not. */
  readonly counted = new Seen(mostUplinks);
  readonly unknown = new UnknownDevices();
  readonly downlinks = new Downlinks();
  /** Marks that an earlier run stored. */
  readonly stored: ReadonlySet<string>;
  readonly kept: KeptCounts;
  /** Who speaks with the broker now: what was begun over one connection goes on over the next. */
  line: QueueKeeper | undefined;
  readonly #devices = new Map<string, DeviceMemory>();

  constructor(kept: KeptCounts, stored: Iterable<string>) {
    this.kept = kept;
    this.stored = new Set(stored);
  }

  device(id: string): DeviceMemory {
    let known = this.#devices.get(id);
    if (!known) {
      known = {
        counts: this.kept.of(id),
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
    this.kept.keep(ids);
  }
}

/** Uplinks that are known again when they come twice. */
const mostUplinks = 8192;

const memories = new WeakMap<LoraConnection, Promise<Memory>>();

/** One for each configured connection: the loop opens it again and again with the same settings. */
export function memoryOf(
  connection: LoraConnection,
  { marks = [], memory, clock, log }: Pick<SouthboundContext, "marks" | "memory" | "clock" | "log">,
): Promise<Memory> {
  let known = memories.get(connection);
  if (known === undefined) {
    known = KeptCounts.open(memory, marks, clock, log).then((kept) => new Memory(kept, marks));
    memories.set(connection, known);
  }
  return known;
}
