import { linear, toNumber, zero } from "../model/decimal.ts";
import { audienceOf, type Device, type Point, readablePoints, sentPoints } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { isPersonal } from "../model/privacy.ts";
import { outgoingNumber, type UnitOf } from "./conversion.ts";
import { describeSteps } from "./privacy-words.ts";

/**
 * The retained body of `description/<device>`: a Thing Description (W3C WoT TD 1.1) as UTF-8 JSON,
 * `application/td+json`. `topics` is `{root}/v1/{gateway}`. Terms with the prefix `stadsnod:` are ours
 * and fixed in docs/telemetry.md. Personal points are named, their audience says who may read them;
 * where a device with such points stands is not said.
 */
export function encodeDescription(device: Device, unitOf: UnitOf, topics: string): Uint8Array {
  const { profile, record } = device;
  const { commands = [] } = profile;
  const description = {
    "@context": [
      "https://www.w3.org/2022/wot/td/v1.1",
      {
        stadsnod: "urn:stadsnod:td:1:",
        geo: "http://www.w3.org/2003/01/geo/wgs84_pos#",
        mqv: "http://www.w3.org/2018/wot/mqtt#",
      },
    ],
    // The SenML base name without its closing colon.
    id: device.urn.replace(/:$/, ""),
    title: device.title?.en ?? profile.title.en,
    ...titles(device.title ?? profile.title),
    ...position(device),
    "stadsnod:profile": { id: profile.id, version: profile.version, hash: profile.hash },
    "stadsnod:category": profile.category,
    ...(record?.owner === undefined ? {} : { "stadsnod:owner": record.owner }),
    securityDefinitions: { broker: { scheme: "auto" } },
    security: "broker",
    properties: Object.fromEntries([
      ...sentPoints(device).flatMap((point) =>
        names(point).map((name) => [name, describePoint(device, point, name, unitOf, topics)]),
      ),
      ...commands.map((point) => [point.name, describeCommand(device, point, topics)]),
    ]),
    links: [{ href: `${topics}/state`, rel: "collection", type: "application/cbor" }],
  };
  return new TextEncoder().encode(JSON.stringify(description));
}

/** Nobody's home or way is told by where the device stands. */
function position(device: Device): object {
  const points = [...readablePoints(device.profile), ...(device.views ?? [])];
  if (!device.position || points.some((point) => point.personal || point.view?.personal)) return {};
  const { lat, lon, elevation } = device.position;
  return { "geo:lat": lat, "geo:long": lon, ...(elevation === undefined ? {} : { "geo:alt": elevation }) };
}

function titles({ en, sv }: { en: string; sv?: string | undefined }): object {
  return sv === undefined ? {} : { titles: { en, sv } };
}

function names(point: Point): readonly string[] {
  return point.bits ? Array.from(point.bits.values(), (bit) => `${point.name}/${bit}`) : [point.name];
}

function describePoint(device: Device, point: Point, name: string, unitOf: UnitOf, topics: string): object {
  const audience = audienceOf(device, point);
  const { title, write, view } = point;
  const writable = write !== undefined && name === point.name;
  return {
    ...(title && name === point.name ? { title: title.en, ...titles(title) } : {}),
    ...dataSchema(point, unitOf),
    readOnly: !writable,
    writeOnly: false,
    observable: true,
    "stadsnod:audience": audience,
    "stadsnod:kind": point.kind,
    ...(isPersonal(point) ? { "stadsnod:personal": true } : {}),
    ...(typeof point.pollClass === "object"
      ? { "stadsnod:every": formatDuration(point.pollClass.everyMs) }
      : {}),
    ...(view ? { "stadsnod:madeFrom": view.sources, "stadsnod:steps": describeSteps(view.steps).en } : {}),
    ...(writable ? { "stadsnod:write": writeSchema(point) } : {}),
    ...rollover(point, unitOf),
    forms: [telemetryForm(audience, topics), ...(writable ? [commandForm(device, topics)] : [])],
  };
}

/** A point that can only be written: its schema is what a command's value must be. */
function describeCommand(device: Device, point: Point, topics: string): object {
  const { title } = point;
  return {
    ...(title ? { title: title.en, ...titles(title) } : {}),
    ...writeSchema(point),
    readOnly: false,
    writeOnly: true,
    observable: false,
    forms: [commandForm(device, topics)],
  };
}

function telemetryForm(audience: string, topics: string): object {
  return {
    href: `${topics}/telemetry/${audience}/`,
    op: ["observeproperty", "unobserveproperty"],
    contentType: "application/senml+cbor",
    "mqv:controlPacket": "subscribe",
    "mqv:filter": `${topics}/telemetry/${audience}/#`,
    "mqv:qos": "1",
  };
}

/** The value is one field of the command: docs/telemetry.md says the others. */
function commandForm({ id }: Device, topics: string): object {
  return {
    href: `${topics}/command/${id}`,
    op: "writeproperty",
    contentType: "application/cbor",
    response: { contentType: "application/cbor" },
    "mqv:controlPacket": "publish",
    "mqv:topic": `${topics}/command/${id}`,
    "mqv:qos": "1",
    "mqv:retain": false,
    "stadsnod:result": `${topics}/result/${id}`,
  };
}

/** What a command may ask for, in the unit of the profile: commands are not converted. */
function writeSchema({ write, labels, unit, kind, rawKind }: Point): object {
  const said = write?.labels ?? labels;
  const allowed = write?.allowed ?? (said && [...new Set(Array.from(said.values(), ({ en }) => en))]);
  const [minimum, maximum] = write?.range ?? [];
  const first = allowed?.[0];
  const type = first === undefined ? typeOf(write?.rawKind ?? rawKind, kind) : jsonType(first);
  return {
    ...(type === undefined ? {} : { type }),
    ...(unit === undefined || type !== "number" ? {} : { unit }),
    ...(minimum === undefined || maximum === undefined ? {} : { minimum, maximum }),
    ...(write?.step === undefined ? {} : { multipleOf: toNumber(write.step) }),
    ...(allowed === undefined || allowed.some((value) => jsonType(value) === undefined)
      ? {}
      : { enum: allowed.map((value) => (typeof value === "bigint" ? Number(value) : value)) }),
  };
}

function typeOf(raw: Point["rawKind"], kind: Point["kind"]): string | undefined {
  if (raw === "boolean") return "boolean";
  if (raw === "text" || kind === "text") return "string";
  return raw === "integer" || raw === "float" ? "number" : undefined;
}

function jsonType(value: unknown): string | undefined {
  if (typeof value === "bigint") return "number";
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean"
    ? typeof value
    : undefined;
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
