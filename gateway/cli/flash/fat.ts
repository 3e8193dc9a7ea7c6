import type { BlockDevice } from "./block-device.ts";
import { entriesOf, type FatEntry, newEntries, setTarget, type Target } from "./fat-folder.ts";
import { entrySize } from "./fat-name.ts";
import { type Fat, readFat } from "./fat-table.ts";
import type { Extent } from "./partition.ts";
import { problem } from "./problems.ts";

// A file in the root folder of a FAT16 or FAT32 partition, without mounting it: no root, no automounter in between.
// Order of writes: the new content, the chains, the folder, then the old content is given free. Whoever pulls the
// card in between loses the new file and nothing else.

/** 65536 entries: more has no folder (section 6 of the specification). */
const maxRootBytes = 65_536 * entrySize;

/** The files and folders of the root folder. */
export async function listRoot(device: BlockDevice, partition: Extent): Promise<readonly FatEntry[]> {
  return entriesOf(await rootOf(await readFat(device, partition)));
}

/** The content of a file in the root folder, or undefined; names are compared without regard to case. */
export async function readRootFile(
  device: BlockDevice,
  partition: Extent,
  name: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const fat = await readFat(device, partition);
  const entry = find(entriesOf(await rootOf(fat)), name);
  if (!entry) return undefined;
  if (entry.isFolder || entry.size > maxBytes) throw problem("bad-fat", `${name} is no file of this size`);
  if (entry.size === 0) return Buffer.alloc(0);
  const chain = fat.chain(entry.cluster);
  if (chain.length < Math.ceil(entry.size / fat.clusterSize)) throw problem("bad-fat", `${name} is cut off`);
  const parts = [];
  for (const cluster of chain) parts.push(await fat.readCluster(cluster));
  return Buffer.concat(parts).subarray(0, entry.size);
}

/**
 * Writes a file into the root folder, in place of one of that name. `modified`: the wall clock at the place, which is
 * what FAT keeps. Rejects with StorageError: bad-fat, fat-full, or what the disk says.
 */
export async function writeRootFile(
  device: BlockDevice,
  partition: Extent,
  name: string,
  content: Uint8Array,
  modified: Date,
): Promise<void> {
  const fat = await readFat(device, partition);
  const root = await rootOf(fat);
  const entries = entriesOf(root);
  const old = find(entries, name);
  if (old?.isFolder) throw problem("bad-fat", `${name} is a folder there`);
  const clusters = fat.allocate(Math.ceil(content.length / fat.clusterSize));
  for (const [index, cluster] of clusters.entries()) {
    const part = Buffer.alloc(fat.clusterSize);
    part.set(content.subarray(index * fat.clusterSize, (index + 1) * fat.clusterSize));
    await fat.writeCluster(cluster, part);
  }
  const target = { cluster: clusters[0] ?? 0, size: content.length, modified };
  const change = old ? replaced(root, old, target) : added(fat, root, newEntries(entries, name, target));
  await device.flush();
  await fat.save();
  await device.flush();
  await writeRoot(fat, root, change);
  await device.flush();
  if (old && old.cluster !== 0) {
    fat.release(old.cluster);
    await fat.save();
  }
  await fat.saveInfo();
  await device.flush();
}

function find(entries: readonly FatEntry[], name: string): FatEntry | undefined {
  const wanted = name.toLowerCase();
  return entries.find((one) => one.name.toLowerCase() === wanted || one.short.toLowerCase() === wanted);
}

/** The root folder's bytes with where they lie: FAT16 has a region for it, FAT32 a chain. */
interface Root {
  bytes: Buffer;
  readonly clusters: number[];
}

async function rootOf(fat: Fat): Promise<Root> {
  if (fat.rootCluster === undefined) return { bytes: await fat.readFixedRoot(), clusters: [] };
  const clusters = fat.chain(fat.rootCluster);
  if (clusters.length === 0 || clusters.length * fat.clusterSize > maxRootBytes)
    throw problem("bad-fat", `its root folder has ${clusters.length} clusters`);
  const parts = [];
  for (const cluster of clusters) parts.push(await fat.readCluster(cluster));
  return { bytes: Buffer.concat(parts), clusters };
}

interface Change {
  readonly start: number;
  readonly end: number;
}

function replaced(root: Root, { offset }: FatEntry, target: Target): Change {
  setTarget(root.bytes.subarray(offset, offset + entrySize), target);
  return { start: offset, end: offset + entrySize };
}

function added(fat: Fat, root: Root, entries: Buffer): Change {
  const slots = entries.length / entrySize;
  const free = (offset: number) => root.bytes[offset] === 0 || root.bytes[offset] === 0xe5;
  let run = 0;
  for (let offset = 0; offset < root.bytes.length; offset += entrySize) {
    run = free(offset) ? run + 1 : 0;
    if (run < slots) continue;
    return put(root, offset - (slots - 1) * entrySize, entries);
  }
  if (fat.rootCluster === undefined) throw problem("fat-full", "its root folder has no free entries");
  const more = fat.allocate(Math.ceil(((slots - run) * entrySize) / fat.clusterSize));
  fat.append(root.clusters.at(-1) ?? fat.rootCluster, more);
  const start = root.bytes.length - run * entrySize;
  root.clusters.push(...more);
  const old = root.bytes.length;
  root.bytes = Buffer.concat([root.bytes, Buffer.alloc(more.length * fat.clusterSize)]);
  const { end } = put(root, start, entries);
  // New clusters of a folder must be empty all through.
  return { start, end: Math.max(end, old + more.length * fat.clusterSize) };
}

function put(root: Root, start: number, entries: Buffer): Change {
  const end = start + entries.length;
  const wasEnd = (from: number, to: number) => {
    for (let at = from; at < to; at += entrySize) if (root.bytes[at] === 0) return true;
    return false;
  };
  // The first zero ends a folder; what lies behind it may be anything, so the new end is written as well.
  const ends = wasEnd(start, end) && end < root.bytes.length;
  root.bytes.set(entries, start);
  if (!ends) return { start, end };
  root.bytes.fill(0, end, end + entrySize);
  return { start, end: end + entrySize };
}

async function writeRoot(fat: Fat, root: Root, { start, end }: Change): Promise<void> {
  if (fat.rootCluster === undefined) return fat.writeFixedRoot(root.bytes, start, end);
  const { clusterSize } = fat;
  // From the back: entries become visible with the first of them.
  for (let index = Math.ceil(end / clusterSize) - 1; index >= Math.floor(start / clusterSize); index--) {
    const cluster = root.clusters[index];
    if (cluster === undefined) throw problem("bad-fat", "the root folder is cut off");
    await fat.writeCluster(cluster, root.bytes.subarray(index * clusterSize, (index + 1) * clusterSize));
  }
}
