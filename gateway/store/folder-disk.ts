import { constants, type PathLike } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../model/errors.ts";
import type { Disk, DiskFile } from "./disk.ts";

/** What new files are like. */
export interface FileLook {
  /** Whatever the umask says. */
  readonly mode: number;
  /** As far as this process may give files away. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Only the gateway's user may read them. */
export const privateFiles: FileLook = { mode: 0o600 };

/** The files of one folder of the real file system; makes the folder if need be. Throws StorageError. */
export async function openFolderDisk(folder: string, look?: FileLook): Promise<Disk> {
  await guarded(folder, () => mkdir(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  return {
    list: () =>
      guarded(folder, async () => {
        const entries = await readdir(folder, { withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile())
          .map(({ name }) => name)
          .sort();
      }),
    create: (name, reserve) =>
      guarded(path(name), async () => {
        const handle = await open(path(name), "wx+", look ? look.mode & 0o600 : 0o640);
        try {
          if (look) await makeLike(handle, look);
          if (reserve) await reserveBlocks(handle, reserve);
        } catch (error) {
          await handle.close();
          await unlink(path(name));
          throw error;
        }
        return new FolderFile(path(name), handle, reserve ?? 0);
      }),
    open: (name) =>
      guarded(path(name), async () => {
        const handle = await openToWrite(path(name));
        try {
          return new FolderFile(path(name), handle, (await handle.stat()).size);
        } catch (error) {
          await handle.close();
          throw error;
        }
      }),
    rename: (from, to) => guarded(path(from), () => rename(path(from), path(to))),
    remove: (name) => guarded(path(name), () => unlink(path(name))),
    syncNames: () =>
      guarded(folder, async () => {
        const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
      }),
    free: async () => {
      try {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      } catch {
        // Some file systems do not tell; the seam has a word for that.
        return undefined;
      }
    },
  };
}

async function makeLike(handle: FileHandle, { mode, owner }: FileLook): Promise<void> {
  // Before it is given away: afterwards even root needs a right of its own to change it.
  await handle.chmod(mode & 0o7777);
  if (owner) {
    const { uid } = await handle.stat();
    // Only root gives files away; a group of one's own can be kept.
    await handle
      .chown(owner.uid, owner.gid)
      .catch(() => handle.chown(uid, owner.gid))
      .catch(() => {});
  }
}

class FolderFile implements DiskFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #size: number;

  constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return guarded(this.#path, async () => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#size - position)));
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    });
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    return guarded(this.#path, async () => {
      await writeAll(this.#handle, bytes, position);
      this.#size = Math.max(this.#size, position + bytes.length);
    });
  }

  truncate(length: number): Promise<void> {
    return guarded(this.#path, async () => {
      await this.#handle.truncate(length);
      this.#size = length;
    });
  }

  sync(): Promise<void> {
    return guarded(this.#path, () => this.#handle.datasync());
  }

  close(): Promise<void> {
    return guarded(this.#path, () => this.#handle.close());
  }
}

/** On a read-only file system what is there can still be read; writing then says why it cannot. */
async function openToWrite(path: PathLike): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (codeOf(error) !== "EROFS") throw error;
    return open(path, "r");
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Node has no fallocate: only writing zeros makes the file system set blocks aside. */
async function reserveBlocks(handle: FileHandle, length: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(length, 64 * 1024));
  for (let done = 0; done < length; done += zeros.length) {
    await writeAll(handle, zeros.subarray(0, Math.min(zeros.length, length - done)), done);
  }
  await handle.datasync();
}

const causes: Record<string, { code: string; hint: string }> = {
  ENOSPC: { code: "disk-full", hint: "free space, or inodes, on this disk" },
  EDQUOT: { code: "disk-full", hint: "the disk quota is used up" },
  EFBIG: { code: "disk-full", hint: "the file size limit of this process is reached" },
  EROFS: {
    code: "disk-read-only",
    hint: "remount it for writing; a damaged file system goes read-only by itself",
  },
  EACCES: { code: "disk-read-only", hint: "let the gateway's user write to this folder" },
  EPERM: { code: "disk-read-only", hint: "let the gateway's user write to this folder" },
  // A file opened for reading only, because its file system is.
  EBADF: { code: "disk-read-only", hint: "remount it for writing" },
  ENOENT: { code: "disk-missing", hint: "is the disk mounted?" },
  ENOTDIR: { code: "disk-missing", hint: "this path is a file, not a folder" },
};

async function guarded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const cause = causes[code] ?? { code: "disk-io", hint: "look for disk errors in the kernel log" };
    throw new StorageError(`${path}: ${code}`, { ...cause, cause: error });
  }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}
