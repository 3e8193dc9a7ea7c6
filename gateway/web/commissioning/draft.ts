import type { NewDevice, ProfileSummary } from "../../local/commissioning.ts";
import type { DeviceFound, ProfileMatch } from "../../model/commissioning.ts";
import type { ReadingJson } from "../../model/json.ts";
import { type Placement, slug } from "./placement.ts";

// What a technician fills in for one device, and what becomes of it.

export interface Draft {
  readonly profile: string;
  readonly id: string;
  /** The id was typed: it no longer follows the place. */
  readonly ownId: boolean;
  readonly title: string;
  readonly owner: string;
  readonly place: string;
  readonly position: string;
  readonly options: Readonly<Record<string, string>>;
}

export const emptyDraft: Draft = {
  profile: "",
  id: "",
  ownId: false,
  title: "",
  owner: "",
  place: "",
  position: "",
  options: {},
};

export type DraftField =
  | "profile"
  | "id"
  | "title"
  | "owner"
  | "place"
  | "position"
  | "options"
  | "connection";
export type DraftProblem =
  | "profile-missing"
  | "profile-unknown"
  | "id-missing"
  | "id-form"
  | "id-taken"
  | "position-form"
  | "position-far"
  | "option-missing";

/** What cannot be sent so. */
export function problemsOf(
  draft: Draft,
  profiles: readonly Pick<ProfileSummary, "id" | "options">[],
  taken: readonly string[],
): ReadonlyMap<DraftField, DraftProblem> {
  const problems = new Map<DraftField, DraftProblem>();
  const profile = profiles.find(({ id }) => id === draft.profile);
  if (draft.profile === "") problems.set("profile", "profile-missing");
  else if (!profile) problems.set("profile", "profile-unknown");
  if (draft.id === "") problems.set("id", "id-missing");
  else if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(draft.id)) problems.set("id", "id-form");
  else if (taken.includes(draft.id)) problems.set("id", "id-taken");
  const position = parsePosition(draft.position);
  if (position === "form") problems.set("position", "position-form");
  if (position === "far") problems.set("position", "position-far");
  const missing = profile?.options.some(
    ({ name, default: usual }) => usual === undefined && (draft.options[name] ?? "") === "",
  );
  if (missing) problems.set("options", "option-missing");
  return problems;
}

/**
 * `59.3150, 18.0710` as people write or copy it, with commas or points: WGS 84, degrees. Undefined for an empty
 * text, `form` for what is no position, `far` for one that is not on the Earth.
 */
export function parsePosition(
  text: string,
): { readonly lat: number; readonly lon: number } | "form" | "far" | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const parts = /^(-?\d{1,3}(?:[.,]\d+)?)\s*[;,\s]\s*(-?\d{1,3}(?:[.,]\d+)?)$/.exec(
    trimmed.replaceAll("°", ""),
  );
  if (!parts) return "form";
  const [lat, lon] = [parts[1], parts[2]].map((part) => Number(part?.replace(",", ".")));
  if (lat === undefined || lon === undefined) return "form";
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : "far";
}

/** The position that a GNSS receiver of the gateway reads now: good readings of one device in the units lat and lon. */
export function gnssPosition(
  readings: readonly ReadingJson[],
): { readonly lat: number; readonly lon: number } | undefined {
  const good = readings.filter(({ quality, value }) => quality === "good" && typeof value === "number");
  for (const { device, unit, value: lat } of good) {
    if (unit !== "lat") continue;
    const lon = good.find((one) => one.device === device && one.unit === "lon")?.value;
    if (typeof lat === "number" && typeof lon === "number") return { lat, lon };
  }
  return undefined;
}

/** A millionth of a degree is a decimetre. */
export function positionText({ lat, lon }: { readonly lat: number; readonly lon: number }): string {
  return `${lat.toFixed(6)}, ${lon.toFixed(6)}`;
}

/** An id from what the technician wrote or what the device is, that nobody has yet: `pumphus-sodra-sdm630`. */
export function suggestId(place: string, model: string, taken: readonly string[]): string {
  const base =
    [slug(place), slug(model)].filter(Boolean).join("-").slice(0, 56).replace(/-+$/, "") || "device";
  if (!taken.includes(base)) return base;
  for (let number = 2; ; number++) {
    const numbered = `${base}-${number}`;
    if (!taken.includes(numbered)) return numbered;
  }
}

/** The last part of a profile's id: `eastron/sdm630` is an `sdm630`. */
export function modelOf(profile: string): string {
  return profile.split("/").at(-1) ?? profile;
}

export interface Choice {
  readonly profile: ProfileSummary;
  /** What the scan says of it. */
  readonly match?: ProfileMatch | undefined;
}

/**
 * Profiles to choose from, the best first: those that the scan proposes, then every other one of the protocol in
 * which each word of `query` occurs (id, title, maker, models, category).
 */
export function choicesFor(
  found: Pick<DeviceFound, "protocol" | "profiles">,
  profiles: readonly ProfileSummary[],
  query: string,
): readonly Choice[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const byId = new Map(profiles.map((profile) => [profile.id, profile]));
  const proposed = found.profiles.toSorted((a, b) => b.fit - a.fit);
  const first = proposed.flatMap((match): Choice[] => {
    const profile = byId.get(match.profile);
    return profile ? [{ profile, match }] : [];
  });
  const seen = new Set(first.map(({ profile }) => profile.id));
  const others =
    words.length === 0 ? [] : profiles.filter((one) => one.protocol === found.protocol && !seen.has(one.id));
  return [...first, ...others.map((profile): Choice => ({ profile }))].filter(({ profile }) => {
    const text = searchText(profile);
    return words.every((word) => text.includes(word));
  });
}

function searchText({ id, title, manufacturer, models, category }: ProfileSummary): string {
  return [id, title.en, title.sv ?? "", manufacturer, ...models, category].join(" ").toLowerCase();
}

export function newDevice(draft: Draft, found: DeviceFound, placement: Placement): NewDevice {
  const position = parsePosition(draft.position);
  const text = (value: string) => value.trim() || undefined;
  return JSON.parse(
    JSON.stringify({
      id: draft.id,
      profile: draft.profile,
      connection: placement.connection,
      connectionSettings: placement.kind === "new" ? placement.settings : undefined,
      settings: found.settings,
      title: text(draft.title),
      owner: text(draft.owner),
      place: text(draft.place),
      position: typeof position === "object" ? position : undefined,
      options: Object.keys(draft.options).length > 0 ? draft.options : undefined,
    } satisfies NewDevice),
  );
}

/** Which field of the form an answer of the gateway is about; `connection` where it is none of them. */
export function fieldOf({ code, message }: { readonly code: string; readonly message: string }): DraftField {
  const text = `${code} ${message}`.toLowerCase();
  const words: readonly (readonly [RegExp, DraftField])[] = [
    [/position|latitude|longitude|\blat\b|\blon\b/, "position"],
    [/option/, "options"],
    [/profile/, "profile"],
    [/owner/, "owner"],
    [/place/, "place"],
    [/title/, "title"],
    [/id-taken|name-taken|device-exists|duplicate|\bid\b/, "id"],
  ];
  return words.find(([pattern]) => pattern.test(text))?.[1] ?? "connection";
}
