import type { Random } from "../../gateway/model/clock.ts";
import type { DiskFault } from "./history-plan.ts";
import { SimulatedDisk, type SimulatedDiskOptions } from "./simulated-disk.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface HistoryDisksOptions {
  readonly random: Random;
  /** True time, ms. */
  now(): number;
  /** Negative controls: syncs that do nothing, and a disk that every start finds empty. */
  readonly ignoreSync?: boolean | undefined;
  readonly forgets?: string | undefined;
}

/** The disks of one simulated gateway: what one process leaves on them, the next one finds. */
export class HistoryDisks {
  readonly #options: HistoryDisksOptions;
  readonly #faults = new Map<string, { readonly fault: DiskFault; readonly until: number }>();
  #disks = new Map<string, SimulatedDisk>();
  #ending: { left: number; readonly end: () => void } | undefined;

  constructor(options: HistoryDisksOptions) {
    this.#options = options;
  }

  /** The disk of a name, as the process that `lives` finds it. */
  open(name: string, clock: VirtualClock, lives: () => boolean): SimulatedDisk {
    const { random, ignoreSync = false, forgets } = this.#options;
    const options: SimulatedDiskOptions = {
      random,
      ignoreSync,
      before: () => {
        if (!lives() || !this.#ending || --this.#ending.left > 0) return;
        this.#ending.end();
      },
      delay: async () => {
        if (lives() && this.#fault(name) === "slow") await clock.sleep(20 + 700 * random());
      },
      fail: (operation) => {
        const fault = lives() ? this.#fault(name) : undefined;
        if (!fault || fault === "slow" || ["list", "open", "read"].includes(operation)) return undefined;
        if (fault === "read-only") return "disk-read-only";
        if (fault === "full") return ["write", "create"].includes(operation) ? "disk-full" : undefined;
        return random() < 0.5 ? "disk-io" : undefined;
      },
    };
    let disk = this.#disks.get(name);
    if (!disk || name === forgets) {
      disk = new SimulatedDisk(options);
      this.#disks.set(name, disk);
    }
    disk.options = options;
    return disk;
  }

  break(name: string, fault: DiskFault, forMs: number): void {
    this.#faults.set(name, { fault, until: this.#options.now() + forMs });
  }

  mend(): void {
    this.#faults.clear();
    this.#ending = undefined;
  }

  /** Calls back in the midst of that operation from now on. */
  endAfter(operations: number, end: () => void): void {
    this.#ending = { left: operations, end };
  }

  /** The process has ended: all of them as it left them, or as a power cut does. */
  end(power: boolean): void {
    const { random, ignoreSync = false } = this.#options;
    const options = { random, ignoreSync };
    this.#ending = undefined;
    this.#disks = new Map(
      Array.from(this.#disks, ([name, disk]) => [name, power ? disk.cutPower(options) : disk.copy(options)]),
    );
  }

  /** What all files together take, and how many there are. */
  figures(): { readonly bytes: number; readonly files: number } {
    let [bytes, files] = [0, 0];
    for (const disk of this.#disks.values()) {
      files += disk.names.length;
      for (const name of disk.names) bytes += disk.contents(name).length;
    }
    return { bytes, files };
  }

  #fault(name: string): DiskFault | undefined {
    const found = this.#faults.get(name);
    return found && this.#options.now() < found.until ? found.fault : undefined;
  }
}
