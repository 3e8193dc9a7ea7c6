import { hash } from "node:crypto";
import { problem } from "./problems.ts";

/** Where an image has content (bmap file format 2.0 of bmap-tools): the rest of it need not be written. */
export interface Bmap {
  /** Bytes of the whole image. */
  readonly imageSize: number;
  /** In ascending order, not overlapping. */
  readonly ranges: readonly BmapRange[];
}

export interface BmapRange {
  /** First byte. */
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
  /** Of the bytes, lower-case hex; undefined where there is no bmap and the whole image is one range. */
  readonly sha256: string | undefined;
}

const maxRanges = 1_000_000;

/** An image without a bmap: all of it is content. */
export function wholeImage(imageSize: number): Bmap {
  return { imageSize, ranges: [{ start: 0, end: imageSize, sha256: undefined }] };
}

/** Reads a .bmap file. Throws ConfigError for what is damaged, another version, or not summed with SHA-256. */
export function parseBmap(xml: string): Bmap {
  const bad = (why: string) => problem("bad-bmap", why);
  const body = withoutComments(xml);
  const element = (name: string): string => {
    const value = new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1]?.trim();
    if (value === undefined) throw bad(`no ${name}`);
    return value;
  };
  const whole = (name: string): number => {
    const value = element(name);
    if (!/^\d{1,15}$/.test(value)) throw bad(`${name} is ${value}`);
    return Number(value);
  };
  const version = /<bmap\s+version="([^"]*)"/.exec(body)?.[1];
  if (version === undefined || !/^2\.\d+$/.test(version))
    throw bad(`version ${version ?? "missing"}, not 2.0`);
  if (element("ChecksumType") !== "sha256") throw bad("its checksums are not sha256");
  checkOwnSum(xml, element("BmapFileChecksum"), bad);
  const [imageSize, block, blocks] = [whole("ImageSize"), whole("BlockSize"), whole("BlocksCount")];
  if (imageSize === 0 || block < 512 || block % 512 !== 0 || blocks !== Math.ceil(imageSize / block))
    throw bad("ImageSize, BlockSize and BlocksCount do not fit together");
  const ranges: BmapRange[] = [];
  let mapped = 0;
  for (const [all, attributes = "", content = ""] of body.matchAll(/<Range\b([^>]*)>([^<]*)<\/Range>/g)) {
    const sha256 = /\bchksum="([0-9a-fA-F]{64})"/.exec(attributes)?.[1]?.toLowerCase();
    const [, first, last = first] = /^\s*(\d{1,12})(?:\s*-\s*(\d{1,12}))?\s*$/.exec(content) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (sha256 === undefined || first === undefined || to < from || to >= blocks)
      throw bad(`the range ${all}`);
    const start = from * block;
    if (start < (ranges.at(-1)?.end ?? 0)) throw bad(`ranges overlap at block ${from}`);
    if (ranges.length >= maxRanges) throw bad("too many ranges");
    ranges.push({ start, end: Math.min((to + 1) * block, imageSize), sha256 });
    mapped += to - from + 1;
  }
  if (ranges.length === 0) throw bad("no ranges");
  if (mapped !== whole("MappedBlocksCount")) throw bad("MappedBlocksCount is not that of the ranges");
  return { imageSize, ranges };
}

/** In one pass: a pattern would look for the end of each comment that has none. */
function withoutComments(xml: string): string {
  const [before = "", ...parts] = xml.split("<!--");
  return (
    before + parts.map((part) => (part.includes("-->") ? part.slice(part.indexOf("-->") + 3) : "")).join("")
  );
}

/** The file's own sum is taken with zeros in its place. */
function checkOwnSum(xml: string, sum: string, bad: (why: string) => Error): void {
  if (!/^[0-9a-f]{64}$/i.test(sum)) throw bad("BmapFileChecksum is no sha256");
  if (hashOf(xml.replace(sum, "0".repeat(64))) !== sum.toLowerCase()) throw bad("its own checksum is wrong");
}

function hashOf(text: string): string {
  return hash("sha256", text, "hex");
}
