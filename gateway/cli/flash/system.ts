import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { type OpenedDisk, openDisk } from "./block-device.ts";
import { lsblkArguments } from "./disks.ts";
import { problem } from "./problems.ts";

/** What flashing needs of the computer, so that tests can be one. No shell is ever started. */
export interface FlashSystem {
  readonly platform: string;
  /** What lsblk answers: JSON. */
  lsblk(): Promise<string>;
  open(path: string): Promise<OpenedDisk>;
  /** Makes the kernel look at the partition table again. */
  rereadPartitions(path: string): Promise<void>;
  unmount(partition: string): Promise<void>;
  now(): Date;
  /** Milliseconds that only grow. */
  monotonic(): number;
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

const run = promisify(execFile);

export const linuxSystem: FlashSystem = {
  platform: process.platform,
  lsblk: () => asked("lsblk", lsblkArguments),
  open: openDisk,
  async rereadPartitions(path) {
    await asked("blockdev", ["--rereadpt", path]);
  },
  async unmount(partition) {
    await asked("umount", ["--", partition]);
  },
  now: () => new Date(),
  monotonic: () => performance.now(),
  async wait(milliseconds, signal) {
    await setTimeout(milliseconds, undefined, { signal }).catch(() => {
      throw problem("interrupted");
    });
  },
};

async function asked(program: string, args: readonly string[]): Promise<string> {
  // Without root /usr/sbin is often not on the path; the answers are read, so they are in no language.
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: "C" };
  try {
    const { stdout } = await run(program, args, { env, timeout: 30_000, maxBuffer: 8 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim().slice(0, 200) : "";
    throw problem("tool-missing", said === "" ? program : said, { cause });
  }
}
