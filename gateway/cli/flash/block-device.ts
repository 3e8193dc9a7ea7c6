import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { diskProblem, problem } from "./problems.ts";

/** Bytes of a logical sector; disks with others are refused, because the image's partition table counts in these. */
export const sectorSize = 512;

/** A disk as bytes. Positions and lengths are whole sectors. Rejects with StorageError or RefusedError. */
export interface BlockDevice {
  read(position: number, length: number): Promise<Buffer>;
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** Everything written is on the medium when it resolves. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenedDisk extends BlockDevice {
  /** `8:16`: which device the path really led to. */
  readonly majorMinor: string;
}

/** At most this much goes to the kernel at once. */
const bounceSize = 4 * 1024 * 1024;

/**
 * Opens a disk for us alone: O_EXCL on a block device fails while it or a partition of it is in use (open(2)).
 * O_DIRECT leaves out the page cache both ways, so that what is read was on the medium, and an error is that of the
 * write that met it.
 */
export async function openDisk(path: string): Promise<OpenedDisk> {
  try {
    const handle = await open(
      path,
      constants.O_RDWR | constants.O_EXCL | constants.O_DIRECT | constants.O_NOFOLLOW,
    );
    const stat = await handle.stat();
    if (stat.isBlockDevice()) return { ...deviceOn(handle, path), majorMinor: majorMinor(stat.rdev) };
    await handle.close();
  } catch (error) {
    throw diskProblem(error, path);
  }
  throw problem("disk-refused", `${path} is no block device`);
}

/** As glibc packs them (gnu_dev_makedev), below the 12 and 20 bits that the kernel has. */
function majorMinor(device: number): string {
  return `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
}

/** The little of a file handle that is used, so that tests can break it. */
export type DiskHandle = Pick<FileHandle, "read" | "write" | "sync" | "close">;

export function deviceOn(handle: DiskHandle, path: string): BlockDevice {
  const bounce = alignedBuffer(bounceSize);
  const whole = (position: number, length: number): void => {
    if (position % sectorSize !== 0 || length % sectorSize !== 0)
      throw new RangeError(`${length} bytes at ${position} are not whole sectors`);
  };
  const at = (what: string, position: number) => `${what} ${path} at ${position}`;
  return {
    async read(position, length) {
      whole(position, length);
      const bytes = Buffer.allocUnsafe(length);
      for (let done = 0; done < length; ) {
        const wanted = Math.min(bounceSize, length - done);
        let { bytesRead } = await asking(
          handle.read(bounce, 0, wanted, position + done),
          at("reading", position + done),
        );
        bytesRead -= bytesRead % sectorSize;
        if (bytesRead === 0)
          throw problem("disk-gone", at("nothing more comes when reading", position + done));
        bounce.copy(bytes, done, 0, bytesRead);
        done += bytesRead;
      }
      return bytes;
    },
    async write(position, bytes) {
      whole(position, bytes.length);
      for (let done = 0; done < bytes.length; ) {
        const wanted = Math.min(bounceSize, bytes.length - done);
        bounce.set(bytes.subarray(done, done + wanted));
        const what = at("writing", position + done);
        let { bytesWritten } = await asking(handle.write(bounce, 0, wanted, position + done), what);
        // A short write is no error yet: what is left tells why.
        bytesWritten -= bytesWritten % sectorSize;
        if (bytesWritten === 0) throw problem("disk-full", what);
        done += bytesWritten;
      }
    },
    flush: () => asking(handle.sync(), `flushing ${path}`),
    close: () => asking(handle.close(), `closing ${path}`),
  };
}

async function asking<T>(answer: Promise<T>, what: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw diskProblem(error, what);
  }
}

/**
 * Memory that starts on a page, as O_DIRECT demands: memory that could grow is taken from the kernel in whole pages,
 * while that of other buffers starts behind the allocator's own 16 bytes.
 */
function alignedBuffer(size: number): Buffer {
  return Buffer.from(new ArrayBuffer(size, { maxByteLength: size }));
}

/** A device whose bytes before `size` are kept here and not written yet. */
export function holdingBack(device: BlockDevice, first: Buffer): BlockDevice {
  return {
    ...device,
    async read(position, length) {
      const kept = Math.max(0, Math.min(first.length - position, length));
      const parts = [
        ...(kept > 0 ? [first.subarray(position, position + kept)] : []),
        ...(kept < length ? [await device.read(position + kept, length - kept)] : []),
      ];
      return Buffer.concat(parts);
    },
    async write(position, bytes) {
      const kept = Math.max(0, Math.min(first.length - position, bytes.length));
      if (kept > 0) first.set(bytes.subarray(0, kept), position);
      if (kept < bytes.length) await device.write(position + kept, bytes.subarray(kept));
    },
  };
}
