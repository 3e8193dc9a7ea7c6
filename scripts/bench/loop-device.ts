import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An ext4 file system of its own on a loop device, whose writes the kernel counts. */
export interface LoopDevice extends AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string;
  /** Bytes that reached the device since it was made. Asks for no sync. */
  bytesWritten(): number;
  /** Brings everything to the device, as the passing of time would. */
  sync(): Promise<void>;
}

/** Needs root, losetup and mkfs.ext4; Linux only. Rejects with what is missing. */
export async function openLoopDevice(folder: string, bytes: number): Promise<LoopDevice> {
  if (process.getuid?.() !== 0) throw new Error("needs root for a loop device (losetup, mount)");
  const image = join(folder, "disk.img");
  writeFileSync(image, "");
  truncateSync(image, bytes);
  await using stack = new AsyncDisposableStack();
  const device = (await run("losetup", ["--find", "--show", image])).stdout.trim();
  stack.defer(async () => {
    await run("losetup", ["--detach", device]);
  });
  // Nothing may be left for later: lazy initialisation would write during the measurement.
  await run("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device]);
  const mounted = join(folder, "disk");
  mkdirSync(mounted);
  // noatime as on our image; the commit interval is ext4's own.
  await run("mount", ["-o", "noatime", device, mounted]);
  stack.defer(async () => {
    await run("umount", [mounted]);
  });
  const sync = async (): Promise<void> => {
    await run("sync", ["--file-system", mounted]);
  };
  await sync();
  const closing = stack.move();
  return {
    folder: mounted,
    // Field 7 of the statistics: sectors written, 512 bytes each (Documentation/block/stat.rst).
    bytesWritten: () =>
      Number(
        readFileSync(`/sys/block/${basename(device)}/stat`, "utf8")
          .trim()
          .split(/\s+/)[6],
      ) * 512,
    sync,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
