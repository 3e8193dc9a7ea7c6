import type { ProfileMatch } from "../../model/commissioning.ts";
import { type DeviceProfile, type Point, toldPoints } from "../../model/device.ts";
import { GatewayError, LinkError } from "../../model/errors.ts";
import { identified } from "../../model/identify.ts";
import type { Value } from "../../model/value.ts";
import { momentReadings } from "../derivation.ts";
import { type Likeness, likeness, matchOf, namedIn, ranked, stranger, valueKinds } from "../profile-fit.ts";
import type { PointResult, ReadRequest } from "../protocol.ts";
import { decodeAnswer } from "./decode.ts";
import { type PlannedRead, planModbus } from "./plan.ts";
import { type Said, whatItSays } from "./scan-identity.ts";
import type { UnitReader } from "./scan-reader.ts";
import {
  type ModbusAddress,
  type ModbusConnection,
  type ModbusHead,
  type Span,
  wireSpan,
} from "./settings.ts";
import { isSunspec, planSunspec, type SunspecRequest } from "./sunspec-plan.ts";
import { SunspecUnit } from "./sunspec-read.ts";

export type ModbusProfile = DeviceProfile<ModbusAddress, ModbusHead>;

export interface Studied {
  readonly says: string | undefined;
  readonly profiles: readonly ProfileMatch[];
}

/** One profile that the device may be. */
interface Candidate {
  readonly profile: ModbusProfile;
  /** As `namedIn`. */
  readonly named: number;
  readonly requests: readonly ReadRequest<ModbusAddress>[];
  /** What its most telling point said, the more the better. */
  promise: number;
}

/** A profile as good as this ends the search among those of which one register is zero. */
const goodFit = 0.5;
/** Ranges of a refused read that are tried one by one. */
const mostParts = 12;

/**
 * Finds out what a unit is: its own words first, then one telling register of each profile, then all that
 * the profiles read for which that register made sense. Reads only, within the reader's budget. Rejects
 * with LinkError, or the signal's reason.
 */
export async function studyUnit(
  reader: UnitReader,
  connection: ModbusConnection,
  unit: number,
  profiles: readonly ModbusProfile[],
): Promise<Studied> {
  const said = await whatItSays(reader, profiles.some(isSunspecProfile));
  const sunspec = new Map<string, SunspecUnit>();
  const candidates: Candidate[] = [];
  const possible = profiles
    .filter((profile) => !isSunspecProfile(profile) || said.sunspec)
    .map((profile): Candidate => {
      const device = stranger(profile, { unit });
      const points = toldPoints(profile);
      const { requests } = planModbus(connection, device, points, {});
      return {
        profile,
        named: namedIn(profile, said.texts),
        requests: [...requests, ...planSunspec(connection, device, points, {})],
        promise: 0,
      };
    })
    .toSorted((a, b) => b.named - a.named || Number(hasIdentity(b)) - Number(hasIdentity(a)));
  for (const candidate of possible) {
    candidate.promise = await promiseOf(reader, candidate, said);
    if (candidate.promise > 0 || candidate.named === 1) candidates.push(candidate);
  }
  candidates.sort((a, b) => b.named - a.named || b.promise - a.promise);
  const matches: (ProfileMatch | undefined)[] = [];
  for (const candidate of candidates) {
    const best = matches.reduce((most, match) => Math.max(most, match?.fit ?? 0), 0);
    if (candidate.promise < 2 && candidate.named < 1 && best >= goodFit) continue;
    matches.push(await compare(reader, unit, candidate, said, sunspec));
  }
  return { says: said.texts.length > 0 ? said.texts.join(", ") : undefined, profiles: ranked(matches) };
}

function isSunspecProfile({ points }: ModbusProfile): boolean {
  return points.some(({ address }) => address.sunspec !== undefined);
}

function hasIdentity({ profile }: Candidate): boolean {
  return (profile.identify ?? []).length > 0;
}

/** 3 telling, 2 something, 1 zero or unknown, 0 refused or senseless. */
async function promiseOf(reader: UnitReader, { profile }: Candidate, said: Said): Promise<number> {
  if (isSunspecProfile(profile)) return said.sunspec ? 3 : 0;
  const point = tellingPoint(profile);
  const span = point && spanOf(profile, point);
  if (!point || !span) return 0;
  const data = await reader.read(span);
  if (data === "refused") return 0;
  if (typeof data === "string") return 1;
  const request: PlannedRead = { ...span, points: [point], costMs: 0, label: "", parts: [] };
  const results = decodeAnswer(request, profile.protocolSettings, data, 0, reader.at);
  const kinds = valueKinds(point, momentReadings(stranger(profile, {}), results));
  // The scale of such a point is not known yet.
  if (point.scaleSource) return 2;
  return { telling: 3, plain: 2, state: 2, zero: 1, absent: 1, missing: 1, wrong: 0 }[kinds];
}

/** The point that says most about whether this is the device; one that identifies it before all. */
function tellingPoint(profile: ModbusProfile): Point<ModbusAddress> | undefined {
  const [rule] = profile.identify ?? [];
  const named = rule && toldPoints(profile).find(({ name }) => name === rule.point);
  if (named) return named;
  const worth = ({ unit, range, bits, labels, rawKind, kind }: Point): number =>
    (unit === undefined ? 0 : 2) +
    (range ? 1 : 0) +
    (labels ? 1 : 0) +
    (rawKind === "text" ? 2 : 0) +
    (unit === "V" || unit === "Hz" ? 1 : 0) -
    (bits || kind === "counter" ? 1 : 0);
  return profile.points.reduce<Point<ModbusAddress> | undefined>(
    (best, point) => (best === undefined || worth(point) > worth(best) ? point : best),
    undefined,
  );
}

function spanOf({ protocolSettings }: ModbusProfile, { address }: Point<ModbusAddress>): Span | undefined {
  try {
    return wireSpan(address, protocolSettings.addressing);
  } catch (error) {
    if (error instanceof RangeError || error instanceof GatewayError) return undefined;
    throw error;
  }
}

async function compare(
  reader: UnitReader,
  unit: number,
  { profile, named, requests }: Candidate,
  said: Said,
  sunspec: Map<string, SunspecUnit>,
): Promise<ProfileMatch | undefined> {
  const results: PointResult<ModbusAddress>[] = [];
  for (const request of requests) {
    if (isSunspec(request)) results.push(...(await readModel(reader, profile, request, sunspec)));
    else if (isPlanned(request)) results.push(...(await readPlanned(reader, profile, request)));
  }
  const readings = momentReadings(stranger(profile, { unit }), results);
  const like = likeness(profile, readings);
  const values = new Map<string, Value>();
  for (const { name, quality, value } of readings)
    if (quality === "good" && value !== undefined) values.set(name, value);
  const proven = provenBy(profile, values);
  if (proven === false) return undefined;
  const evidence = [
    ...(proven ?? []),
    ...(named === 1 ? [`says "${said.texts.find((text) => namedIn(profile, [text]) === 1) ?? ""}"`] : []),
  ];
  return matchOf(profile, like, { identified: isProven(profile, proven, named, like), named, evidence });
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
  reader: UnitReader,
  profile: ModbusProfile,
  request: PlannedRead,
): Promise<readonly PointResult<ModbusAddress>[]> {
  const head = profile.protocolSettings;
  const data = await reader.read(request);
  if (typeof data !== "string") return decodeAnswer(request, head, data, 0, reader.at);
  if (data !== "refused" || request.parts.length < 2) return [];
  // One register that a variant of the device lacks must not hide the others.
  const results: PointResult<ModbusAddress>[] = [];
  for (const { start, end } of request.parts.slice(0, mostParts)) {
    const span: Span = { table: request.table, start, count: end - start };
    const part = await reader.read(span);
    if (typeof part === "string") continue;
    const points = request.points.filter((point) => {
      const own = spanOf(profile, point);
      return own && own.start >= start && own.start + own.count <= end;
    });
    results.push(...decodeAnswer({ ...request, ...span, points }, head, part, 0, reader.at));
  }
  return results;
}

async function readModel(
  reader: UnitReader,
  { protocolSettings: { sunspecBases } }: ModbusProfile,
  request: SunspecRequest,
  units: Map<string, SunspecUnit>,
): Promise<readonly PointResult<ModbusAddress>[]> {
  const key = String(sunspecBases ?? "");
  const known = units.get(key) ?? new SunspecUnit(sunspecBases);
  units.set(key, known);
  try {
    return await known.read(request, reader.holding);
  } catch (error) {
    // The device has no such model, or does not say.
    if (error instanceof GatewayError && !(error instanceof LinkError)) return [];
    throw error;
  }
}

function isPlanned(request: ReadRequest<ModbusAddress>): request is PlannedRead {
  return "table" in request && "parts" in request;
}
