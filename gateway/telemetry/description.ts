import { linear, zero } from "../model/decimal.ts";
import { audienceOf, type Device, type Point, readablePoints } from "../model/device.ts";
import { outgoingNumber, type UnitOf } from "./conversion.ts";

/**
 * The retained body of `description/<device>`: a Thing Description (W3C WoT TD 1.1) as UTF-8 JSON,
 * `application/td+json`. `topics` is `{root}/v1/{gateway}`. Terms with the prefix `stadsnod:` are ours
 * and fixed in docs/telemetry.md. Personal points are named, their audience says who may read them.
 */
export function encodeDescription(device: Device, unitOf: UnitOf, topics: string): Uint8Array {
  const { profile } = device;
  const description = {
    "@context": ["https://www.w3.org/2022/wot/td/v1.1", { stadsnod: "urn:stadsnod:td:1:" }],
    // The SenML base name without its closing colon.
    id: device.urn.replace(/:$/, ""),
    title: profile.title.en,
    ...(profile.title.sv === undefined ? {} : { titles: { en: profile.title.en, sv: profile.title.sv } }),
    "stadsnod:profile": { id: profile.id, version: profile.version, hash: profile.hash },
    securityDefinitions: { broker: { scheme: "auto" } },
    security: "broker",
    properties: Object.fromEntries(
      readablePoints(profile).flatMap((point) =>
        names(point).map((name) => [name, describePoint(device, point, name, unitOf, topics)]),
      ),
    ),
  };
  return new TextEncoder().encode(JSON.stringify(description));
}

/** A hidden point has none: nothing of it ever leaves. */
function names(point: Point): readonly string[] {
  if (point.hidden) return [];
  return point.bits ? Array.from(point.bits.values(), (bit) => `${point.name}/${bit}`) : [point.name];
}

function describePoint(device: Device, point: Point, name: string, unitOf: UnitOf, topics: string): object {
  const audience = audienceOf(device, point);
  const { title } = point;
  return {
    ...(title && name === point.name ? { title: title.en } : {}),
    ...(title?.sv !== undefined && name === point.name ? { titles: { en: title.en, sv: title.sv } } : {}),
    ...dataSchema(point, unitOf),
    readOnly: true,
    observable: true,
    "stadsnod:audience": audience,
    "stadsnod:kind": point.kind,
    ...rollover(point, unitOf),
    forms: [
      {
        href: `${topics}/telemetry/${audience}/`,
        op: "observeproperty",
        contentType: "application/senml+cbor",
      },
    ],
  };
}

/** The value at which a counter begins at 0 again, in the unit that is sent. */
function rollover(point: Point, unitOf: UnitOf): object {
  if (point.rollover === undefined) return {};
  const { convert } = outgoingNumber(point, unitOf);
  return { "stadsnod:rollover": Number(convert(linear(point.scale, zero)(point.rollover))) };
}

function dataSchema(point: Point, unitOf: UnitOf): object {
  if (point.bits) return { type: "boolean" };
  if (point.labels)
    return { type: "string", enum: [...new Set(Array.from(point.labels.values(), ({ en }) => en))] };
  if (point.kind === "id") return { type: "string" };
  if (point.unit === undefined && point.kind !== "gauge" && point.kind !== "counter") return {};
  const { unit, convert } = outgoingNumber(point, unitOf);
  const [minimum, maximum] = point.range?.map((end) => Number(convert(end))) ?? [];
  return {
    type: "number",
    unit,
    ...(minimum === undefined || maximum === undefined ? {} : { minimum, maximum }),
  };
}
