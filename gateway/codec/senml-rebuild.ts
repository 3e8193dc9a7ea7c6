import { FormatError } from "./format-error.ts";
import { decodePack } from "./senml-decode.ts";
import { encodePack } from "./senml-encode.ts";
import type { DecodedPack, GapRecord, PackHeader, ResolvedRecord, Series } from "./senml-pack.ts";

export interface MergedPack {
  readonly bytes: Uint8Array;
  readonly run: string;
  readonly seq: number;
  readonly seqTo: number;
  /** How many of the given packs are inside, from the first on: at least 1. */
  readonly merged: number;
}

/**
 * Gives a stored boot-relative pack its real times: `bootTime` is the Unix ms at which the pack's
 * kernel boot began (`clock.toUnix({ base: "boot", ms: 0 })`). With `uncertain` the pack is marked
 * `clk` = `uncertain`: the clock was never confirmed and this is the best that is known.
 * A pack that is not boot-relative comes back as it is. Throws FormatError for bytes that are no pack of ours.
 */
export function setBaseTime(bytes: Uint8Array, bootTime: number, uncertain = false): Uint8Array {
  const { header, records, gaps } = decodeOwn(bytes);
  if (header.boot === undefined) return bytes;
  const start = Math.round(bootTime);
  const shifted = records.map((record) => ({ ...record, time: record.time + start }));
  const { boot: _, ...rest } = header;
  return encodePack({
    header: { ...rest, ...(uncertain ? { uncertain } : {}) },
    series: toSeries(shifted),
    gaps: gaps.map((gap) => ({ ...gap, time: gap.time + start })),
  });
}

/**
 * Merges stored packs of one audience and run, given in order of seq without a hole, into one pack
 * that names its range seq..seqTo, grouped by series anew. Takes as many from the first on as stay
 * within `maxBytes` (before compression); the first alone goes out however large it is.
 *
 * Throws FormatError with code `senml-merge` when packs do not belong together (gateway, audience,
 * run, clock mark, seq) or one is boot-relative, and the codes of `decodePack`.
 */
export function mergePacks(packs: readonly Uint8Array[], maxBytes: number): MergedPack {
  const first = packs[0];
  if (!first) throw new RangeError("no packs to merge");
  const decoded = [decodeOwn(first)];
  let size = first.length;
  for (const bytes of packs.slice(1)) {
    // Grouping by series only makes packs smaller, so the sum is a safe estimate to stop at.
    if (size + bytes.length > maxBytes * 2) break;
    const pack = decodeOwn(bytes);
    checkFollows(decoded.at(-1)!.header, pack.header);
    decoded.push(pack);
    size += bytes.length;
  }
  for (let count = decoded.length; count > 1; count = shrink(count)) {
    const bytes = encodeMerged(decoded.slice(0, count));
    if (bytes.length <= maxBytes) return result(bytes, decoded, count);
  }
  return result(first, decoded, 1);
}

/** Fewer packs for the next attempt: a tenth at a time, so that few attempts are needed. */
function shrink(count: number): number {
  return count - Math.max(1, Math.ceil(count / 10));
}

interface OwnPack extends DecodedPack {
  readonly header: PackHeader;
}

function decodeOwn(bytes: Uint8Array): OwnPack {
  const pack = decodePack(bytes, { bootRelative: true, maxBytes: 2 ** 24 });
  const { header } = pack;
  if (!header) throw new FormatError("this pack carries no account", { code: "senml-account" });
  for (const record of pack.records) {
    if (record.value === undefined || record.sum !== undefined || record.updateTime !== undefined) {
      throw new FormatError("not a pack of ours: sums are never sent", { code: "senml-merge" });
    }
  }
  return { ...pack, header };
}

function checkFollows(before: PackHeader, after: PackHeader): void {
  const together =
    before.gateway === after.gateway &&
    before.audience === after.audience &&
    before.run === after.run &&
    before.boot === undefined &&
    after.boot === undefined &&
    Boolean(before.uncertain) === Boolean(after.uncertain) &&
    after.seq === before.seqTo + 1;
  if (!together) {
    throw new FormatError(
      `packs ${before.run}/${before.seqTo} and ${after.run}/${after.seq} do not belong together`,
      { code: "senml-merge" },
    );
  }
}

function encodeMerged(packs: readonly OwnPack[]): Uint8Array {
  const header: PackHeader = { ...packs[0]!.header, seqTo: packs.at(-1)!.header.seqTo };
  const gaps: GapRecord[] = packs.flatMap((pack) => pack.gaps);
  return encodePack({ header, series: toSeries(packs.flatMap((pack) => pack.records)), gaps });
}

function result(bytes: Uint8Array, packs: readonly OwnPack[], merged: number): MergedPack {
  const { run, seq } = packs[0]!.header;
  return { bytes, run, seq, seqTo: packs[merged - 1]!.header.seqTo, merged };
}

interface OpenSeries extends Series {
  readonly times: number[];
  readonly values: Series["values"][number][];
}

/** Records grouped by name and unit; the base is everything up to the last colon. */
function toSeries(records: readonly ResolvedRecord[]): Series[] {
  const all = new Map<string, OpenSeries>();
  for (const { name, unit, value, time } of records) {
    if (value === undefined) continue;
    const key = unit === undefined ? name : `${name} ${unit}`;
    let series = all.get(key);
    if (!series) {
      const cut = name.lastIndexOf(":") + 1;
      series = { base: name.slice(0, cut), name: name.slice(cut), unit, times: [], values: [] };
      all.set(key, series);
    }
    series.times.push(time);
    series.values.push(value);
  }
  return Array.from(all.values());
}
