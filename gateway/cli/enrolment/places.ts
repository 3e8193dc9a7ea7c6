import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { chown, mkdir, realpath, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Option } from "commander";
import { type LedFiles, showOnLed } from "../../enrolment/led.ts";
import type { Progress } from "../../enrolment/progress.ts";
import { provisionFile, type WhileWritable } from "../../enrolment/provision-file.ts";
import { StorageError } from "../../model/errors.ts";
import type { Disk } from "../../store/disk.ts";
import { type FileLook, openFolderDisk, privateFiles } from "../../store/folder-disk.ts";

const run = promisify(execFile);

// Where the image has what enrolment, first boot and reset deal with.

export const provisionOption = (): Option =>
  new Option("--provision <file>", "what the card brings").default("/boot/gw/provision.json");
export const stateOption = (): Option =>
  new Option("--state <folder>", "where the gateway keeps what it stores").default("/var/lib/stadsnod");
export const configOption = (): Option =>
  new Option("--config <folder>", "where gateway.yaml lies").default("/etc/stadsnod");

/** The folder of the gateway's key. What root makes there belongs to whom the state belongs to. */
export async function openIdentityDisk(state: string): Promise<Disk> {
  const folder = join(state, "identity");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, gid } = await stat(state);
  const mine = process.getuid?.() === 0;
  if (mine) await chown(folder, uid, gid);
  const look: FileLook = mine ? { ...privateFiles, owner: { uid, gid } } : privateFiles;
  return openFolderDisk(folder, look);
}

/** provision.json on its card, which is mounted for reading only and made writable by root for a moment. */
export function cardAt(path: string): ReturnType<typeof provisionFile> {
  return provisionFile(path, remounted);
}

const remounted: WhileWritable = async (path, work) => {
  const mount = await mountOf(path);
  if (!mount?.readOnly || process.getuid?.() !== 0) return work();
  const remount = (how: string) =>
    run("mount", ["-o", `remount,${how}`, mount.at]).catch((cause: unknown) => {
      throw new StorageError(`${mount.at} cannot be mounted anew (${how})`, {
        code: "disk-read-only",
        hint: "take the card to a computer and delete the token there",
        cause,
      });
    });
  await remount("rw");
  try {
    await work();
  } finally {
    await remount("ro");
  }
};

export interface Mount {
  readonly at: string;
  readonly device: string;
  readonly type: string;
  readonly readOnly: boolean;
}

/** Of proc_pid_mountinfo(5): what is mounted, in order. Empty where /proc does not tell. */
export function mounts(): readonly Mount[] {
  let text: string;
  try {
    text = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return [];
  }
  const plain = (word: string) =>
    word.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , , , at = "", options = ""] = before.split(" ");
      const [type = "", device = "", superOptions = ""] = after.split(" ");
      const readOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
      return { at: plain(at), device: plain(device), type, readOnly };
    });
}

/** What a file or folder lies on. */
export async function mountOf(path: string): Promise<Mount | undefined> {
  const real = await realpath(path).catch(() => path);
  return mounts()
    .filter(({ at }) => at === "/" || real === at || real.startsWith(`${at}/`))
    .reduce<Mount | undefined>(
      (best, one) => (best && best.at.length > one.at.length ? best : one),
      undefined,
    );
}

const leds: LedFiles = {
  read: async (path) => readFileSync(path, "utf8"),
  write: (path, text) => writeFile(path, text, { flag: "r+" }),
};

/** Tells how far it is: to whoever reads the file, and by the light. Best effort: nothing depends on it. */
export function publisher(file: string): (progress: Progress) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (progress) => {
    const write = async () => {
      const text = JSON.stringify({ ...progress, at: new Date().toISOString() });
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, `${text}\n`, { mode: 0o644 });
      await rename(`${file}.new`, file);
    };
    const work = last.then(async () => {
      await write().catch(() => {});
      await showOnLed(progress.state, leds);
    });
    last = work;
    return work;
  };
}
