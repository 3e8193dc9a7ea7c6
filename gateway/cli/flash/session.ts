import { GatewayError } from "../../model/errors.ts";
import { type Disk, isSameDisk, parseDisks } from "./disks.ts";
import type { Image } from "./image.ts";
import { problem } from "./problems.ts";
import { isMedia, type Refusal, refusalsOf } from "./refusals.ts";
import type { FlashSystem } from "./system.ts";
import { type WriteOptions, writeImage } from "./write-image.ts";

/** How far a person has gone in naming the disk. */
export interface Permission {
  /** What was typed to mean a disk that is not offered by itself; see nameToType. */
  readonly typed?: string | undefined;
}

/** What still speaks against a disk after what was typed. */
export function standing(disk: Disk, imageSize: number, { typed }: Permission): Refusal[] {
  const isTyped = typed !== undefined && typed !== "" && (typed === disk.name || typed === disk.serial);
  return refusalsOf(disk, imageSize).filter(({ always }) => always || !isTyped);
}

/** Unmounts what the desktop mounted of that disk; resolves to the disk as it is then. */
export async function unmountMedia(system: FlashSystem, disk: Disk): Promise<Disk> {
  if (disk.mounted.length === 0 || !disk.mounts.every(isMedia)) return disk;
  for (const partition of disk.mounted) await system.unmount(partition);
  const now = parseDisks(await system.lsblk()).find(({ path }) => path === disk.path);
  if (!now || !isSameDisk(disk, now)) throw problem("disk-changed", disk.path);
  return now;
}

/**
 * Writes one card. Before and after it is opened it must still be the disk that was chosen: between a look at the list
 * and the first byte somebody may have put in another. Rejects with RefusedError or StorageError; resolves to whether
 * the kernel has read the new partition table.
 */
export async function flashDisk(
  system: FlashSystem,
  chosen: Disk,
  image: Image,
  permission: Permission,
  options: Omit<WriteOptions, "size">,
): Promise<{ readonly reread: boolean }> {
  const still = async () => {
    const now = parseDisks(await system.lsblk()).find(({ path }) => path === chosen.path);
    if (!isSameDisk(chosen, now) || !now) throw problem("disk-changed", chosen.path);
    const against = standing(now, image.bmap.imageSize, permission);
    if (against.length > 0)
      throw problem("disk-refused", `${chosen.path}: ${against.map(({ code }) => code).join(", ")}`);
  };
  await still();
  const device = await system.open(chosen.path);
  try {
    if (device.majorMinor !== chosen.majorMinor) throw problem("disk-changed", chosen.path);
    await still();
    await writeImage(device, image, { ...options, size: chosen.size });
  } finally {
    await device.close().catch(() => {});
  }
  try {
    await system.rereadPartitions(chosen.path);
    return { reread: true };
  } catch (error) {
    // The card is finished and proven; only this computer does not see its partitions yet.
    if (error instanceof GatewayError) return { reread: false };
    throw error;
  }
}
