import { createHash } from "node:crypto";
import { type BlockDevice, holdingBack } from "./block-device.ts";
import type { Bmap } from "./bmap.ts";
import { listRoot, readRootFile, writeRootFile } from "./fat.ts";
import { type Image, type Piece, readPieces } from "./image.ts";
import { firstPartition } from "./partition.ts";
import { problem } from "./problems.ts";

/** What is going on, with bytes done of all. */
export interface Progress {
  readonly phase: "check" | "write" | "clear" | "verify" | "provision" | "finish";
  readonly done: number;
  readonly total: number;
}

export interface WriteOptions {
  /** Bytes of the disk. */
  readonly size: number;
  /** The text of provision.json and the wall clock for its entry. */
  readonly provision?: { readonly content: Buffer; readonly modified: Date } | undefined;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Just before the first byte of provision.json goes to the disk. */
  readonly beforeProvision?: () => Promise<void>;
}

const mebibyte = 1024 * 1024;
const batch = 4 * mebibyte;

/**
 * Writes an image and proves it. The first MiB, with the partition table and what boots, is emptied at the start and
 * written at the very end: a card that was pulled out, interrupted or found faulty starts no gateway, neither the new
 * nor the old one. Rejects with StorageError.
 */
export async function writeImage(device: BlockDevice, image: Image, options: WriteOptions): Promise<void> {
  const { size, signal, progress, provision } = options;
  const first = Buffer.alloc(Math.min(mebibyte, image.bmap.imageSize));
  const total = image.content;
  await device.write(0, Buffer.alloc(first.length));
  // Of a disk's old GPT, the copy at its end would outlive this.
  const tail = Math.min(mebibyte, size - image.bmap.imageSize) & ~511;
  if (tail > 0) await device.write(size - (size % 512) - tail, Buffer.alloc(tail));
  await device.flush();

  const view = holdingBack(device, first);
  const joined = joiningWriter(view);
  let done = 0;
  const sums = await readPieces(image, signal, async (piece) => {
    await joined.take(piece);
    done += piece.bytes.length;
    progress({ phase: "write", done, total });
  });
  await joined.end();
  const cleared = await clearGaps(view, image, signal, progress);
  await device.flush();
  for (const { start, end } of cleared)
    if (!isZero(await view.read(start, end - start)))
      throw problem("verify-failed", `bytes ${start} to ${end - 1}`);
  await verify(view, image, sums, signal, (verified) => progress({ phase: "verify", done: verified, total }));

  if (provision) {
    progress({ phase: "provision", done: 0, total: 1 });
    await options.beforeProvision?.();
    await provide(view, provision.content, provision.modified);
    progress({ phase: "provision", done: 1, total: 1 });
  }
  if (signal.aborted) throw problem("interrupted");

  progress({ phase: "finish", done: 0, total: 1 });
  const last = 4096;
  await device.write(last, first.subarray(last));
  await device.flush();
  await device.write(0, first.subarray(0, last));
  await device.flush();
  if (!(await device.read(0, first.length)).equals(first)) {
    await device.write(0, Buffer.alloc(first.length));
    throw problem("verify-failed", "the first MiB");
  }
  progress({ phase: "finish", done: 1, total: 1 });
}

/** Puts provision.json on the card and reads it back; everything else in the folder must be as it was. */
export async function provide(device: BlockDevice, content: Buffer, modified: Date): Promise<void> {
  const partition = await firstPartition(device);
  const others = async () =>
    JSON.stringify(
      (await listRoot(device, partition)).filter(({ name }) => name.toLowerCase() !== provisionFile),
    );
  const before = await others();
  await writeRootFile(device, partition, provisionFile, content, modified);
  const back = await readRootFile(device, partition, provisionFile, content.length);
  if (!back?.equals(content)) throw problem("verify-failed", provisionFile);
  if ((await others()) !== before) throw problem("verify-failed", `the folder beside ${provisionFile}`);
}

/** In the root folder of the first partition. */
export const provisionFile = "provision.json";

async function verify(
  device: BlockDevice,
  { bmap }: Image,
  sums: readonly string[],
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<void> {
  let done = 0;
  for (const [index, { start, end }] of bmap.ranges.entries()) {
    const sum = createHash("sha256");
    for (let at = start; at < end; at += batch) {
      if (signal.aborted) throw problem("interrupted");
      const bytes = await device.read(at, Math.min(batch, end - at));
      sum.update(bytes);
      done += bytes.length;
      progress(done);
    }
    if (sum.digest("hex") !== sums[index]) throw problem("verify-failed", `bytes ${start} to ${end - 1}`);
  }
}

/**
 * Where a bmap has a gap the image reads as zeros, and file systems count on some of them: tools that make images
 * sparse turn tables of zeros into gaps. What an old card has there is emptied; resolves to where that was.
 */
async function clearGaps(
  device: BlockDevice,
  { bmap, content }: Image,
  signal: AbortSignal,
  progress: WriteOptions["progress"],
): Promise<Extent[]> {
  const cleared: Extent[] = [];
  const total = bmap.imageSize - content;
  let done = 0;
  for (const gap of gapsOf(bmap)) {
    for (let start = gap.start; start < gap.end; start += batch) {
      if (signal.aborted) throw problem("interrupted");
      const end = Math.min(start + batch, gap.end);
      if (!isZero(await device.read(start, end - start))) {
        await device.write(start, Buffer.alloc(end - start));
        cleared.push({ start, end });
      }
      done += end - start;
      progress({ phase: "clear", done, total });
    }
  }
  return cleared;
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

function gapsOf({ imageSize, ranges }: Bmap): Extent[] {
  const starts = [0, ...ranges.map(({ end }) => end)];
  const ends = [...ranges.map(({ start }) => start), imageSize];
  return starts
    .map((start, index) => ({ start, end: ends[index] ?? imageSize }))
    .filter(({ start, end }) => end > start);
}

const zeros = Buffer.alloc(batch);
function isZero(bytes: Buffer): boolean {
  return bytes.equals(zeros.subarray(0, bytes.length));
}

/** Pieces come as the unpacker cuts them, and go to the disk in few large writes of whole sectors. */
function joiningWriter(device: BlockDevice) {
  const buffer = Buffer.allocUnsafe(batch);
  let start = 0;
  let filled = 0;
  const end = async () => {
    if (filled > 0) await device.write(start, buffer.subarray(0, filled));
    filled = 0;
  };
  return {
    end,
    async take({ position, bytes }: Piece): Promise<void> {
      if (filled > 0 && position !== start + filled) await end();
      for (let taken = 0; taken < bytes.length; ) {
        if (filled === 0) start = position + taken;
        const count = bytes.copy(buffer, filled, taken);
        filled += count;
        taken += count;
        if (filled === batch) await end();
      }
    },
  };
}
