import { closeSync, openSync, readSync } from "node:fs";
import type { Random } from "../../gateway/model/clock.ts";
import { diskBytes, sectorBytes } from "./mark.ts";

/** One request that reached the disk, in order. */
export interface DiskRequest {
  readonly kind: "write" | "discard" | "flush";
  /** Bytes from the disk's start. */
  readonly position: number;
  readonly length: number;
  /** Of a write. */
  readonly bytes: Buffer;
  /** Durable when it ended, without a flush. */
  readonly throughCache: boolean;
}

const magic = 0x6a736677736872n;
const flags = { flush: 1n, fua: 2n, discard: 4n, mark: 8n };

/**
 * Reads a log in the format of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst),
 * which blklogwrites writes: a first sector, then a head in a sector and its data, all little-endian.
 */
export function readWriteLog(file: string): DiskRequest[] {
  const handle = openSync(file, "r");
  try {
    const read = (position: number, length: number) => {
      const bytes = Buffer.alloc(length);
      if (readSync(handle, bytes, 0, length, position) < length)
        throw new Error("the log of writes ends early");
      return bytes;
    };
    const first = read(0, sectorBytes);
    if (first.readBigUInt64LE(0) !== magic) throw new Error("this is no log of writes");
    const count = Number(first.readBigUInt64LE(16));
    const size = first.readUInt32LE(24);
    const requests: DiskRequest[] = [];
    let at = size;
    for (let entry = 0; entry < count; entry++) {
      const head = read(at, 32);
      at += size;
      const position = Number(head.readBigUInt64LE(0)) * size;
      const length = Number(head.readBigUInt64LE(8)) * size;
      const flag = head.readBigUInt64LE(16);
      const discard = (flag & flags.discard) !== 0n;
      const bytes = discard || length === 0 ? Buffer.alloc(0) : read(at, length);
      at += bytes.length;
      const throughCache = (flag & flags.fua) !== 0n;
      // One request may ask for both; what was before it is flushed first.
      if ((flag & flags.flush) !== 0n) requests.push(flushRequest);
      if (discard) requests.push({ kind: "discard", position, length, bytes, throughCache });
      else if (length > 0) requests.push({ kind: "write", position, length, bytes, throughCache });
    }
    return requests;
  } finally {
    closeSync(handle);
  }
}

const flushRequest: DiskRequest = {
  kind: "flush",
  position: 0,
  length: 0,
  bytes: Buffer.alloc(0),
  throughCache: false,
};

/** What a power cut did to the writes that no flush had made durable. */
export const fates = ["all kept", "all lost", "kept up to one", "some lost", "torn"] as const;
export type Fate = (typeof fates)[number];

export interface ReplayerOptions {
  /** A disk that lies: what a flush calls durable stays in its cache until so many more writes came. */
  readonly lies?: number;
}

/** Rebuilds the disk as power cuts may have left it. Assumes what a disk promises: whole sectors, flushes that hold. */
export class Replayer {
  readonly #requests: readonly DiskRequest[];
  readonly #lies: number | undefined;
  /** What nothing takes away again: all requests before `#settled`. */
  readonly #durable = Buffer.alloc(diskBytes);
  #settled = 0;

  constructor(requests: readonly DiskRequest[], { lies }: ReplayerOptions = {}) {
    this.#requests = requests;
    this.#lies = lies;
  }

  /** The disk after a cut right before request `at`; cuts are asked for in ascending order. */
  rebuild(
    at: number,
    random: Random,
    fate: Fate = fates[Math.floor(random() * fates.length)]!,
  ): { readonly disk: Buffer; readonly fate: Fate; readonly pending: number } {
    for (; this.#settled < this.#durableBefore(at); this.#settled++)
      apply(this.#durable, this.#requests[this.#settled]!);
    const disk = Buffer.from(this.#durable);
    const pending = this.#requests.slice(this.#settled, at).filter(({ kind }) => kind !== "flush");
    const last = Math.floor(random() * (pending.length + 1));
    for (const [place, request] of pending.entries()) {
      if (request.throughCache || fate === "all kept") apply(disk, request);
      else if (fate === "kept up to one" ? place < last : fate === "some lost" && random() < 0.5)
        apply(disk, request);
      else if (fate === "torn") tear(disk, request, random);
    }
    return { disk, fate, pending: pending.length };
  }

  /** Requests before this one are durable at a cut before `at`. */
  #durableBefore(at: number): number {
    if (this.#lies !== undefined) return Math.max(this.#settled, at - this.#lies);
    for (let place = at - 1; place >= this.#settled; place--)
      if (this.#requests[place]!.kind === "flush") return place + 1;
    return this.#settled;
  }
}

function apply(disk: Buffer, { kind, position, length, bytes }: DiskRequest): void {
  if (kind === "write") bytes.copy(disk, position);
  else if (kind === "discard") disk.fill(0, position, position + length);
}

/** Nothing of it, all of it, its beginning, or scattered sectors. */
function tear(disk: Buffer, request: DiskRequest, random: Random): void {
  const { kind, position, length, bytes } = request;
  const dice = random();
  if (dice < 0.25) return;
  if (dice < 0.5 || kind === "discard" || length <= sectorBytes) {
    apply(disk, request);
    return;
  }
  const sectors = length / sectorBytes;
  const beginning = 1 + Math.floor(random() * (sectors - 1));
  for (let sector = 0; sector < sectors; sector++) {
    if (dice < 0.75 ? sector >= beginning : random() < 0.5) continue;
    const from = sector * sectorBytes;
    bytes.copy(disk, position + from, from, from + sectorBytes);
  }
}
