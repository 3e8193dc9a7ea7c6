import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { blockBytes, blocksPerGroup } from "./mark.ts";

// What makes and mounts file systems stands in /usr/sbin, and not every shell looks there.
const env = {
  ...process.env,
  PATH: `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`,
  LC_ALL: "C",
};

/** Debian packages that bring what these tests run. */
const packages: Readonly<Record<string, string>> = {
  "qemu-storage-daemon": "qemu-system-common",
  "mkfs.ext4": "e2fsprogs",
  e2fsck: "e2fsprogs",
  unshare: "util-linux",
  mount: "mount",
  umount: "mount",
};

/** Whether there is a program of this name. */
export function have(program: string): boolean {
  return (env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Throws, with what to install, when this machine cannot replay power cuts. Nothing is skipped for it. */
export function needMachine(): void {
  const missing = Object.keys(packages).filter((name) => !have(name));
  const hints = missing.map((name) => `${name} (package ${packages[name]})`);
  for (const device of ["/dev/fuse", "/dev/loop-control"]) if (!existsSync(device)) hints.push(device);
  if (process.getuid?.() !== 0) hints.push("root, to mount");
  if (hints.length > 0) throw new Error(`power cuts cannot be replayed here, missing: ${hints.join(", ")}`);
}

/** Runs a program and gives what it prints. Throws with what it says when it fails. */
export function run(command: string, ...parameters: string[]): string {
  return execFileSync(command, parameters, {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** As `run`, for the end of things: whether it worked. */
export function tryToRun(command: string, ...parameters: string[]): boolean {
  try {
    run(command, ...parameters);
    return true;
  } catch {
    return false;
  }
}

/** A folder for disk images, in memory where there is such a place; and what must be undone before it goes. */
export class Workplace implements Disposable {
  readonly folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "stadsnod-power-"));
  readonly #undo: (() => void)[] = [];
  readonly #mounted = new Set<string>();
  readonly #atExit = () => this[Symbol.dispose]();

  constructor() {
    // A test that is ended for taking too long must not leave mounts behind.
    process.once("exit", this.#atExit);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** To be undone at the end, in reverse order, at the latest. */
  defer(action: () => void): void {
    this.#undo.push(action);
  }

  /** Mounts a disk image; its loop device goes with the mount. `rw`: what cannot be written is an error, and not read-only. */
  mount(image: string, folder: string): void {
    run("mount", "-t", "ext4", "-o", "loop,rw,noatime", image, folder);
    this.#mounted.add(folder);
  }

  /** As `mount`; false when the kernel refuses the file system. Throws when there is no loop device for it. */
  tryToMount(image: string, folder: string): boolean {
    try {
      this.mount(image, folder);
      return true;
    } catch (error) {
      if (String(error).includes("loop device")) throw error;
      return false;
    }
  }

  /**
   * Repairs what will not mount, as the first root of the image does (scripts/image/initrd/init). Throws when
   * that fails. e2fsck finds the backup superblock by itself on a data partition, which is larger than a group
   * of 128 MiB; on these small ones it is told where.
   */
  repair(image: string): void {
    if (check("-p", image)) return;
    const backup = ["-b", String(blocksPerGroup), "-B", String(blockBytes)];
    if (!check("-y", ...backup, image)) throw new Error(`e2fsck -y could not repair ${image}`);
  }

  /** Throws when somebody still uses it: names what this process has open there. */
  unmount(folder: string): void {
    try {
      run("umount", folder);
    } catch (error) {
      throw new Error(`open: ${openIn(folder).join(", ") || "nothing by this process"}`, { cause: error });
    }
    this.#mounted.delete(folder);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#atExit);
    for (const folder of this.#mounted) tryToRun("umount", "-l", folder);
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) undo();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a file system is sound after e2fsck: from 4 on it is not (e2fsck(8), "Exit code"). */
function check(...parameters: string[]): boolean {
  const { status } = spawnSync("e2fsck", parameters, { env, stdio: "ignore" });
  return status !== null && status < 4;
}

/** Files that this process has open in a folder. */
function openIn(folder: string): string[] {
  const own = "/proc/self/fd";
  return readdirSync(own).flatMap((name) => {
    try {
      const file = readlinkSync(join(own, name));
      return file.startsWith(folder) ? [file] : [];
    } catch {
      // The one that listed them.
      return [];
    }
  });
}
