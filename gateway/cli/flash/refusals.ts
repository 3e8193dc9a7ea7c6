import type { Disk } from "./disks.ts";

/** Larger disks are seldom cards, and often somebody's archive. */
export const largestUsual = 256e9;

/** Why a disk is not written: `always`, or unless its name was typed. */
export interface Refusal {
  readonly code:
    | "system"
    | "boot"
    | "swap"
    | "holders"
    | "mounted"
    | "read-only"
    | "empty"
    | "too-small"
    | "sector-size"
    | "partition"
    | "not-a-disk"
    | "too-large"
    | "not-removable"
    | "loop";
  readonly always: boolean;
  /** Mount points, volumes or sizes that it is about. */
  readonly about: readonly string[];
}

/** What speaks against writing an image of `imageSize` bytes to the disk; nothing the running system lives on is ever written. */
export function refusalsOf(disk: Disk, imageSize: number): Refusal[] {
  const found: Refusal[] = [];
  const no = (code: Refusal["code"], about: readonly string[] = [], always = true): void => {
    found.push({ code, always, about });
  };
  const { mounts } = disk;
  const system = mounts.filter((one) => /^\/(usr|var|home|etc|opt|srv|root|nix)?(\/|$)/.test(one));
  const boot = mounts.filter((one) => /^\/(boot|efi)(\/|$)/.test(one));
  const other = mounts.filter((one) => one !== "[SWAP]" && !system.includes(one) && !boot.includes(one));
  if (disk.type === "part") no("partition");
  else if (disk.type !== "disk" && disk.type !== "loop") no("not-a-disk", [disk.type]);
  if (system.length > 0) no("system", system);
  if (boot.length > 0) no("boot", boot);
  if (mounts.includes("[SWAP]")) no("swap");
  if (disk.holders.length > 0) no("holders", disk.holders);
  if (other.length > 0) no("mounted", other);
  if (disk.readOnly) no("read-only");
  if (disk.size === 0) no("empty");
  else if (disk.size < imageSize) no("too-small", [String(imageSize)]);
  if (disk.sector !== 512) no("sector-size", [String(disk.sector)]);
  if (disk.type === "loop") no("loop", [], false);
  else if (!disk.removable) no("not-removable", [], false);
  if (disk.size > largestUsual) no("too-large", [], false);
  return found;
}

/** Where desktops mount what is put in (udisks), which `--unmount` may undo. */
export function isMedia(mount: string): boolean {
  return /^\/(media|run\/media)\//.test(mount);
}

/** What has to be typed to write it all the same: its serial number, or its name where it has none. */
export function nameToType(disk: Disk): string {
  return disk.serial === "" || disk.type === "loop" ? disk.name : disk.serial;
}
