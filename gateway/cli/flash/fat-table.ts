import type { BlockDevice } from "./block-device.ts";
import type { Extent } from "./partition.ts";
import { problem } from "./problems.ts";

/** FAT of a partition of 128 GB with usual clusters; the boot partition has 64 MB. */
const maxTableBytes = 16 * 1024 * 1024;
const sector = 512;

/** A mounted-in-memory FAT volume: its allocation table, and its clusters on the device. */
export interface Fat {
  readonly clusterSize: number;
  /** Of FAT32; FAT16 has a region of fixed size. */
  readonly rootCluster: number | undefined;
  /** All clusters of a chain. Throws StorageError for a broken or endless one. */
  chain(first: number): number[];
  /** Takes free clusters and links them. Throws StorageError. */
  allocate(count: number): number[];
  append(last: number, more: readonly number[]): void;
  release(first: number): void;
  readCluster(cluster: number): Promise<Buffer>;
  writeCluster(cluster: number, bytes: Buffer): Promise<void>;
  readFixedRoot(): Promise<Buffer>;
  writeFixedRoot(bytes: Buffer, start: number, end: number): Promise<void>;
  /** Writes what changed of the table, every copy of it. */
  save(): Promise<void>;
  /** Writes the count of free clusters (FAT32). */
  saveInfo(): Promise<void>;
}

interface Layout {
  readonly bits: 16 | 32;
  readonly clusterSize: number;
  /** Bytes from the start of the partition. */
  readonly tables: readonly number[];
  readonly tableBytes: number;
  readonly root: number;
  readonly rootBytes: number;
  readonly data: number;
  readonly clusters: number;
  readonly rootCluster: number | undefined;
  readonly info: number | undefined;
}

function layoutOf(boot: Buffer, size: number): Layout {
  const bad = (why: string) => problem("bad-fat", why);
  if (boot.readUInt16LE(510) !== 0xaa55) throw bad("its first sector is no boot sector");
  if (boot.readUInt16LE(11) !== sector) throw bad(`sectors of ${boot.readUInt16LE(11)} bytes`);
  const [perCluster, reserved, copies] = [boot.readUInt8(13), boot.readUInt16LE(14), boot.readUInt8(16)];
  const rootEntries = boot.readUInt16LE(17);
  const total = boot.readUInt16LE(19) || boot.readUInt32LE(32);
  const perTable = boot.readUInt16LE(22) || boot.readUInt32LE(36);
  if (
    perCluster === 0 ||
    (perCluster & (perCluster - 1)) !== 0 ||
    reserved === 0 ||
    copies === 0 ||
    copies > 4
  )
    throw bad("its boot sector makes no sense");
  const rootSectors = Math.ceil((rootEntries * 32) / sector);
  const dataSector = reserved + copies * perTable + rootSectors;
  const clusters = Math.floor((total - dataSector) / perCluster);
  if (total * sector > size || clusters < 1 || perTable === 0) throw bad("it is larger than its partition");
  // The kind follows from the count alone (section 3.5 of the specification).
  if (clusters < 4085) throw bad("FAT12");
  const bits = clusters < 65525 ? 16 : 32;
  const tableBytes = perTable * sector;
  if (tableBytes > maxTableBytes) throw bad("its table is too large");
  if ((clusters + 2) * (bits / 8) > tableBytes) throw bad("its table is too small");
  if (bits === 32 && (rootEntries !== 0 || boot.readUInt16LE(42) !== 0))
    throw bad("an unknown version of FAT32");
  if (bits === 16 && rootEntries === 0) throw bad("no root folder");
  const flags = bits === 32 ? boot.readUInt16LE(40) : 0;
  const active = (flags & 0x80) !== 0 ? flags & 0x0f : undefined;
  if (active !== undefined && active >= copies) throw bad("its active table does not exist");
  const all = Array.from({ length: copies }, (_, copy) => reserved * sector + copy * tableBytes);
  const info = bits === 32 ? boot.readUInt16LE(48) : 0;
  return {
    bits,
    clusterSize: perCluster * sector,
    tables: active === undefined ? all : all.slice(active, active + 1),
    tableBytes,
    root: (reserved + copies * perTable) * sector,
    rootBytes: rootSectors * sector,
    data: dataSector * sector,
    clusters,
    rootCluster: bits === 32 ? boot.readUInt32LE(44) : undefined,
    info: info > 0 && info < reserved ? info * sector : undefined,
  };
}

/** Reads the boot sector and the table. Rejects with StorageError bad-fat when it is none or its copies differ. */
export async function readFat(device: BlockDevice, { start, size }: Extent): Promise<Fat> {
  const layout = layoutOf(await device.read(start, sector), size);
  const { bits, clusterSize, tables, tableBytes, clusters } = layout;
  const read: Buffer[] = [];
  for (const at of tables) read.push(await device.read(start + at, tableBytes));
  const [table, ...copies] = read;
  if (!table || copies.some((copy) => !copy.equals(table)))
    throw problem("bad-fat", "the copies of its table differ");
  const dirty = new Set<number>();
  const width = bits / 8;
  // The upper four bits of FAT32 are reserved and stay as they are.
  const get = (cluster: number) =>
    bits === 16 ? table.readUInt16LE(cluster * 2) : table.readUInt32LE(cluster * 4) & 0x0fffffff;
  const set = (cluster: number, value: number) => {
    if (bits === 16) table.writeUInt16LE(value & 0xffff, cluster * 2);
    else table.writeUInt32LE(((table.readUInt32LE(cluster * 4) & 0xf0000000) | value) >>> 0, cluster * 4);
    dirty.add(Math.floor((cluster * width) / sector));
  };
  const endMark = bits === 16 ? 0xffff : 0x0fffffff;
  const isEnd = (value: number) => value >= (endMark & ~7) >>> 0;
  const exists = (cluster: number) => cluster >= 2 && cluster < clusters + 2;
  const place = (cluster: number) => {
    if (!exists(cluster)) throw problem("bad-fat", `there is no cluster ${cluster}`);
    return start + layout.data + (cluster - 2) * clusterSize;
  };
  let freed = 0;
  let lastTaken: number | undefined;
  const chain = (first: number): number[] => {
    const found: number[] = [];
    for (let cluster = first; !isEnd(cluster); cluster = get(cluster)) {
      if (!exists(cluster) || found.length >= clusters)
        throw problem("bad-fat", `a broken chain at cluster ${cluster}`);
      found.push(cluster);
    }
    return found;
  };
  return {
    clusterSize,
    rootCluster: layout.rootCluster,
    chain,
    allocate(count) {
      const taken: number[] = [];
      for (let cluster = 2; taken.length < count && exists(cluster); cluster++)
        if (get(cluster) === 0) taken.push(cluster);
      if (taken.length < count) throw problem("fat-full");
      for (const [index, cluster] of taken.entries()) set(cluster, taken[index + 1] ?? endMark);
      freed -= count;
      lastTaken = taken.at(-1) ?? lastTaken;
      return taken;
    },
    append(last, more) {
      if (more[0] !== undefined) set(last, more[0]);
    },
    release(first) {
      const old = chain(first);
      for (const cluster of old) set(cluster, 0);
      freed += old.length;
    },
    readCluster: (cluster) => device.read(place(cluster), clusterSize),
    writeCluster: (cluster, bytes) => device.write(place(cluster), bytes),
    readFixedRoot: () => device.read(start + layout.root, layout.rootBytes),
    async writeFixedRoot(bytes, from, to) {
      const first = Math.floor(from / sector) * sector;
      const end = Math.ceil(to / sector) * sector;
      await device.write(start + layout.root + first, bytes.subarray(first, end));
    },
    async save() {
      // The last copy first: what differs from the first table after a power cut is a copy that nobody reads.
      for (const at of tables.toReversed())
        for (const one of [...dirty].toSorted((a, b) => a - b))
          await device.write(start + at + one * sector, table.subarray(one * sector, (one + 1) * sector));
      dirty.clear();
    },
    async saveInfo() {
      if (layout.info === undefined) return;
      const info = await device.read(start + layout.info, sector);
      const marks = [info.readUInt32LE(0), info.readUInt32LE(484), info.readUInt32LE(508)];
      if (marks[0] !== 0x41615252 || marks[1] !== 0x61417272 || marks[2] !== 0xaa550000) return;
      const free = info.readUInt32LE(488);
      // A count above that of the clusters means: unknown.
      if (free <= clusters && free + freed >= 0 && free + freed <= clusters)
        info.writeUInt32LE(free + freed, 488);
      if (lastTaken !== undefined) info.writeUInt32LE(lastTaken, 492);
      await device.write(start + layout.info, info);
    },
  };
}
