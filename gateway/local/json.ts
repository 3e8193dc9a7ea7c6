import type { Clock } from "../model/clock.ts";
import type { CommandResult } from "../model/command.ts";
import { toNumber } from "../model/decimal.ts";
import { audienceOf, type Device, type Point, pollPeriod, readablePoints } from "../model/device.ts";
import { valueToJson } from "../model/json.ts";
import type { Value } from "../model/value.ts";
import type { WriteRule } from "../model/write-rule.ts";
import type { DeviceStatus, LocalHold } from "./surface.ts";

// What devices, commands and holds look like in the API. answers.ts says the same as schemas.

export function resultToJson(result: CommandResult, clock: Clock) {
  const { value, before, time, ...rest } = result;
  const unix = clock.toUnix(time);
  return {
    ...rest,
    ...(value === undefined ? {} : { value: valueToJson(value) }),
    ...(before === undefined ? {} : { before: valueToJson(before) }),
    ...(unix === undefined ? { bootMs: time.ms } : { time: new Date(unix).toISOString() }),
  };
}

export function holdToJson({ value, until, ...rest }: LocalHold) {
  return {
    ...rest,
    value: valueToJson(value),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}

export function deviceSummary(device: Device, status: DeviceStatus | undefined) {
  const { profile } = device;
  return {
    id: device.id,
    title: device.title,
    profile: profile.id,
    category: profile.category,
    connection: device.connection,
    audience: device.audience,
    state: status?.state ?? "unknown",
    problem: status?.problem,
    lastSeen: status?.lastSeen,
  };
}

export function deviceToJson(device: Device, status: DeviceStatus | undefined) {
  const { profile } = device;
  const points = readablePoints(profile).filter(({ hidden }) => !hidden);
  return {
    ...deviceSummary(device, status),
    profile: {
      id: profile.id,
      version: profile.version,
      title: profile.title,
      manufacturer: profile.manufacturer,
      models: profile.models,
      category: profile.category,
      status: profile.status,
      hash: profile.hash,
    },
    points: [
      ...points.map((point) => pointToJson(device, point, true)),
      ...(profile.commands ?? []).map((point) => pointToJson(device, point, false)),
    ],
  };
}

function pointToJson(device: Device, point: Point, readable: boolean) {
  const { name, title, unit, kind, range, labels, bits, personal, write } = point;
  const period = readable ? pollPeriod(device, point) : Number.POSITIVE_INFINITY;
  return {
    name,
    title,
    kind,
    unit,
    range,
    labels: labels && Array.from(labels.values()),
    bits: bits && Array.from(bits.values(), (bit) => `${name}/${bit}`),
    audience: audienceOf(device, point),
    personal,
    readable,
    periodMs: readable && Number.isFinite(period) ? period : undefined,
    write: write && {
      takes: takenBy(point, write),
      range: write.range,
      allowed: write.allowed?.map(valueToJson),
      labels: write.labels && Array.from(write.labels.values()),
      step: write.step && toNumber(write.step),
      rate: write.rate,
      budget: write.budget,
      verified: write.verify !== undefined,
      keepaliveMs: write.keepaliveMs,
      failsafe: write.failsafe && {
        afterMs: write.failsafe.afterMs,
        value: valueToJson(write.failsafe.value),
      },
      longestMs: write.expiryMs,
      confirm: write.confirm,
    },
  };
}

/** What kind of value a command gives. */
function takenBy(point: Point, { labels = point.labels, rawKind }: WriteRule) {
  if (labels) return "label";
  return rawKind === "integer" || rawKind === "float" ? "number" : rawKind;
}

/**
 * The value that JSON means for a point: what JSON's numbers cannot hold comes as a text (whole numbers beyond
 * 2^53 in decimal, bytes in hexadecimal). What does not fit is left as it is, for the desk to refuse.
 */
export function commandValue(point: Point | undefined, value: number | string | boolean): Value {
  if (typeof value !== "string" || !point) return value;
  const { rawKind } = point.write ?? {};
  if (rawKind === "bytes" && /^(?:[0-9a-fA-F]{2})*$/.test(value)) return Buffer.from(value, "hex");
  const named = point.labels ?? point.write?.labels;
  if (rawKind === "integer" && !named && point.kind !== "id" && /^-?\d{1,20}$/.test(value)) {
    const whole = BigInt(value);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  }
  return value;
}
