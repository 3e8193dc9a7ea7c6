import { stringify } from "yaml";
import { isOne, isZero } from "../model/decimal.ts";
import { type DeviceProfile, type Point, readablePoints } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { showRational } from "./show-rational.ts";
import { showHead, showWrite } from "./show-write.ts";

/** A profile as the daemon understands it: every default filled in, addresses in the protocol's normal form. */
export function showProfile(profile: DeviceProfile, format: "yaml" | "json" = "yaml"): string {
  const expanded = {
    profile: profile.id,
    version: profile.version,
    hash: profile.hash,
    title: profile.title,
    manufacturer: profile.manufacturer,
    models: profile.models,
    category: profile.category,
    status: profile.status,
    protocol: profile.protocol,
    [profile.protocol]: profile.protocolSettings,
    ...showHead(profile),
    points: Object.fromEntries([
      ...readablePoints(profile).map((point) => [point.name, showPoint(point)]),
      // What cannot be read stands only where it is written.
      ...(profile.commands ?? []).map((point) => [point.name, { ...showPoint(point), at: undefined }]),
    ]),
  };
  if (format === "json") return `${JSON.stringify(expanded, bigintAsText, 2)}\n`;
  return stringify(expanded, { keepUndefined: false, lineWidth: 0, aliasDuplicateObjects: false });
}

function showPoint(point: Point): Record<string, unknown> {
  const { pollClass, formula } = point;
  return {
    title: point.title,
    at: point.address,
    from: formula?.text,
    unit: point.unit,
    scale: showScale(point),
    offset: isZero(point.offset) ? undefined : showRational(point.offset),
    resolution: point.resolution && showRational(point.resolution),
    kind: point.kind,
    class: formula
      ? undefined
      : typeof pollClass === "object"
        ? { every: formatDuration(pollClass.everyMs) }
        : pollClass,
    range: point.range,
    absent: point.absent.length > 0 ? point.absent : undefined,
    valid: point.valid?.text,
    curve: point.curve,
    rollover: point.rollover,
    format: point.format,
    hidden: point.hidden || undefined,
    values: point.labels && { ...Object.fromEntries(point.labels), default: point.otherLabel },
    bits:
      point.bits &&
      Object.fromEntries(
        Array.from(point.bits, ([bit, name]) => {
          const title = point.bitTitles?.get(bit);
          return [bit, title ? { name, ...title } : name];
        }),
      ),
    report: point.report && {
      change: point.report.change,
      within: point.report.withinMs === undefined ? undefined : formatDuration(point.report.withinMs),
    },
    personal: point.personal || undefined,
    doc: point.doc,
    deprecated: point.deprecated,
    write: point.write && showWrite(point.write),
  };
}

function showScale({ scale, scaleSource }: Point): unknown {
  if (!scaleSource) return isOne(scale) ? undefined : showRational(scale);
  return scaleSource.as === "exponent" ? { pow10: scaleSource.point } : { point: scaleSource.point };
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
