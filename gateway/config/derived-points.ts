import * as z from "zod";
import { duration, text } from "../codec/settings.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import { rational } from "../model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../model/device.ts";
import { openAudience } from "../model/privacy.ts";
import { unitOf, unitSymbols } from "../model/units.ts";
import { toText } from "../profiles/compile.ts";
import type { AudienceConfig } from "./config.ts";
import { deviceUrn } from "./device.ts";
import type { Entry } from "./entry.ts";
import { defaultAudience } from "./schema.ts";

// `derivedPoints:` of gateway.yaml: points whose values are computed outside the gateway, in a flow, and
// handed in over the local API. Unit and audience are said here and nowhere else: whoever hands a value in
// cannot choose who may read it.

export const derivedPointSchema = z.strictObject({
  title: text.optional(),
  /** Numbers only; without it a number is a ratio. */
  unit: z.string().min(1).optional(),
  type: z.enum(["number", "boolean", "text"]).default("number"),
  /** Both ends included; what lies outside is refused. */
  range: z.tuple([z.number(), z.number()]).optional(),
  audience: z.string().min(1).default(defaultAudience),
  /** Personal data, which only goes to audiences that may see it. */
  personal: z.boolean().default(false),
  /** Without a new value for so long, the point is stale. */
  staleAfter: duration.refine((ms) => ms >= 10_000, { error: "at least 10s" }).prefault("1h"),
});

export interface DerivedPoint {
  readonly point: Point;
  readonly audience: string;
}

/** The point that an entry describes; undefined, and the reasons in the entry, when it cannot be. */
export function buildDerivedPoint(
  name: string,
  entry: Entry,
  audiences: ReadonlyMap<string, AudienceConfig>,
): DerivedPoint | undefined {
  const checked = entry.check(derivedPointSchema, z.strictObject({}));
  if (!checked) return undefined;
  const { title, unit, type, range, audience, personal, staleAfter } = checked.value;
  if (unit !== undefined) checkUnit(entry, unit, type);
  if (range && (type !== "number" || range[0] >= range[1]))
    entry.report(["range"], "value", {
      code: "bad-range",
      message: "a range is of a number, and its first end is the lower one",
    });
  if (!audiences.has(audience)) {
    const near = suggest(audience, audiences.keys());
    const hint =
      near === undefined ? `one of ${alternatives([...audiences.keys()])}` : `did you mean "${near}"?`;
    entry.report(["audience"], "value", {
      code: "unknown-audience",
      message: `there is no audience "${audience}"`,
      hint,
    });
  } else if (personal && !audiences.get(audience)?.personal)
    entry.report(["audience"], "value", {
      code: audience === openAudience ? "personal-open" : "personal-audience",
      message: `the point "${name}" is personal data, and the audience "${audience}" may not see that`,
      hint:
        audience === openAudience
          ? "give it another audience"
          : 'say "personal: true" at the audience if it may see personal data; else give the point another one',
    });
  if (entry.broken) return undefined;
  const point: Point = {
    name,
    title: title === undefined ? undefined : toText(title),
    address: undefined,
    rawKind: type === "number" ? "float" : type,
    unit,
    scale: rational(1),
    offset: rational(0),
    kind: type === "number" ? "gauge" : type === "boolean" ? "state" : "text",
    // A point is stale after three periods.
    pollClass: { everyMs: staleAfter / 3 },
    range,
    absent: [],
    personal,
  };
  return { point, audience };
}

function checkUnit(entry: Entry, unit: string, type: string): void {
  if (type !== "number")
    entry.report(["unit"], "value", { code: "unit-without-number", message: `a ${type} has no unit` });
  if (unitOf(unit)) return;
  const near = suggest(unit, unitSymbols());
  entry.report(["unit"], "value", {
    code: "unknown-unit",
    message: `there is no unit "${unit}"`,
    hint: near === undefined ? undefined : `did you mean "${near}"?`,
  });
}

const profileId = "stadsnod/derived";

/** The device that derived points belong to: the gateway itself, under its own id. Undefined where there are no such points. */
export function derivedDevice(
  gateway: { readonly id: string; readonly pen: number },
  points: readonly DerivedPoint[],
  poll: Device["poll"],
  audiences: ReadonlyMap<string, AudienceConfig>,
): Device | undefined {
  if (points.length === 0) return undefined;
  const profile: DeviceProfile = {
    id: profileId,
    version: "1.0.0",
    title: { en: "Derived points of this gateway", sv: "Härledda punkter i denna gateway" },
    manufacturer: "Stadsnod",
    models: [],
    category: "gateway",
    status: "draft",
    protocol: "derived",
    protocolSettings: undefined,
    points: points.map(({ point }) => point),
    hash: "",
  };
  return {
    id: gateway.id,
    profile,
    connection: "",
    settings: undefined,
    urn: deviceUrn(gateway.pen, profileId, gateway.id),
    audience: defaultAudience,
    audiences: new Map(points.map(({ point, audience }) => [point.name, audience])),
    poll,
    personalAudiences: Array.from(audiences.values())
      .filter(({ personal }) => personal)
      .map(({ name }) => name),
  };
}
