import type { Clock } from "../model/clock.ts";
import type { Disk, DiskFile } from "./disk.ts";

/** Knows how long disks have owed an answer: a hung one neither answers nor fails. */
export class DiskWatch {
  readonly #clock: Pick<Clock, "monotonic">;
  /** By operation under way, in the order in which they began: since when. */
  readonly #underWay = new Map<symbol, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Ms that the oldest operation has been under way; 0 when none is. */
  get waitingMs(): number {
    const [since] = this.#underWay.values();
    return since === undefined ? 0 : this.#clock.monotonic() - since;
  }

  /** Waits for `operation`, watched. */
  async wait<T>(operation: Promise<T>): Promise<T> {
    const key = Symbol("operation");
    this.#underWay.set(key, this.#clock.monotonic());
    try {
      return await operation;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** The same disk, watched. */
  watch(disk: Disk): Disk {
    const opened = async (file: Promise<DiskFile>) => this.#file(await this.wait(file));
    return {
      list: () => this.wait(disk.list()),
      create: (name, reserve) => opened(disk.create(name, reserve)),
      open: (name) => opened(disk.open(name)),
      rename: (from, to) => this.wait(disk.rename(from, to)),
      remove: (name) => this.wait(disk.remove(name)),
      syncNames: () => this.wait(disk.syncNames()),
      free: () => this.wait(disk.free()),
    };
  }

  #file(file: DiskFile): DiskFile {
    return {
      get size() {
        return file.size;
      },
      read: (position, length) => this.wait(file.read(position, length)),
      write: (position, bytes) => this.wait(file.write(position, bytes)),
      truncate: (length) => this.wait(file.truncate(length)),
      sync: () => this.wait(file.sync()),
      close: () => this.wait(file.close()),
    };
  }
}
