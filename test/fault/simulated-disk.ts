import type { Random } from "../../gateway/model/clock.ts";
import { StorageError } from "../../gateway/model/errors.ts";
import type { Disk, DiskFile } from "../../gateway/store/disk.ts";

export type Operation =
  | "list"
  | "create"
  | "open"
  | "rename"
  | "remove"
  | "syncNames"
  | "read"
  | "write"
  | "truncate"
  | "sync";

interface PendingWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
  /** A failed sync gave it up: it shows until the machine stops, and never reaches the disk. */
  dropped: boolean;
}

/** What a name stands for: the bytes that programs see, and those that would outlive a power cut. */
interface Inode {
  seen: Uint8Array;
  durable: Uint8Array;
  pending: PendingWrite[];
}

type NameChange =
  | { readonly kind: "create" | "remove"; readonly name: string; readonly inode: Inode }
  | { readonly kind: "rename"; readonly name: string; readonly to: string; readonly inode: Inode };

export interface SimulatedDiskOptions {
  readonly random: Random;
  /** Called before each operation: the moment to cut the power. */
  readonly before?: (operation: Operation, name: string) => void;
  /** Makes an operation fail: `disk-full`, `disk-io`, `disk-read-only`. A failed sync loses what was to be synced. */
  readonly fail?: (operation: Operation, name: string) => string | undefined;
  /** Waits before each operation: a slow disk. */
  readonly delay?: (operation: Operation, name: string) => Promise<void>;
  /** Bytes that all files together may have. */
  readonly capacity?: number;
  /** Negative controls: syncs that do nothing. */
  readonly ignoreSync?: boolean;
  readonly ignoreSyncNames?: boolean;
}

/**
 * A disk in memory with the worst manners a real one may have: what was written and not synced may be
 * lost, kept, torn or reordered by a power cut; names that were not synced too.
 */
export class SimulatedDisk implements Disk {
  options: SimulatedDiskOptions;
  /** Bytes handed to `write`, for the account of what is written per payload byte. */
  written = 0;
  /** Files that are open now, by name. */
  readonly opened = new Map<symbol, string>();
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];

  constructor(options: SimulatedDiskOptions) {
    this.options = options;
  }

  async list(): Promise<string[]> {
    await this.#start("list", "");
    return [...this.#names.keys()].sort();
  }

  async create(name: string, reserve = 0): Promise<DiskFile> {
    await this.#start("create", name);
    if (this.#names.has(name)) throw new StorageError(`${name} exists`, { code: "disk-io" });
    this.#claim(reserve);
    const inode: Inode = { seen: new Uint8Array(reserve), durable: new Uint8Array(reserve), pending: [] };
    this.#names.set(name, inode);
    this.#changes.push({ kind: "create", name, inode });
    return this.#file(name, inode);
  }

  async open(name: string): Promise<DiskFile> {
    await this.#start("open", name);
    return this.#file(name, this.#inode(name));
  }

  async rename(name: string, to: string): Promise<void> {
    await this.#start("rename", name);
    const inode = this.#inode(name);
    this.#names.delete(name);
    this.#names.set(to, inode);
    this.#changes.push({ kind: "rename", name, to, inode });
  }

  async remove(name: string): Promise<void> {
    await this.#start("remove", name);
    const inode = this.#inode(name);
    this.#names.delete(name);
    this.#changes.push({ kind: "remove", name, inode });
  }

  async syncNames(): Promise<void> {
    await this.#start("syncNames", "");
    if (this.options.ignoreSyncNames) return;
    this.#durableNames = new Map(this.#names);
    this.#changes = [];
  }

  async free(): Promise<number | undefined> {
    const { capacity } = this.options;
    return capacity === undefined ? undefined : Math.max(0, capacity - this.#used());
  }

  /** The disk as a power cut at this moment may leave it. `this` is not changed. */
  cutPower(options: SimulatedDiskOptions): SimulatedDisk {
    const { random } = options;
    const after = new SimulatedDisk(options);
    const copies = new Map<Inode, Inode>();
    for (const [name, inode] of this.#namesAfterCut(random)) {
      let copy = copies.get(inode);
      if (!copy) {
        const bytes = contentAfterCut(inode, random);
        copy = { seen: bytes, durable: bytes.slice(), pending: [] };
        copies.set(inode, copy);
      }
      after.#names.set(name, copy);
    }
    after.#durableNames = new Map(after.#names);
    return after;
  }

  /** The same disk once more, with all that is not synced: what a killed process leaves to the next one. */
  copy(options: SimulatedDiskOptions): SimulatedDisk {
    const after = new SimulatedDisk(options);
    const copies = new Map<Inode, Inode>();
    const copied = (inode: Inode): Inode => {
      let copy = copies.get(inode);
      if (!copy) {
        const pending = inode.pending.map((write) => ({ ...write }));
        copy = { seen: inode.seen.slice(), durable: inode.durable.slice(), pending };
        copies.set(inode, copy);
      }
      return copy;
    };
    for (const [name, inode] of this.#names) after.#names.set(name, copied(inode));
    for (const [name, inode] of this.#durableNames) after.#durableNames.set(name, copied(inode));
    after.#changes = this.#changes.map((change) => ({ ...change, inode: copied(change.inode) }));
    return after;
  }

  /** Changes bytes behind everyone's back: rot. */
  damage(name: string, position: number, change: (byte: number) => number): void {
    const inode = this.#inode(name);
    inode.seen[position] = change(inode.seen[position]!);
    inode.durable[position] = inode.seen[position]!;
  }

  /** What programs see of a file now. */
  contents(name: string): Uint8Array {
    return this.#inode(name).seen.slice();
  }

  /** Puts a file there, durable at once. */
  put(name: string, bytes: Uint8Array): void {
    // A Buffer's own slice would share its memory.
    const inode = { seen: Uint8Array.from(bytes), durable: Uint8Array.from(bytes), pending: [] };
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  #namesAfterCut(random: Random): Map<string, Inode> {
    const names = new Map(this.#durableNames);
    // Journals keep the order of name changes; without a journal each file may be at its own moment.
    const ordered = random() < 0.6;
    const cuts = new Map<Inode, number>();
    const common = Math.floor(random() * (this.#changes.length + 1));
    for (const [place, change] of this.#changes.entries()) {
      let cut = common;
      if (!ordered) {
        cut = cuts.get(change.inode) ?? Math.floor(random() * (this.#changes.length + 1));
        cuts.set(change.inode, cut);
      }
      if (place >= cut) continue;
      if (change.kind === "create") names.set(change.name, change.inode);
      else if (names.get(change.name) === change.inode) names.delete(change.name);
      if (change.kind === "rename") names.set(change.to, change.inode);
    }
    return names;
  }

  #file(name: string, inode: Inode): DiskFile {
    const disk = this;
    const handle = Symbol(name);
    this.opened.set(handle, name);
    return {
      get size() {
        return inode.seen.length;
      },
      async read(position, length) {
        await disk.#start("read", name);
        return inode.seen.slice(position, position + length);
      },
      async write(position, bytes) {
        await disk.#start("write", name);
        disk.#claim(Math.max(0, position + bytes.length - inode.seen.length));
        disk.written += bytes.length;
        inode.pending.push({ position, bytes: bytes.slice(), dropped: false });
        inode.seen = patched(inode.seen, position, bytes);
      },
      async truncate(length) {
        await disk.#start("truncate", name);
        disk.#claim(Math.max(0, length - inode.seen.length));
        inode.seen = resized(inode.seen, length);
        // Journalled file systems may show the new size before any byte of it; never after.
        inode.durable = resized(inode.durable, length);
      },
      async sync() {
        try {
          await disk.#start("sync", name);
        } catch (error) {
          for (const write of inode.pending) write.dropped = true;
          throw error;
        }
        if (disk.options.ignoreSync) return;
        for (const write of inode.pending) {
          if (!write.dropped) inode.durable = patched(inode.durable, write.position, write.bytes);
        }
        inode.pending = inode.pending.filter(({ dropped }) => dropped);
      },
      async close() {
        disk.opened.delete(handle);
      },
    };
  }

  async #start(operation: Operation, name: string): Promise<void> {
    this.options.before?.(operation, name);
    if (this.options.delay) await this.options.delay(operation, name);
    const code = this.options.fail?.(operation, name);
    if (code) throw new StorageError(`${operation} ${name}: simulated failure`, { code });
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (!inode) throw new StorageError(`${name} is not there`, { code: "disk-missing" });
    return inode;
  }

  #used(): number {
    let used = 0;
    for (const { seen } of this.#names.values()) used += seen.length;
    return used;
  }

  #claim(more: number): void {
    if (this.options.capacity !== undefined && this.#used() + more > this.options.capacity) {
      throw new StorageError("no space left", { code: "disk-full" });
    }
  }
}

/** Each write that was not synced: lost, whole, or torn (its beginning, or scattered pieces of it). */
function contentAfterCut(inode: Inode, random: Random): Uint8Array {
  let bytes: Uint8Array = inode.durable.slice();
  const mood = random();
  for (const { position, bytes: written, dropped } of inode.pending) {
    if (dropped) continue;
    const fate = mood < 0.15 ? 0 : mood < 0.3 ? 0.5 : random();
    if (fate < 0.3) continue;
    if (fate < 0.6) bytes = patched(bytes, position, written);
    else if (fate < 0.8) {
      bytes = patched(bytes, position, written.subarray(0, Math.floor(random() * written.length)));
    } else {
      const sector = 1 + Math.floor(random() * 64);
      for (let at = 0; at < written.length; at += sector) {
        if (random() < 0.7) bytes = patched(bytes, position + at, written.subarray(at, at + sector));
      }
    }
  }
  return bytes;
}

function patched(bytes: Uint8Array, position: number, written: Uint8Array): Uint8Array {
  const end = position + written.length;
  const target = end > bytes.length ? resized(bytes, end) : bytes;
  target.set(written, position);
  return target;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  return result;
}
