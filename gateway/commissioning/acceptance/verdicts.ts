import { createHash } from "node:crypto";
import type { ActuatorVerdict, DeviceVerdict, Missing, PointVerdict } from "../../model/acceptance.ts";
import type { Clock } from "../../model/clock.ts";
import { type Device, type Point, sentPoints } from "../../model/device.ts";
import { valueToJson } from "../../model/json.ts";
import type { Reading } from "../../model/reading.ts";

/** A point or actuator as a person saw it. */
export interface Seen {
  readonly result: "confirmed" | "rejected";
  readonly note?: string | undefined;
  readonly by: string;
  readonly at: string;
}

/** What became of the last test command of an actuator. */
export interface Tested {
  readonly command: string;
  /** `succeeded`, `failed: no-answer`. */
  readonly outcome: string;
  readonly by: string;
  readonly at: string;
}

/** All that people found out about a device. */
export interface DeviceMarks {
  readonly seen: Readonly<Record<string, Seen>>;
  readonly tested: Readonly<Record<string, Tested>>;
}

const noMarks: DeviceMarks = { seen: {}, tested: {} };

/**
 * Whether a device can be accepted. Every point must have a good reading that nobody rejected; one that the device
 * itself says it does not have passes when a person confirms that. Of a device that can be commanded at least one
 * point must have been seen to obey, and none that was tried may have failed.
 */
export function judgeDevice(
  device: Device,
  readings: readonly Reading[],
  clock: Clock,
  marks: DeviceMarks = noMarks,
): DeviceVerdict {
  const latest = new Map(readings.map((reading) => [reading.name, reading]));
  const points = sentPoints(device).flatMap((point) =>
    namesOf(point).map((name) =>
      judgePoint(point, name, latest.get(name) ?? latest.get(point.name), clock, marks),
    ),
  );
  const actuators = writable(device).map((point) => actuatorVerdict(point, marks));
  const missing = [...points.flatMap(missingOfPoint), ...missingOfActuators(actuators)].map((one) => ({
    ...one,
    device: device.id,
  }));
  const { owner } = device.record ?? {};
  return {
    device: device.id,
    profile: device.profile.id,
    connection: device.connection,
    settings: plainSettings(device.settings),
    title: device.title,
    owner,
    place: device.place,
    position: device.position && { lat: device.position.lat, lon: device.position.lon },
    points,
    actuators,
    ok: missing.length === 0,
    missing,
  };
}

/** Changes whenever the device is another one, or is read in another way: what was seen before then counts no more. */
export function fingerprintOf({ profile, connection, settings }: Device): string {
  const told = [profile.id, profile.hash, connection, plainSettings(settings)];
  return createHash("sha256").update(JSON.stringify(told)).digest("hex");
}

/** Settings as JSON can show them; secrets show nothing. */
export function plainSettings(settings: unknown): unknown {
  if (typeof settings === "bigint") return settings.toString();
  if (settings instanceof Uint8Array) return Buffer.from(settings).toString("hex");
  if (settings instanceof Map) return plainSettings(Object.fromEntries(settings));
  if (Array.isArray(settings)) return settings.map(plainSettings);
  if (typeof settings !== "object" || settings === null)
    return typeof settings === "function" ? undefined : settings;
  if ("toJSON" in settings && typeof settings.toJSON === "function") return settings.toJSON();
  return Object.fromEntries(Object.entries(settings).map(([key, one]) => [key, plainSettings(one)]));
}

/** Every name that may be confirmed or rejected. */
export function checkableNames(device: Device): string[] {
  return [...sentPoints(device).flatMap(namesOf), ...writable(device).map(({ name }) => name)];
}

function namesOf({ name, bits }: Point): string[] {
  return bits ? Array.from(bits.values(), (bit) => `${name}/${bit}`) : [name];
}

function writable({ profile }: Device): Point[] {
  const { points, commands = [] } = profile;
  return [...points.filter(({ write }) => write !== undefined), ...commands];
}

function judgePoint(
  { title, unit, range, kind, bits, bitTitles }: Point,
  name: string,
  reading: Reading | undefined,
  clock: Clock,
  marks: DeviceMarks,
): PointVerdict {
  const bit = bits && Array.from(bits).find(([, one]) => name.endsWith(`/${one}`))?.[0];
  const seen = own(marks.seen, name);
  const quality = reading?.quality ?? "unread";
  // What never happened cannot have been read.
  const good = quality === "good" || (quality === "unread" && kind === "event");
  const without = quality === "sentinel" && seen?.result === "confirmed";
  return {
    point: name,
    title: (bit === undefined ? undefined : bitTitles?.get(bit)) ?? title,
    quality,
    ...(reading?.value === undefined ? {} : { value: valueToJson(reading.value) }),
    unit,
    ...(reading ? timesOf(reading, clock) : {}),
    range,
    ok: seen?.result !== "rejected" && (good || without),
    seen: seen?.result,
    note: seen?.note,
  };
}

function timesOf({ time }: Reading, clock: Clock): { time?: string; ageS: number } {
  const unix = clock.toUnix(time);
  const ageMs = time.base === "boot" ? clock.monotonic() - time.ms : clock.now() - time.ms;
  const ageS = Math.max(0, Math.round(ageMs / 1000));
  return unix === undefined ? { ageS } : { time: new Date(unix).toISOString(), ageS };
}

function actuatorVerdict({ name, title }: Point, marks: DeviceMarks): ActuatorVerdict {
  const tested = own(marks.tested, name);
  const last = own(marks.seen, name);
  // Of a point that is read as well somebody may have confirmed the value before anything was moved.
  const seen = tested && last && last.at >= tested.at ? last : undefined;
  return {
    point: name,
    title,
    command: tested?.command,
    outcome: tested?.outcome,
    seen: seen?.result,
    note: seen?.note,
    at: tested?.at,
    by: tested?.by,
  };
}

function missingOfPoint({ ok, seen, point }: PointVerdict): Missing[] {
  if (ok) return [];
  return [{ what: seen === "rejected" ? "point-rejected" : "point-not-good", point }];
}

function missingOfActuators(actuators: readonly ActuatorVerdict[]): Missing[] {
  const tried = actuators.filter(({ outcome }) => outcome !== undefined);
  if (actuators.length > 0 && tried.length === 0)
    return [{ what: "actuator-untested", ...(actuators.length === 1 ? { point: actuators[0]?.point } : {}) }];
  return tried.flatMap(({ outcome, seen, point }): Missing[] => {
    if (outcome !== "succeeded") return [{ what: "actuator-failed", point }];
    if (seen === "rejected") return [{ what: "actuator-rejected", point }];
    return seen === undefined ? [{ what: "actuator-unconfirmed", point }] : [];
  });
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The last test of a far side. */
export interface NorthboundTest {
  readonly name: string;
  readonly ok: boolean;
  /** Undefined: never tested. */
  readonly at?: string;
}

/** What keeps a gateway from being accepted; empty where nothing does. */
export function missingFor(
  devices: readonly DeviceVerdict[],
  northbound: readonly NorthboundTest[],
): Missing[] {
  return [
    ...(devices.length === 0 ? [{ what: "no-device" } as const] : []),
    ...devices.flatMap(({ missing }) => missing),
    ...northbound
      .filter(({ ok }) => !ok)
      .map(
        ({ name, at }): Missing => ({
          what: at === undefined ? "northbound-untested" : "northbound-failed",
          northbound: name,
        }),
      ),
  ];
}
