import { stringify } from "yaml";
import { isOne, isZero, type Rational } from "../model/decimal.ts";
import type { DeviceProfile, Point } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";

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
    points: Object.fromEntries(profile.points.map((point) => [point.name, showPoint(point)])),
  };
  if (format === "json") return `${JSON.stringify(expanded, bigintAsText, 2)}\n`;
  return stringify(expanded, { keepUndefined: false, lineWidth: 0 });
}

function showPoint(point: Point): Record<string, unknown> {
  const { pollClass } = point;
  return {
    title: point.title,
    at: point.address,
    unit: point.unit,
    scale: isOne(point.scale) ? undefined : showRational(point.scale),
    offset: isZero(point.offset) ? undefined : showRational(point.offset),
    resolution: point.resolution && showRational(point.resolution),
    kind: point.kind,
    class: typeof pollClass === "object" ? { every: formatDuration(pollClass.everyMs) } : pollClass,
    range: point.range,
    absent: point.absent.length > 0 ? point.absent : undefined,
    values: point.labels && Object.fromEntries(point.labels),
    bits: point.bits && Object.fromEntries(point.bits),
    report: point.report && {
      change: point.report.change,
      within: point.report.withinMs === undefined ? undefined : formatDuration(point.report.withinMs),
    },
    personal: point.personal || undefined,
    doc: point.doc,
  };
}

/** A decimal where the fraction has one, else `numerator/denominator`. */
export function showRational({ numerator, denominator }: Rational): string {
  for (let places = 0, power = 1n; places <= 60; places++, power *= 10n) {
    if (power % denominator !== 0n) continue;
    const digits = (numerator * (power / denominator))
      .toString()
      .replace("-", "")
      .padStart(places + 1, "0");
    const sign = numerator < 0n ? "-" : "";
    const whole = digits.slice(0, digits.length - places);
    return places === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-places)}`;
  }
  return `${numerator}/${denominator}`;
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
