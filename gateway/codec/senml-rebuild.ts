import { FormatError } from "./format-error.ts";
import { decodePack } from "./senml-decode.ts";
import { encodePack } from "./senml-encode.ts";
import type { DecodedPack, Pack, PackHeader, ResolvedRecord, Series } from "./senml-pack.ts";

/**
 * Gives a stored boot-relative pack its real times: `unixMs` is its base time (`PackHead.time`) as Unix
 * ms, and every record moves with it. With `estimated` the pack is marked `clk` = `estimated`: the
 * clock was never confirmed and this is the best that is known. A pack that is not boot-relative
 * comes back as it is. Throws FormatError for bytes that are no pack of ours.
 */
export function setBaseTime(bytes: Uint8Array, unixMs: number, estimated = false): Uint8Array {
  const { header, time, records, gaps } = decodeOwn(bytes);
  if (header.boot === undefined) return bytes;
  const base = Math.round(unixMs);
  const shift = base - time;
  const { boot: _, ...rest } = header;
  return encodeOwn({
    header: { ...rest, ...(estimated ? { estimated } : {}) },
    time: base,
    series: toSeries(records.map((record) => ({ ...record, time: record.time + shift }))),
    gaps: gaps.map((gap) => ({ ...gap, time: gap.time + shift })),
  });
}

/**
 * Merges stored packs of one audience and run, given in order of seq without a hole, into one pack
 * that names its range seq..seqTo. Grouped by device and instant, which compresses best; by series
 * when that would be larger than the packs together before compression. (Even then a merged pack can be
 * a few per cent larger in odd cases, say every reading at a time of its own: whoever has a hard
 * limit looks at the length.)
 *
 * Throws FormatError with code `senml-merge` when packs do not belong together (gateway, audience,
 * run, clock mark, seq) or one is boot-relative, and the codes of `decodePack`.
 */
export function mergePacks(packs: readonly Uint8Array[]): Uint8Array {
  const decoded = packs.map(decodeOwn);
  const first = decoded[0];
  if (!first) throw new RangeError("no packs to merge");
  let last = first;
  for (const pack of decoded.slice(1)) {
    checkFollows(last.header, pack.header);
    last = pack;
  }
  const pack: Pack = {
    header: { ...first.header, seqTo: last.header.seqTo },
    series: toSeries(decoded.flatMap(({ records }) => records)),
    gaps: decoded.flatMap(({ gaps }) => gaps),
  };
  const merged = encodeOwn(pack, "frame");
  const together = packs.reduce((sum, bytes) => sum + bytes.length, 0);
  return merged.length <= together ? merged : encodeOwn(pack);
}

/** What came in was no pack of ours when it cannot be written again: a number without a unit, a time beyond all dates. */
function encodeOwn(pack: Pack, order?: "series" | "frame"): Uint8Array {
  try {
    return encodePack(pack, order);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FormatError(`not a pack of ours: ${cause.message}`, { code: "senml-merge", cause });
  }
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
    Boolean(before.estimated) === Boolean(after.estimated) &&
    after.seq === before.seqTo + 1;
  if (!together) {
    throw new FormatError(
      `packs ${before.run}/${before.seqTo} and ${after.run}/${after.seq} do not belong together`,
      { code: "senml-merge" },
    );
  }
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
