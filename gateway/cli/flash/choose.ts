import { realpathSync } from "node:fs";
import type { CliContext } from "../context.ts";
import type { Language } from "../register-words.ts";
import { table } from "../table.ts";
import { ask } from "./ask.ts";
import { type Disk, parseDisks } from "./disks.ts";
import { problem } from "./problems.ts";
import { nameToType, refusalsOf } from "./refusals.ts";
import { standing, unmountMedia } from "./session.ts";
import type { FlashSystem } from "./system.ts";
import { isYes, size, words } from "./words.ts";

export interface DiskOptions {
  readonly device?: string | undefined;
  /** The name or serial number of a disk that is not offered by itself. */
  readonly yesIMean?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly unmount?: boolean | undefined;
  readonly language: Language;
}

/** Every disk of this computer and what speaks against it. */
export function diskTable(
  disks: readonly Disk[],
  imageSize: number,
  language: Language,
  width: number | undefined,
): string {
  const { heading, fits, none, refusal } = words[language];
  if (disks.length === 0) return none;
  const rows = disks.map((disk) => {
    const against = refusalsOf(disk, imageSize);
    const never = against.filter(({ always }) => always);
    // What could be typed helps nobody where nothing helps.
    const why = (never.length > 0 ? never : against).map(refusal);
    return [
      disk.path,
      size(disk.size),
      disk.model,
      disk.serial,
      disk.labels.join(", "),
      why.join("; ") || fits,
    ];
  });
  return `${table(heading, rows, width)}\n`;
}

/** `/dev/sdb (31.9 GB, Generic STORAGE DEVICE, 000000001206)`. */
export function shown(disk: Disk): string {
  return `${disk.path} (${[size(disk.size), disk.model, disk.serial].filter(Boolean).join(", ")})`;
}

/**
 * The disk that is meant: the one that is named, or the only one that can be written. Its owner has confirmed it when
 * this resolves. Rejects with RefusedError or ConfigError.
 */
export async function chooseDisk(
  context: CliContext,
  system: FlashSystem,
  imageSize: number,
  options: DiskOptions,
): Promise<{ readonly disk: Disk; readonly typed: string | undefined }> {
  const found = await named(context, system, imageSize, options);
  const disk = options.unmount ? await unmountMedia(system, found) : found;
  return { disk, typed: await confirm(context, disk, imageSize, options) };
}

async function named(
  context: CliContext,
  system: FlashSystem,
  imageSize: number,
  options: DiskOptions,
): Promise<Disk> {
  const json = await system.lsblk();
  if (options.device !== undefined) {
    const path = realPath(options.device);
    const disk = parseDisks(json, { other: true }).find((one) => one.path === path);
    if (!disk) throw problem("no-disk", options.device);
    return disk;
  }
  const disks = parseDisks(json);
  const able = disks.filter((disk) =>
    refusalsOf(disk, imageSize).every(({ code }) => options.unmount && code === "mounted"),
  );
  const [only, ...others] = able;
  if (only && others.length === 0) return only;
  context.err(diskTable(disks, imageSize, options.language, context.columns));
  throw only ? problem("which-disk", able.map(({ path }) => path).join(", ")) : problem("no-disk");
}

/** Links such as /dev/disk/by-id/... lead to the device. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Then lsblk does not know it either, and that is what is said.
    return path;
  }
}

/** Asks, unless it was said on the command line; resolves to what was typed. */
export async function confirm(
  context: CliContext,
  disk: Disk,
  imageSize: number,
  options: DiskOptions,
): Promise<string | undefined> {
  const text = words[options.language];
  const never = refusalsOf(disk, imageSize).filter(({ always }) => always);
  if (never.length > 0) throw problem("disk-refused", `${disk.path}: ${never.map(text.refusal).join("; ")}`);
  const unusual = standing(disk, imageSize, {});
  if (unusual.length > 0) {
    const why = unusual.map(text.refusal).join("; ");
    const typed =
      options.yesIMean ??
      (await ask(context, text.typeName(`${shown(disk)}: ${why}`, nameToType(disk))))?.trim();
    if (standing(disk, imageSize, { typed }).length > 0)
      throw problem("disk-refused", `${disk.path}: ${why}`, { hint: `--yes-i-mean ${nameToType(disk)}` });
    return typed;
  }
  if (
    options.yes ||
    options.yesIMean === disk.name ||
    (disk.serial !== "" && options.yesIMean === disk.serial)
  )
    return undefined;
  const answer = await ask(context, text.erase(shown(disk)));
  if (answer === undefined || !isYes(answer)) throw problem("not-confirmed", disk.path);
  return undefined;
}
