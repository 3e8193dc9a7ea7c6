import type { Instant } from "../../model/clock.ts";
import { rational } from "../../model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../../model/device.ts";
import type { Quality } from "../../model/quality.ts";
import type { RawValue } from "../../model/value.ts";
import type { PointResult } from "../protocol.ts";
import type { BridgeEvent, Uplink } from "./bridge.ts";
import type { DecodedUplink } from "./decode.ts";
import { compileHead, type FieldKind, fieldKind } from "./layout.ts";
import { follow, parsePath, splitPath } from "./path.ts";
import type { FieldAddress, HistoryList, LinkWord, LoraAddress, LoraDevice, LoraHead } from "./settings.ts";

export type LoraUnit = Device<LoraAddress, LoraDevice, LoraHead>;
type LoraPoint = Point<LoraAddress>;
type FieldPoint = Point<FieldAddress>;
type Result = PointResult<LoraAddress>;

/** Results of one moment, and how many records of a history had no usable time. */
export interface Told {
  /** Oldest first; what belongs together has one time. */
  readonly moments: readonly (readonly Result[])[];
  readonly untimed: number;
}

/** No device is older than this; an earlier time is a clock that was never set. */
const earliestMs = Date.UTC(2015, 0, 1);
/** How far a device's clock may be ahead, ms. */
const aheadMs = 10 * 60_000;
/** Records of one uplink that are taken. */
const mostRecords = 1024;

/**
 * What an uplink says: history first, oldest first, then now. A point whose field is not in this
 * uplink has no result.
 *
 * @param at the uplink's own time
 * @param receivedMs the same in Unix ms, for records that count back from it
 */
export function uplinkResults(
  device: LoraUnit,
  uplink: Uplink,
  decoded: DecodedUplink,
  at: Instant,
  receivedMs: number,
): Told {
  const { points, protocolSettings } = device.profile;
  const head = compileHead(protocolSettings);
  const now: Result[] = linkResults(points, linkOf(uplink), at);
  if (decoded.kind === "undecoded" && uplink.data)
    now.push({ point: rawPoint(device.profile), at, raw: uplink.data });
  if (decoded.kind !== "decoded") return { moments: [now], untimed: 0 };
  const fields = points.filter(isFieldPoint);
  const moments = new Map<number, Result[]>();
  let untimed = 0;
  for (const list of head.history) {
    for (const { ms, record } of recordsOf(list, decoded.data, receivedMs)) {
      if (!(ms >= earliestMs && ms <= receivedMs + aheadMs)) {
        untimed += 1;
        continue;
      }
      const own: Instant = { base: "unix", ms };
      const found = fields.flatMap((point) => {
        const inside = insideOf(point.address.field, list.list);
        const value = inside && follow(record, inside);
        return value === undefined ? [] : [valueResult(point, value, own, kindFor(point, head))];
      });
      if (found.length > 0) moments.set(ms, [...(moments.get(ms) ?? []), ...found]);
    }
  }
  for (const point of fields) {
    const steps = parsePath(point.address.field) ?? [];
    if (splitPath(steps)) continue;
    const problem = problemOf(point.address.field, decoded.quality);
    const value = follow(decoded.data, steps);
    if (problem) now.push({ point, at, problem, detail: `the payload says ${problem}` });
    else if (value !== undefined && value !== null)
      now.push(valueResult(point, value, at, kindFor(point, head)));
  }
  const past = [...moments].sort(([a], [b]) => a - b).map(([, results]) => results);
  return { moments: now.length > 0 ? [...past, now] : past, untimed };
}

/** What a device status answer says. */
export function statusResults(
  { profile }: LoraUnit,
  { margin, battery, externalPower }: Extract<BridgeEvent, { kind: "status" }>,
  at: Instant,
): Result[] {
  return linkResults(profile.points, { margin, battery, external_power: externalPower }, at);
}

/** How many uplinks were lost before this one. */
export function gapResults({ profile }: LoraUnit, lost: number, at: Instant): Result[] {
  const found = linkResults(profile.points, { fcnt_gap: lost }, at);
  return found.length > 0 ? found : [{ point: gapPoint, at, raw: lost }];
}

function linkOf({ link, fCnt }: Uplink): Partial<Record<LinkWord, RawValue | undefined>> {
  const { rssi, snr, gateway, gateways, dr } = link;
  return { rssi: rssi === undefined ? undefined : Math.round(rssi), snr, gateway, gateways, dr, fcnt: fCnt };
}

function linkResults(
  points: readonly LoraPoint[],
  link: Partial<Record<LinkWord, RawValue | undefined>>,
  at: Instant,
): Result[] {
  return points.flatMap((point): Result[] => {
    const raw = "link" in point.address ? link[point.address.link] : undefined;
    return raw === undefined ? [] : [{ point, at, raw }];
  });
}

function isFieldPoint(point: LoraPoint): point is FieldPoint {
  return "field" in point.address;
}

function kindFor({ address }: FieldPoint, head: ReturnType<typeof compileHead>): FieldKind {
  return fieldKind(address.field, address.type, head);
}

/** Of a point that belongs to a history: where its value stands in a record. By `list[].name`, or by the same name. */
function insideOf(field: string, list: string): ReturnType<typeof parsePath> {
  const steps = parsePath(field) ?? [];
  const split = splitPath(steps);
  if (!split) return steps;
  const wanted = parsePath(list) ?? [];
  const same =
    split.list.length === wanted.length && split.list.every((step, index) => step === wanted[index]);
  return same ? split.inside : undefined;
}

/** Records of a list with the time of each, NaN where it has none. A record that stands alone is a list of one. */
function* recordsOf(
  { list, when }: HistoryList,
  data: unknown,
  receivedMs: number,
): Generator<{ ms: number; record: unknown }> {
  const found = follow(data, parsePath(list) ?? []);
  if (typeof found !== "object" || found === null) return;
  const records: readonly unknown[] = Array.isArray(found) ? found : [found];
  for (const [index, record] of records.slice(0, mostRecords).entries()) {
    if (when.by === "every") {
      const back = when.newest === "first" ? index : records.length - 1 - index;
      yield { ms: receivedMs - back * when.ms, record };
      continue;
    }
    const told = follow(record, [when.field]);
    if (when.by === "age")
      yield { ms: typeof told === "number" ? receivedMs - told * 1000 : Number.NaN, record };
    else yield { ms: timeOf(told, when.format), record };
  }
}

function timeOf(told: unknown, format: "epoch" | "epoch-ms" | "iso8601"): number {
  if (format === "iso8601") return typeof told === "string" ? Date.parse(told) : Number.NaN;
  if (typeof told !== "number") return Number.NaN;
  return format === "epoch" ? Math.round(told * 1000) : Math.round(told);
}

/** The codec's word about a field, by its whole name or its first. */
function problemOf(
  field: string,
  quality: Readonly<Record<string, Quality>> | undefined,
): Quality | undefined {
  if (!quality) return undefined;
  const word = Object.hasOwn(quality, field) ? quality[field] : undefined;
  return word === "good" ? undefined : word;
}

function valueResult(point: FieldPoint, value: unknown, at: Instant, kind: FieldKind): Result {
  const raw = rawOf(value, kind);
  if (raw !== undefined) return { point, at, raw };
  const is = Array.isArray(value) ? "a list" : value === null ? "nothing" : typeof value;
  return { point, at, problem: "config-error", detail: `${point.address.field} is ${is}, not ${kind}` };
}

function rawOf(value: unknown, kind: FieldKind): RawValue | undefined {
  switch (kind) {
    case "text":
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? String(value)
        : undefined;
    case "boolean":
      if (value === 0 || value === 1) return value === 1;
      return typeof value === "boolean" ? value : undefined;
    default:
      if (typeof value === "boolean") return value ? 1 : 0;
      return typeof value === "number" || typeof value === "bigint" ? value : undefined;
  }
}

const own = {
  scale: rational(1),
  offset: rational(0),
  kind: "event",
  pollClass: "normal",
  absent: [],
} as const;
const nowhere: LoraAddress = { link: "fcnt" };

/** Of devices whose profile has no point for it. */
const gapPoint: LoraPoint = {
  ...own,
  name: "fcnt_gap",
  title: { en: "Uplinks lost", sv: "Förlorade upplänkar" },
  address: nowhere,
  rawKind: "integer",
  resolution: rational(1),
  personal: false,
};

const rawPoints = new WeakMap<DeviceProfile, LoraPoint>();

/** What nobody could decode is kept as it came; as private as the most private point. */
function rawPoint(profile: DeviceProfile<LoraAddress, LoraHead>): LoraPoint {
  const known = rawPoints.get(profile);
  if (known) return known;
  const point: LoraPoint = {
    ...own,
    name: "raw_payload",
    title: { en: "Payload that was not decoded", sv: "Ej avkodad nyttolast" },
    address: nowhere,
    rawKind: "bytes",
    personal: profile.points.some(({ personal }) => personal),
  };
  rawPoints.set(profile, point);
  return point;
}
