import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import * as z from "zod";
import { type Bmap, type BmapRange, parseBmap, wholeImage } from "./bmap.ts";
import { problem } from "./problems.ts";

/** An image on this computer, looked through from end to end: nothing of it is damaged. */
export interface Image {
  readonly path: string;
  readonly bmap: Bmap;
  /** Bytes that have to be written. */
  readonly content: number;
  /** Of the file as it was fetched, lower-case hex. */
  readonly sha256: string;
  /** What says so: the checksum of the manifest, the checksums of the bmap, or nothing. */
  readonly provenBy: readonly ("manifest" | "bmap")[];
  /** As the manifest names it: version and board. */
  readonly version?: string | undefined;
  readonly board?: string | undefined;
}

/** A piece of the image's content; `position` in bytes from the start of the disk. */
export interface Piece {
  readonly position: number;
  readonly bytes: Buffer;
}

const chunk = 1024 * 1024;
const maxSideFile = 64 * 1024 * 1024;

const entry = z.object({ sha256: z.string().regex(/^[0-9a-fA-F]{64}$/) });
const manifestSchema = z.object({
  version: z.string().max(200).optional(),
  board: z.string().max(200).optional(),
  image: z.union([z.string(), entry.extend({ name: z.string().optional() })]).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional(),
  files: z
    .union([
      z.record(z.string(), z.union([entry, entry.shape.sha256])),
      z
        .array(entry.extend({ name: z.string() }))
        .transform((files) => Object.fromEntries(files.map((one) => [one.name, one]))),
    ])
    .optional(),
});

/**
 * Opens an image and reads it once, whole: its checksum against manifest.json beside it, every range against the
 * .bmap beside it, its length. `progress` is told the bytes of the file that were read. Throws ConfigError for what
 * is no image, StorageError for a damaged one.
 */
export async function checkImage(
  path: string,
  { bmap, manifest }: { readonly bmap?: string | undefined; readonly manifest?: string | undefined },
  signal: AbortSignal,
  progress: (bytes: number, total: number) => void,
): Promise<Image> {
  const isCompressed = path.endsWith(".zst");
  if (!isCompressed && !path.endsWith(".img"))
    throw problem("bad-source", `${basename(path)} is neither .img nor .img.zst`);
  const total = fileSize(path);
  const mapPath = bmap ?? bmapBeside(path);
  const known = readManifest(manifest ?? manifestBeside(path), basename(path), manifest !== undefined);
  const map = mapPath === undefined ? undefined : parseBmap(readSide(mapPath).toString("utf8"));
  if (map === undefined && known?.sha256 === undefined)
    throw problem(
      "bad-source",
      `there is neither ${basename(path).replace(/\.zst$/, "")}.bmap nor a manifest.json that proves it`,
    );
  const sum = createHash("sha256");
  let length = 0;
  let done = 0;
  // Without a map the length is only known at the end.
  const ranges = map && new RangeSums(map);
  await reading(path, signal, {
    raw: (bytes) => {
      sum.update(bytes);
      done += bytes.length;
      progress(done, total);
    },
    each: async (bytes) => {
      ranges?.take(length, bytes);
      length += bytes.length;
      if (map && length > map.imageSize) throw problem("image-damaged", "it is longer than its .bmap says");
    },
  });
  const sha256 = sum.digest("hex");
  if (known?.sha256 !== undefined && known.sha256.toLowerCase() !== sha256)
    throw problem("image-damaged", `its sha256 is ${sha256}, manifest.json says ${known.sha256}`);
  if (map && length !== map.imageSize)
    throw problem("image-damaged", `it has ${length} bytes, its .bmap says ${map.imageSize}`);
  ranges?.finish();
  if (length === 0 || length % 512 !== 0)
    throw problem("bad-source", `${length} bytes are not whole sectors`);
  const used = map ?? wholeImage(length);
  return {
    path,
    bmap: used,
    content: used.ranges.reduce((size, { start, end }) => size + end - start, 0),
    sha256,
    provenBy: [
      ...(known?.sha256 === undefined ? [] : ["manifest" as const]),
      ...(map ? ["bmap" as const] : []),
    ],
    version: known?.version,
    board: known?.board,
  };
}

/**
 * The content piece by piece, in ascending order, summed again on the way; rejects with StorageError when it changed.
 * Resolves to the sha256 of each range.
 */
export async function readPieces(
  image: Image,
  signal: AbortSignal,
  take: (piece: Piece) => Promise<void>,
): Promise<readonly string[]> {
  const sums = new RangeSums(image.bmap);
  let length = 0;
  await reading(image.path, signal, {
    each: async (bytes) => {
      for (const piece of sums.take(length, bytes)) await take(piece);
      length += bytes.length;
    },
  });
  sums.finish();
  if (length !== image.bmap.imageSize)
    throw problem("image-damaged", "its length changed while it was written");
  return sums.done;
}

/** Cuts an image that comes in chunks into the pieces of its ranges, and sums each range. */
export class RangeSums {
  /** Of the ranges that are complete, in their order. */
  readonly done: string[] = [];
  readonly #map: Bmap;
  #sum: Hash = createHash("sha256");

  constructor(map: Bmap) {
    this.#map = map;
  }

  /** What of these bytes, which begin at `position`, is content. Throws StorageError where a range ends wrong. */
  take(position: number, bytes: Buffer): Piece[] {
    const pieces: Piece[] = [];
    const end = position + bytes.length;
    for (let range = this.#next; range && range.start < end; range = this.#next) {
      const from = Math.max(range.start, position);
      const piece = bytes.subarray(from - position, Math.min(range.end, end) - position);
      this.#sum.update(piece);
      pieces.push({ position: from, bytes: piece });
      if (range.end > end) break;
      const sum = this.#sum.digest("hex");
      if (range.sha256 !== undefined && range.sha256 !== sum)
        throw problem(
          "image-damaged",
          `bytes ${range.start} to ${range.end - 1} are not what its .bmap says`,
        );
      this.#sum = createHash("sha256");
      this.done.push(sum);
    }
    return pieces;
  }

  get #next(): BmapRange | undefined {
    return this.#map.ranges[this.done.length];
  }

  finish(): void {
    if (this.#next) throw problem("image-damaged", "it ends before its content");
  }
}

interface Reading {
  readonly raw?: (bytes: Buffer) => void;
  readonly each: (bytes: Buffer) => Promise<void>;
}

async function reading(path: string, signal: AbortSignal, { raw, each }: Reading): Promise<void> {
  const source = createReadStream(path, { highWaterMark: chunk });
  const counted = async function* (bytes: AsyncIterable<Buffer>) {
    for await (const one of bytes) {
      raw?.(one);
      yield one;
    }
  };
  const sink = async (bytes: AsyncIterable<Buffer>) => {
    for await (const one of bytes) await each(one);
  };
  try {
    if (path.endsWith(".zst"))
      await pipeline(source, counted, createZstdDecompress({ chunkSize: chunk }), sink, { signal });
    else await pipeline(source, counted, sink, { signal });
  } catch (error) {
    if (signal.aborted) throw problem("interrupted");
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (/^(ZSTD|Z)_|ERR_ZLIB|ERR_BUFFER_TOO_LARGE/.test(code))
      throw problem("image-damaged", `it cannot be unpacked (${code})`, { cause: error });
    if (error instanceof Error && "syscall" in error && "path" in error && error.path === path)
      throw problem("bad-source", `${path} cannot be read (${code})`, { cause: error });
    throw error;
  }
}

function bmapBeside(path: string): string | undefined {
  const bare = path.replace(/\.zst$/, "");
  return [`${path}.bmap`, `${bare}.bmap`, bare.replace(/\.img$/, ".bmap")].find((one) => existsSync(one));
}

function manifestBeside(path: string): string | undefined {
  const bare = path.replace(/\.zst$/, "").replace(/\.img$/, "");
  return [`${bare}.manifest.json`, join(dirname(path), "manifest.json")].find((one) => existsSync(one));
}

/** What a manifest says of that file; undefined where it says nothing of it and was not named. */
function readManifest(path: string | undefined, file: string, named: boolean) {
  if (path === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readSide(path).toString("utf8"));
  } catch (cause) {
    throw problem("bad-manifest", path, { cause });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw problem("bad-manifest", z.prettifyError(parsed.error));
  const { image, files, sha256, version, board } = parsed.data;
  const listed = files?.[file];
  const own = typeof image === "object" && (image.name ?? file) === file ? image.sha256 : undefined;
  const alone = image === undefined || image === file ? sha256 : undefined;
  const found = (typeof listed === "string" ? listed : listed?.sha256) ?? own ?? alone;
  if (found === undefined && named) throw problem("bad-manifest", `${path} has no sha256 of ${file}`);
  return { sha256: found, version, board };
}

function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isFile()) return stat.size;
  } catch (cause) {
    throw problem("bad-source", `${path} cannot be read`, { cause });
  }
  throw problem("bad-source", `${path} is no file`);
}

function readSide(path: string): Buffer {
  if (fileSize(path) > maxSideFile) throw problem("bad-source", `${path} is too large`);
  return readFileSync(path);
}
