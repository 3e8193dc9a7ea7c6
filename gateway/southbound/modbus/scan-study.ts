import type { ProfileMatch } from "../../model/commissioning.ts";
import { type Point, toldPoints } from "../../model/device.ts";
import { momentReadings } from "../derivation.ts";
import { namedIn, ranked, stranger, valueKinds } from "../profile-fit.ts";
import type { ReadRequest } from "../protocol.ts";
import { decodeAnswer } from "./decode.ts";
import { type PlannedRead, planModbus } from "./plan.ts";
import { isSunspecProfile, type ModbusProfile, matchRead, readProfile, spanOf } from "./profile-match.ts";
import { type Said, whatItSays } from "./scan-identity.ts";
import type { UnitReader } from "./scan-reader.ts";
import type { ModbusAddress, ModbusConnection } from "./settings.ts";
import { planSunspec } from "./sunspec-plan.ts";
import type { SunspecUnit } from "./sunspec-read.ts";

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

async function compare(
  reader: UnitReader,
  unit: number,
  { profile, named, requests }: Candidate,
  said: Said,
  sunspec: Map<string, SunspecUnit>,
): Promise<ProfileMatch | undefined> {
  const results = await readProfile(reader, profile, requests, sunspec);
  return matchRead(profile, { unit, results, named, texts: said.texts });
}
