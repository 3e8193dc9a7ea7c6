import type { ProfileMatch } from "../../model/commissioning.ts";
import { type Point, toldPoints } from "../../model/device.ts";
import { namedIn, ranked, stranger } from "../profile-fit.ts";
import type { ReadRequest } from "../protocol.ts";
import type { HeardUnit } from "./heard-unit.ts";
import type { PlannedRead } from "./plan.ts";
import { isSunspecProfile, type ModbusProfile, matchRead, readProfile, spanOf } from "./profile-match.ts";
import { type ModbusAddress, type ModbusConnection, type Span, tables } from "./settings.ts";
import { planSunspec } from "./sunspec-plan.ts";

/** What of a profile is looked up in what was heard: each point by itself, as another master asks as it likes. */
export interface HeardCandidate {
  readonly profile: ModbusProfile;
  readonly places: readonly { readonly span: Span; readonly read: PlannedRead }[];
  readonly models: readonly ReadRequest<ModbusAddress>[];
  /** Points that a profile reads. */
  readonly points: number;
}

/** Profiles that are decoded; of the others less was heard. */
const mostDecoded = 24;
export function heardCandidates(
  connection: ModbusConnection,
  profiles: readonly ModbusProfile[],
): readonly HeardCandidate[] {
  return profiles.map((profile) => {
    const points = toldPoints(profile);
    const places = points.flatMap((point) => {
      const span = point.address.sunspec ? undefined : spanOf(profile, point);
      return span ? [{ span, read: { ...span, points: [point], costMs: 0, label: "", parts: [] } }] : [];
    });
    const models = isSunspecProfile(profile)
      ? planSunspec(connection, stranger(profile, { unit: 1 }), points, {})
      : [];
    return { profile, places, models, points: points.length };
  });
}

/** Which profiles fit what was heard of a unit, the best first. */
export async function matchHeard(
  unit: HeardUnit,
  candidates: readonly HeardCandidate[],
): Promise<readonly ProfileMatch[]> {
  if (unit.answers === 0) return [];
  const worth: {
    candidate: HeardCandidate;
    heard: Point<ModbusAddress>[];
    explained: number;
    named: number;
  }[] = [];
  for (const candidate of candidates) {
    const named = namedIn(candidate.profile, unit.texts);
    const heard: Point<ModbusAddress>[] = [];
    let known = 0;
    for (const { span, read } of candidate.places) {
      const data = await unit.read(span);
      if (data === "silent") continue;
      heard.push(...read.points);
      known += typeof data === "string" ? 0 : 1;
    }
    if (known === 0 && candidate.models.length === 0 && named < 1) continue;
    worth.push({ candidate, heard, explained: explainedOf(unit, candidate), named });
  }
  worth.sort((a, b) => b.named - a.named || b.explained - a.explained || b.heard.length - a.heard.length);
  const matches: (ProfileMatch | undefined)[] = [];
  for (const one of worth.slice(0, mostDecoded)) matches.push(await compare(unit, one));
  return ranked(matches);
}

async function compare(
  unit: HeardUnit,
  {
    candidate: { profile, places, models, points },
    heard,
    explained,
    named,
  }: {
    readonly candidate: HeardCandidate;
    readonly heard: readonly Point<ModbusAddress>[];
    readonly explained: number;
    readonly named: number;
  },
): Promise<ProfileMatch | undefined> {
  const reads = places.map(({ read }) => read);
  const results = await readProfile(unit, profile, [...reads, ...models], new Map());
  const cut = cutOf(unit, places);
  const all = new Set([...heard, ...results.map(({ point }) => point)]);
  if (all.size === 0 && named < 1) return undefined;
  const match = matchRead(profile, {
    unit: unit.unit,
    results,
    named,
    texts: unit.texts,
    heard: [...all],
  });
  if (!match) return undefined;
  const share = all.size / Math.max(1, points);
  const evidence =
    all.size < points ? [...match.evidence, `${all.size} of ${points} points heard`] : match.evidence;
  if (match.by === "identified") return { ...match, evidence };
  const fit = trust({
    fit: match.fit,
    explained: models.length > 0 ? 1 : explained,
    share,
    cut: cut / (cut + all.size),
  });
  return { ...match, fit: Math.round(fit * 1000) / 1000, evidence };
}

/**
 * How much a match counts. Masters ask a device for what it has, in pieces that suit its values, and seldom for
 * all of it: what a profile cannot explain speaks against it, values that were cut in two do more so, and
 * what was not heard only a little. Tried with every profile's own device: it comes first when all, and
 * nearly always when five values are asked for; what is left are models with the same registers.
 */
function trust({
  fit,
  explained,
  share,
  cut,
}: {
  readonly fit: number;
  readonly explained: number;
  readonly share: number;
  readonly cut: number;
}): number {
  return Math.sqrt(fit) * explained ** 2 * (0.5 + 0.5 * share) * (1 - cut) ** 2;
}

/** Of the registers that hold something, the part that the profile knows. */
function explainedOf(unit: HeardUnit, { places }: HeardCandidate): number {
  let known = 0;
  let all = 0;
  for (const table of tables) {
    const covered = new Set<number>();
    for (const { span } of places)
      if (span.table === table)
        for (let index = 0; index < span.count; index++) covered.add(span.start + index);
    for (const [address, word] of unit.registers.words(table)) {
      if (covered.has(address)) known++;
      // A zero between two values says nothing.
      if (covered.has(address) || word !== 0) all++;
    }
  }
  return all === 0 ? 0 : known / all;
}

/** Values of which a part was asked for, and not the rest: nobody does that to a device that has them. */
function cutOf({ registers }: HeardUnit, places: HeardCandidate["places"]): number {
  return places.filter(({ span }) => {
    if (span.count < 2 || registers.get(span)) return false;
    for (let index = 0; index < span.count; index++)
      if (registers.get({ ...span, start: span.start + index, count: 1 })) return true;
    return false;
  }).length;
}
