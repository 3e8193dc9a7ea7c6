import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** An ext4 file system of 64 MiB on a loop device, whose image lies on a tmpfs of its own. */
export interface SmallDisk extends Disposable {
  mount(): void;
  /** Waits for nobody: whoever still uses it does so until it ends. */
  unmount(): void;
  /** What fsck finds is repaired. */
  repair(): void;
  remount(how: "ro" | "rw"): void;
  /** Takes all blocks, or all inodes. */
  fill(what: "blocks" | "inodes"): void;
  empty(): void;
  /** The kernel finds the file system damaged, and makes it read-only. */
  fail(): void;
  /** Every write and sync waits. Nobody but the daemon may touch it meanwhile. */
  freeze(): void;
  thaw(): void;
  /** The device below takes no new blocks any more: writes end in EIO (a thinly provisioned disk). */
  starve(): void;
  feed(): void;
}

function sh(command: string, ...parameters: string[]): string {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return execFileSync(command, parameters, {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

function ignoreFull(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

function ballast(file: string): void {
  const handle = openSync(file, "w");
  for (const size of [1 << 20, 1 << 12, 1]) {
    const chunk = Buffer.alloc(size, 0x55);
    ignoreFull(() => {
      for (;;) writeSync(handle, chunk);
    });
  }
  closeSync(handle);
}

/** Needs root, loop devices, and ext4. */
export function openSmallDisk(folder: string): SmallDisk {
  const base = mkdtempSync(join(tmpdir(), "stadsnod-disk-"));
  sh("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", base);
  const image = join(base, "disk.img");
  const handle = openSync(image, "w");
  ftruncateSync(handle, 64 << 20);
  closeSync(handle);
  sh("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "1024", "-N", "256", "-E", "nodiscard", image);
  const junk = join(folder, "junk");
  const mount = () => {
    // `rw`: a loop device that is not ready is an error then, and not a mount that is silently read-only.
    sh("mount", "-o", "loop,rw,noatime,errors=remount-ro", image, folder);
  };
  const hog = join(base, "hog");
  let mounted = false;
  const disk: SmallDisk = {
    mount() {
      mount();
      mounted = true;
    },
    unmount() {
      sh("umount", folder);
      mounted = false;
      // The kernel lets go of the loop device a little later, and whoever mounts meanwhile gets the old one.
      const end = Date.now() + 10_000;
      while (sh("losetup", "-j", image) !== "")
        if (Date.now() > end) throw new Error(`the loop device of ${image} stays`);
    },
    repair() {
      try {
        sh("e2fsck", "-fy", image);
      } catch (error) {
        // 1: it repaired something.
        if (!(error instanceof Error && "status" in error && error.status === 1)) throw error;
      }
    },
    remount: (how) => {
      sh("mount", "-o", `remount,${how}`, folder);
    },
    fill(what) {
      mkdirSync(junk, { recursive: true });
      if (what === "blocks") ballast(join(junk, "ballast"));
      else
        ignoreFull(() => {
          for (let number = 0; number < 1000; number++) writeFileSync(join(junk, String(number)), "");
        });
    },
    empty: () => rmSync(junk, { recursive: true, force: true }),
    fail() {
      const device = basename(sh("findmnt", "-no", "SOURCE", folder));
      writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, "planted by a test");
    },
    freeze: () => {
      sh("fsfreeze", "-f", folder);
    },
    thaw: () => {
      sh("fsfreeze", "-u", folder);
    },
    starve() {
      // Blocks that nobody uses go back to where the image lies, and are not to be had again.
      sh("fstrim", folder);
      ballast(hog);
    },
    feed: () => rmSync(hog, { force: true }),
    [Symbol.dispose]() {
      if (mounted) sh("umount", "-l", folder);
      sh("umount", "-l", base);
      rmSync(base, { recursive: true, force: true });
    },
  };
  disk.mount();
  return disk;
}
