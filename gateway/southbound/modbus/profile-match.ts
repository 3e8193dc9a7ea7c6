import type { Instant } from "../../model/clock.ts";
import type { ProfileMatch } from "../../model/commissioning.ts";
import type { DeviceProfile, Point } from "../../model/device.ts";
import { GatewayError, LinkError } from "../../model/errors.ts";
import { identified } from "../../model/identify.ts";
import type { Reading } from "../../model/reading.ts";
import type { Value } from "../../model/value.ts";
import { momentReadings } from "../derivation.ts";
import { type Likeness, likeness, matchOf, namedIn, stranger } from "../profile-fit.ts";
import type { PointResult, ReadRequest } from "../protocol.ts";
import { decodeAnswer } from "./decode.ts";
import type { PlannedRead } from "./plan.ts";
import { type ModbusAddress, type ModbusHead, type Span, wireSpan } from "./settings.ts";
import { isSunspec, type SunspecRequest } from "./sunspec-plan.ts";
import { type ReadHolding, SunspecUnit } from "./sunspec-read.ts";

// What registers of a unit say of a profile, wherever they come from: asked for in a scan, or overheard.

export type ModbusProfile = DeviceProfile<ModbusAddress, ModbusHead>;

/** - `refused`: the device has no such place. - `silent`: no answer, a damaged one, or it is busy. - `spent`: no more may be asked */
export type Miss = "refused" | "silent" | "spent";

/** Registers of one unit. Rejects with LinkError, or the signal's reason. */
export interface RegisterSource {
  /** The data bytes of a place, as the answer to its read would hold them. */
  read(span: Span): Promise<Uint8Array | Miss>;
  /** For the reader of SunSpec models. */
  readonly holding: ReadHolding;
  readonly at: Instant;
}

/** What was read of a unit, to be compared with a profile. */
export interface ReadOfUnit {
  readonly unit: number;
  readonly results: readonly PointResult<ModbusAddress>[];
  /** As `namedIn` of `texts`. */
  readonly named: number;
  /** What the device says of itself. */
  readonly texts: readonly string[];
  /** Only these could be read: the others say nothing against the profile. Absent: all of them. */
  readonly heard?: readonly Point<ModbusAddress>[] | undefined;
}

/** A fit as good as this makes a SunSpec model the device's own. */
const goodFit = 0.5;
/** Ranges of a refused read that are tried one by one. */
const mostParts = 12;

export function isModbusProfile(profile: DeviceProfile): profile is ModbusProfile {
  return profile.protocol === "modbus";
}

export function isSunspecProfile({ points }: ModbusProfile): boolean {
  return points.some(({ address }) => address.sunspec !== undefined);
}

/** Where a point lies; undefined for one without a fixed place. */
export function spanOf(
  { protocolSettings }: ModbusProfile,
  { address }: Point<ModbusAddress>,
): Span | undefined {
  try {
    return wireSpan(address, protocolSettings.addressing);
  } catch (error) {
    if (error instanceof RangeError || error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** What the requests of a profile give. `sunspec`: readers of models, kept from one profile to the next. */
export async function readProfile(
  source: RegisterSource,
  profile: ModbusProfile,
  requests: readonly ReadRequest<ModbusAddress>[],
  sunspec: Map<string, SunspecUnit>,
): Promise<readonly PointResult<ModbusAddress>[]> {
  const results: PointResult<ModbusAddress>[] = [];
  for (const request of requests) {
    if (isSunspec(request)) results.push(...(await readModel(source, profile, request, sunspec)));
    else if (isPlanned(request)) results.push(...(await readPlanned(source, profile, request)));
  }
  return results;
}

/** The match that what was read makes; undefined where nothing speaks for the profile, or its own rules against it. Pure. */
export function matchRead(
  profile: ModbusProfile,
  { unit, results, named, texts, heard }: ReadOfUnit,
): ProfileMatch | undefined {
  const readings = momentReadings(stranger(profile, { unit }), results);
  const like = heard ? partly(profile, readings, heard) : likeness(profile, readings);
  const values = new Map<string, Value>();
  for (const { name, quality, value } of readings)
    if (quality === "good" && value !== undefined) values.set(name, value);
  const isKnown = !heard || (profile.identify ?? []).every(({ point }) => values.has(point));
  const proven = isKnown ? provenBy(profile, values) : undefined;
  if (proven === false) return undefined;
  const evidence = [
    ...(proven ?? []),
    ...(named === 1 ? [`says "${texts.find((text) => namedIn(profile, [text]) === 1) ?? ""}"`] : []),
  ];
  return matchOf(profile, like, { identified: isProven(profile, proven, named, like), named, evidence });
}

/** Of the points that could be read. */
function partly(profile: ModbusProfile, readings: readonly Reading[], heard: readonly Point[]): Likeness {
  const names = new Set(heard.map(({ name }) => name));
  const points = profile.points.filter(({ name }) => names.has(name));
  const like = likeness({ ...profile, points }, readings);
  return { ...like, whole: like.whole && points.length === profile.points.length };
}

/** A model of SunSpec says by its number what it holds; any other device by its rules, or by its own words. */
function isProven(
  profile: ModbusProfile,
  proven: readonly string[] | undefined,
  named: number,
  like: Likeness,
): boolean {
  if (proven !== undefined) return true;
  if (isSunspecProfile(profile)) return like.telling > 0 && like.fit >= goodFit;
  return named === 1 && like.telling > 0;
}

/** What the rules of `identify` have seen, undefined where there are none, false where they say that it is another device. */
function provenBy(profile: ModbusProfile, values: ReadonlyMap<string, Value>): string[] | undefined | false {
  const rules = profile.identify ?? [];
  if (rules.length === 0) return undefined;
  if ("mismatch" in identified(profile, values)) return false;
  return rules.map(({ point }) => `${point} ${String(values.get(point))}`);
}

async function readPlanned(
  source: RegisterSource,
  profile: ModbusProfile,
  request: PlannedRead,
): Promise<readonly PointResult<ModbusAddress>[]> {
  const head = profile.protocolSettings;
  const data = await source.read(request);
  if (typeof data !== "string") return decodeAnswer(request, head, data, 0, source.at);
  if (data !== "refused" || request.parts.length < 2) return [];
  // One register that a variant of the device lacks must not hide the others.
  const results: PointResult<ModbusAddress>[] = [];
  for (const { start, end } of request.parts.slice(0, mostParts)) {
    const span: Span = { table: request.table, start, count: end - start };
    const part = await source.read(span);
    if (typeof part === "string") continue;
    const points = request.points.filter((point) => {
      const own = spanOf(profile, point);
      return own && own.start >= start && own.start + own.count <= end;
    });
    results.push(...decodeAnswer({ ...request, ...span, points }, head, part, 0, source.at));
  }
  return results;
}

async function readModel(
  source: RegisterSource,
  { protocolSettings: { sunspecBases } }: ModbusProfile,
  request: SunspecRequest,
  units: Map<string, SunspecUnit>,
): Promise<readonly PointResult<ModbusAddress>[]> {
  const key = String(sunspecBases ?? "");
  const known = units.get(key) ?? new SunspecUnit(sunspecBases);
  units.set(key, known);
  try {
    return await known.read(request, source.holding);
  } catch (error) {
    // The device has no such model, or does not say.
    if (error instanceof GatewayError && !(error instanceof LinkError)) return [];
    throw error;
  }
}

function isPlanned(request: ReadRequest<ModbusAddress>): request is PlannedRead {
  return "table" in request && "parts" in request;
}
