import type { Curve } from "./curve.ts";
import type { Rational } from "./decimal.ts";
import { type Formula, pointNameOf } from "./formula.ts";
import { type DeviceRecord, openAudience, type PointView } from "./privacy.ts";
import type { RawValue } from "./value.ts";
import type {
  Deprecation,
  IdentifyRule,
  ProfileOption,
  RawKind,
  SetupStep,
  WriteRule,
} from "./write-rule.ts";

/** A text in the languages of our users. */
export interface Text {
  readonly en: string;
  readonly sv?: string | undefined;
}

/** How often a point is read. gateway.yaml says how many milliseconds the words mean. */
export type PollClass = "fast" | "normal" | "slow" | "once" | { readonly everyMs: number };

/** `id`: a number that is a name; it leaves as a text. */
export type PointKind = "gauge" | "counter" | "state" | "event" | "text" | "id";

/** Raw values of which only some bits say "not available". */
export interface MaskedSentinel {
  readonly mask: bigint;
  /** Of the bits under the mask, in their place. */
  readonly values: readonly bigint[];
}

/** A scale that another point of the device gives: 10 to its power, or itself as the factor. */
export interface ScaleSource {
  readonly point: string;
  readonly as: "exponent" | "factor";
}

/** When a new reading is worth sending: changed by at least `change`, or `withinMs` since the last one sent. */
export interface ReportRule {
  readonly change?: number | undefined;
  readonly withinMs?: number | undefined;
}

/** One named value of a device. `Address` is the protocol's own word for where it is. */
export interface Point<Address = unknown> {
  readonly name: string;
  readonly title?: Text | undefined;
  readonly address: Address;
  /** What the address, or the formula, yields. */
  readonly rawKind?: RawKind | undefined;
  /** A symbol of `units.ts`; undefined for states, texts and bits. */
  readonly unit?: string | undefined;
  /** value = raw * scale + offset, exactly. */
  readonly scale: Rational;
  readonly offset: Rational;
  /** Where the scale comes from, if it is not `scale`. */
  readonly scaleSource?: ScaleSource | undefined;
  /** Instead of scale and offset. */
  readonly curve?: Curve | undefined;
  /** Smallest step of the scaled value; numbers are rounded to it before they leave. Undefined for binary floats without one. */
  readonly resolution?: Rational | undefined;
  readonly kind: PointKind;
  readonly pollClass: PollClass;
  /** Of the scaled value, both ends included. */
  readonly range?: readonly [number, number] | undefined;
  /** Raw values that mean "not available"; "nan" stands for every NaN. */
  readonly absent: readonly (RawValue | "nan" | MaskedSentinel)[];
  /** Enum labels by raw value; a raw value that is not listed is out of range. */
  readonly labels?: ReadonlyMap<number, Text> | undefined;
  /** Label of every raw value that `labels` does not list. */
  readonly otherLabel?: Text | undefined;
  /** Bit number to name: the point becomes one boolean `<point>/<name>` per entry. */
  readonly bits?: ReadonlyMap<number, string> | undefined;
  /** Names of bits for people, where they have one. */
  readonly bitTitles?: ReadonlyMap<number, Text> | undefined;
  /** Not read but computed from other points; such a point stands in `DeviceProfile.computed`. */
  readonly formula?: Formula | undefined;
  /** Over `value` and other points: when it is false the device's value is none. */
  readonly valid?: Formula | undefined;
  /** Raw counts after which a counter begins at 0 again. */
  readonly rollover?: bigint | undefined;
  /** How an `id` is written: `{n}` the number, `{hex}` in hexadecimal, `{0}` its lowest byte, `{1}` the next. */
  readonly format?: string | undefined;
  /** Read for the sake of other points, and never reported. */
  readonly hidden?: boolean | undefined;
  readonly report?: ReportRule | undefined;
  readonly personal: boolean;
  /** Not read but made by privacy steps; such a point stands in `Device.views`. */
  readonly view?: PointView | undefined;
  /** Where in the maker's document this stands. */
  readonly doc?: string | undefined;
  /** Undefined: read only. */
  readonly write?: WriteRule | undefined;
  readonly deprecated?: Deprecation | undefined;
}

/** What one model of device offers, as data: compiled from one YAML file. */
export interface DeviceProfile<Address = unknown, ProtocolSettings = unknown> {
  /** `<maker>/<model>`, the path below device-profiles/. */
  readonly id: string;
  readonly version: string;
  readonly title: Text;
  readonly manufacturer: string;
  readonly models: readonly string[];
  readonly category: string;
  readonly status: "draft" | "bench-tested" | "field-proven";
  readonly protocol: string;
  /** What the profile says under the protocol's own key, checked by its schema. */
  readonly protocolSettings: ProtocolSettings;
  /** What is read from the device. */
  readonly points: readonly Point<Address>[];
  /** Points without an address, each after those that it needs. */
  readonly computed?: readonly Point[] | undefined;
  /** Points that can only be written; never part of a read plan. */
  readonly commands?: readonly Point<Address>[] | undefined;
  /** Points that are read only to identify the device. */
  readonly identifyPoints?: readonly Point<Address>[] | undefined;
  /** All must hold at (re)connect; empty or undefined: nothing is asked. */
  readonly identify?: readonly IdentifyRule[] | undefined;
  /** Writes at (re)connect, in order. */
  readonly setup?: readonly SetupStep<Address>[] | undefined;
  /** Choices that a device makes, by name. */
  readonly options?: ReadonlyMap<string, ProfileOption> | undefined;
  /** The choices that this profile was compiled for. */
  readonly chosen?: Readonly<Record<string, string>> | undefined;
  readonly deprecated?: Deprecation | undefined;
  /** SHA-256, hex, of the file, of the one that it uses, and of the choices made. */
  readonly hash: string;
}

/** One configured device. `Settings` is what gateway.yaml says in the protocol's own words (Modbus: the unit id). */
export interface Device<Address = unknown, Settings = unknown, ProtocolSettings = unknown> {
  /** Unique in the fleet: `[a-z0-9][a-z0-9-]{0,62}`. */
  readonly id: string;
  readonly title?: Text | undefined;
  readonly profile: DeviceProfile<Address, ProtocolSettings>;
  readonly connection: string;
  readonly settings: Settings;
  /** SenML base name without the point, e.g. `urn:dev:ops:32473-stadsnod-meter1:` (RFC 9039). */
  readonly urn: string;
  /** Default audience of its points. */
  readonly audience: string;
  /** Points with an audience of their own. */
  readonly audiences: ReadonlyMap<string, string>;
  /** Milliseconds that the poll classes mean for this device. */
  readonly poll: { readonly fast: number; readonly normal: number; readonly slow: number };
  /** Of a device that speaks seldom: silence of so many ms is nothing unusual. */
  readonly silentAfterMs?: number | undefined;
  /** Points that privacy steps make of its points for other audiences, which `audiences` names. */
  readonly views?: readonly Point[] | undefined;
  /** Names of points whose own readings never leave the gateway. */
  readonly dropped?: readonly string[] | undefined;
  /** Audiences that may see personal data; undefined: all but the open one. */
  readonly personalAudiences?: readonly string[] | undefined;
  readonly record?: DeviceRecord | undefined;
  /** Where it is, in words. */
  readonly place?: string | undefined;
  /** WGS 84, degrees; metres above sea level. */
  readonly position?: Position | undefined;
}

export interface Position {
  readonly lat: number;
  readonly lon: number;
  readonly elevation?: number | undefined;
}

/** All points that have readings, the hidden ones included. */
export function readablePoints({ points, computed = [] }: DeviceProfile): readonly Point[] {
  return computed.length === 0 ? points : [...points, ...computed];
}

/** All points whose readings may leave: what is read, computed or made by privacy steps, less what is hidden or dropped. */
export function sentPoints({ profile, views = [], dropped = [] }: Device): readonly Point[] {
  const own = readablePoints(profile).filter(({ name, hidden }) => !hidden && !dropped.includes(name));
  return views.length === 0 ? own : [...own, ...views];
}

/** All points that the device is asked for or listened to: those with readings, and those that tell who it is. */
export function toldPoints<A>({ points, identifyPoints = [] }: DeviceProfile<A>): readonly Point<A>[] {
  return identifyPoints.length === 0 ? points : [...points, ...identifyPoints];
}

/** Names of the points that a point cannot do without. */
export function neededPoints({ formula, valid, scaleSource }: Point): readonly string[] {
  if (!formula && !valid && !scaleSource) return [];
  const needs = [...(formula?.needs ?? []), ...(valid?.needs ?? [])].map(pointNameOf);
  return [...new Set(scaleSource ? [...needs, scaleSource.point] : needs)];
}

/**
 * Milliseconds between two reads of a point on this device; Infinity for `once`. A computed point has
 * the period of its fastest input.
 */
export function pollPeriod(device: Device, point: Point): number {
  if (point.formula) {
    const inputs = new Set(point.formula.needs.map(pointNameOf));
    return readablePoints(device.profile).reduce(
      (least, input) => (inputs.has(input.name) ? Math.min(least, pollPeriod(device, input)) : least),
      Number.POSITIVE_INFINITY,
    );
  }
  const { pollClass } = point;
  if (typeof pollClass === "object") return pollClass.everyMs;
  return pollClass === "once" ? Number.POSITIVE_INFINITY : device.poll[pollClass];
}

/**
 * Ms without any reading after which a good point is stale: three periods of its poll class, at
 * least 10 s, so that one lost poll or a short reconnect says nothing, and not before the device counts
 * as silent. A point that is read once is never stale.
 */
export function staleAfter(device: Device, point: Point): number {
  return Math.max(3 * pollPeriod(device, point), 10_000, device.silentAfterMs ?? 0);
}

/** Whether an audience may see personal data of this device. */
export function mayBePersonal({ personalAudiences }: Device, audience: string): boolean {
  return audience !== openAudience && (personalAudiences?.includes(audience) ?? true);
}

/** Who may read this point of this device. */
export function audienceOf(device: Device, point: Point): string {
  return device.audiences.get(point.name) ?? device.audience;
}
