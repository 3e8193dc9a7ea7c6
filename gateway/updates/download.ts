import { createHash } from "node:crypto";
import { GatewayError, RefusedError, StorageError, TransientError } from "../model/errors.ts";
import type { Disk } from "../store/disk.ts";

/** A part of what an address has, from byte `from` on: its answer to a request with `Range`. */
export interface RemotePart {
  /** 0 where the server sends all of it again. */
  readonly from: number;
  /** Of the whole; undefined where the server does not say. */
  readonly total?: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Rejects with LinkError or TransientError (try again later) or RefusedError (never). */
export type FetchPart = (url: string, from: number, signal: AbortSignal) => Promise<RemotePart>;

export interface DownloadOptions {
  readonly disk: Disk;
  readonly fetchPart: FetchPart;
  readonly url: string;
  /** Name on the disk when it is whole. */
  readonly file: string;
  /** Hex; undefined: the signature inside is all that vouches for it. */
  readonly sha256?: string | undefined;
  readonly maxBytes: number;
  progress(percent: number): void;
  readonly signal: AbortSignal;
}

/** So much may have to be fetched again after a power cut. */
const syncEveryBytes = 4 * 1024 * 1024;
/** Left free for readings. */
const spareBytes = 32 * 1024 * 1024;
const pieceBytes = 256 * 1024;

/**
 * Fetches a file, going on where an earlier try ended. Rejects with RefusedError (`not-https`, `too-large`,
 * `other-content`), StorageError, or what `fetchPart` rejects with: then what came is kept for the next time.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { disk, url, file, maxBytes, sha256, signal } = options;
  if (!url.startsWith("https://"))
    throw new RefusedError("updates are fetched by https only", { code: "not-https" });
  const names = await disk.list();
  if (names.includes(file)) {
    if (sha256 !== undefined && (await hashOf(disk, file)) === sha256) return;
    await disk.remove(file);
  }
  const part = `${file}.part`;
  const out = names.includes(part) ? await disk.open(part) : await disk.create(part);
  try {
    let at = out.size;
    const remote = await options.fetchPart(url, at, signal);
    if (remote.from !== at) {
      await out.truncate(0);
      at = 0;
    }
    const { total } = remote;
    if (total !== undefined && total > maxBytes) throw tooLarge(maxBytes);
    const free = await disk.free();
    if (total !== undefined && free !== undefined && total - at > free - spareBytes)
      throw new StorageError(`${Math.ceil((total - at) / 1e6)} MB do not fit on the disk`, {
        code: "disk-full",
      });
    let unsynced = 0;
    for await (const piece of remote.body) {
      signal.throwIfAborted();
      if (at + piece.length > maxBytes) throw tooLarge(maxBytes);
      await out.write(at, piece);
      at += piece.length;
      unsynced += piece.length;
      if (unsynced >= syncEveryBytes) {
        await out.sync();
        unsynced = 0;
      }
      if (total !== undefined) options.progress(Math.floor((at / total) * 100));
    }
    await out.sync();
    if (total !== undefined && at !== total)
      throw new TransientError(`${at} of ${total} bytes came`, { code: "download-cut" });
  } catch (error) {
    await out.close();
    // What is too large is of no use for another try either.
    if (error instanceof RefusedError) await disk.remove(part);
    throw error;
  }
  await out.close();
  if (sha256 !== undefined && (await hashOf(disk, part)) !== sha256) {
    await disk.remove(part);
    throw new RefusedError("what was fetched is not what was asked for: its SHA-256 is another", {
      code: "other-content",
      hint: "was the file replaced, or the desired state written for another one?",
    });
  }
  await disk.syncNames();
  await disk.rename(part, file);
  await disk.syncNames();
}

/** Also what is half there. */
export async function discard(disk: Disk, file: string): Promise<void> {
  try {
    for (const name of await disk.list())
      if (name === file || name === `${file}.part`) await disk.remove(name);
  } catch (error) {
    // It is in the way of nothing but the next download, which removes it too.
    if (!(error instanceof GatewayError)) throw error;
  }
}

async function hashOf(disk: Disk, name: string): Promise<string> {
  const file = await disk.open(name);
  try {
    const hash = createHash("sha256");
    for (let at = 0; at < file.size; ) {
      const piece = await file.read(at, pieceBytes);
      if (piece.length === 0) break;
      hash.update(piece);
      at += piece.length;
    }
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

function tooLarge(maxBytes: number): RefusedError {
  return new RefusedError(`a bundle has at most ${Math.floor(maxBytes / 1e6)} MB`, { code: "too-large" });
}
