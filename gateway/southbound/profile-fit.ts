import type { ProfileMatch } from "../model/commissioning.ts";
import type { Device, DeviceProfile, Point } from "../model/device.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";

// How well a profile fits what a device was seen to say: the same measure for every protocol, so that the
// matches of one device can be compared.

/** What speaks for and against a profile. */
export interface Likeness {
  /** 0 to 1. */
  readonly fit: number;
  /** All that the profile reads was there, and nothing of it made no sense. */
  readonly whole: boolean;
  /** Values that say something: neither zero nor empty, and possible. */
  readonly telling: number;
  /** The most telling values, for people. */
  readonly evidence: readonly string[];
}

/** Values of quantities as devices of a city have them, both ends included. Wider than any range of a profile. */
const possible: Readonly<Record<string, readonly [number, number]>> = {
  V: [-2000, 50_000],
  A: [-20_000, 20_000],
  Hz: [0, 1000],
  Cel: [-90, 400],
  "%RH": [0, 100.5],
  "%": [-1000, 1000],
  ppm: [0, 100_000],
  deg: [-360, 360],
  "m/s": [-200, 200],
  hPa: [0, 2000],
  W: [-1e8, 1e8],
  VA: [-1e8, 1e8],
  var: [-1e8, 1e8],
};
/** Beyond this a number is rather a wrong word order than a value. */
const largest = 1e12;
const smallest = 1e-7;

/**
 * What each kind of value counts. A zero speaks a little against: a device that answers zero to what it does
 * not have looks like all of its larger relatives.
 */
const weights = {
  telling: 1,
  plain: 0.6,
  state: 0.3,
  zero: -0.15,
  absent: -0.15,
  missing: -0.5,
  wrong: -1.5,
} as const;
/** A sum of weights that makes half of the trust. */
const halfTrust = 2;
const mostEvidence = 4;

/**
 * Compares what was read with what the profile expects. Pure.
 *
 * @param readings of one moment; of points that were not read there is none
 */
export function likeness(profile: DeviceProfile, readings: readonly Reading[]): Likeness {
  const byPoint = Map.groupBy(
    readings.filter(({ point }) => point.formula === undefined),
    ({ point }) => point.name,
  );
  let sum = 0;
  let telling = 0;
  let whole = true;
  const shown: { readonly weight: number; readonly text: string }[] = [];
  for (const point of profile.points) {
    const kind = valueKinds(point, byPoint.get(point.name) ?? []);
    sum += weights[kind];
    if (kind === "missing" || kind === "wrong") whole = false;
    if (weights[kind] < 0) continue;
    telling += kind === "telling" || kind === "plain" ? 1 : 0;
    const [reading] = byPoint.get(point.name) ?? [];
    if (reading?.value !== undefined)
      shown.push({ weight: weights[kind], text: evidenceOf(point, reading.value) });
  }
  return {
    fit: sum > 0 ? round(sum / (sum + halfTrust)) : 0,
    whole: whole && telling > 0,
    telling,
    evidence: shown
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, mostEvidence)
      .map(({ text }) => text),
  };
}

/** The match that a likeness makes; undefined where nothing speaks for the profile. Pure. */
export function matchOf(
  profile: DeviceProfile,
  like: Likeness,
  said: { readonly identified: boolean; readonly named: number; readonly evidence: readonly string[] } = {
    identified: false,
    named: 0,
    evidence: [],
  },
): ProfileMatch | undefined {
  const { identified, named } = said;
  // What the device says of itself goes before all that its numbers look like.
  const fit = identified ? 0.8 + 0.2 * like.fit : Math.min(0.99, like.fit + 0.35 * named * (1 - like.fit));
  if (!identified && like.telling === 0 && named < 0.5) return undefined;
  if (fit < leastFit) return undefined;
  return {
    profile: profile.id,
    title: profile.title,
    by: identified ? "identified" : like.whole ? "plausible" : "possible",
    fit: round(fit),
    evidence: [...said.evidence, ...like.evidence].slice(0, mostEvidence + 1),
  };
}

/** Less is chance. */
const leastFit = 0.08;
const mostMatches = 5;

/** The best first, and no more than a person compares. */
export function ranked(matches: Iterable<ProfileMatch | undefined>): ProfileMatch[] {
  return [...matches]
    .filter((match) => match !== undefined)
    .sort((a, b) => b.fit - a.fit || (a.profile < b.profile ? -1 : 1))
    .slice(0, mostMatches);
}

/**
 * How much of a profile's names stands in what a device says of itself: 1 a model, 0.3 its maker alone,
 * 0 nothing. Pure.
 */
export function namedIn(profile: DeviceProfile, texts: readonly string[]): number {
  const said = texts.map(plain).filter((text) => text.length >= 3);
  if (said.length === 0) return 0;
  const isSaid = (name: string) => name.length >= 4 && said.some((text) => text.includes(name));
  const model = profile.models.some((written) => {
    const [word = ""] = written.split(/[\s(]/);
    const [stem = ""] = word.split("-");
    return [written, word, stem].some((name) => /\d/.test(name) && isSaid(plain(name)));
  });
  const maker =
    isSaid(plain(profile.manufacturer)) || isSaid(plain(profile.manufacturer.split(" ")[0] ?? ""));
  return model ? 1 : maker ? 0.3 : 0;
}

/** A device of this profile that gateway.yaml does not have. */
export function stranger<A, S, H>(profile: DeviceProfile<A, H>, settings: S): Device<A, S, H> {
  return {
    id: "unknown",
    profile,
    connection: "unknown",
    settings,
    urn: "urn:dev:ops:32473-unknown:",
    audience: "restricted",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

export type ValueKind = keyof typeof weights;

/** What the readings of one point say. Pure. */
export function valueKinds(point: Point, readings: readonly Reading[]): ValueKind {
  if (readings.length === 0) return "missing";
  const qualities = new Set(readings.map(({ quality }) => quality));
  if (qualities.has("good")) {
    const kinds = readings.flatMap(({ value }) => (value === undefined ? [] : valueKind(point, value)));
    return (
      (["wrong", "telling", "plain", "state", "zero"] as const).find((kind) => kinds.includes(kind)) ??
      "absent"
    );
  }
  if (qualities.has("out-of-range")) return "wrong";
  return qualities.has("sentinel") ? "absent" : "missing";
}

function valueKind(point: Point, value: Value): Exclude<ValueKind, "absent" | "missing"> {
  if (typeof value === "boolean") return value ? "state" : "zero";
  if (typeof value === "string") {
    if (point.labels) return point.otherLabel ? "zero" : "state";
    if (point.kind === "id") return /^[0.]*$/.test(value) ? "zero" : "plain";
    return textKind(value);
  }
  if (value instanceof Uint8Array) return value.some((byte) => byte !== 0) ? "plain" : "zero";
  const number = Number(value);
  if (number === 0) return "zero";
  const size = Math.abs(number);
  if (!Number.isFinite(number) || size > largest || size < smallest) return "wrong";
  const limits = point.unit === undefined ? undefined : possible[point.unit];
  if (limits && (number < limits[0] || number > limits[1])) return "wrong";
  if (point.unit === "Hz" && size > 1 && size < 30) return "plain";
  return point.range || (limits && size > 0.001) ? "telling" : "plain";
}

/** Letters and digits are a name; anything else that is not blank is registers that hold no text. */
function textKind(text: string): "wrong" | "telling" | "zero" {
  if (/^[\0\s]*$/.test(text)) return "zero";
  return /^[\x20-\x7e\u00a0-\u00ff]+$/.test(text.replace(/\0+$/, "")) ? "telling" : "wrong";
}

function evidenceOf(point: Point, value: Value): string {
  const shown =
    value instanceof Uint8Array
      ? Buffer.from(value).toString("hex").slice(0, 24)
      : typeof value === "number" && !Number.isInteger(value)
        ? String(Number(value.toPrecision(4)))
        : String(value).replace(/\0+$/, "").slice(0, 40);
  return [point.name, shown, ...(point.unit === undefined ? [] : [point.unit])].join(" ");
}

/** `SDM630-Modbus V2` and `sdm630modbusv2` are one word. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9åäöü]/g, "");
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
