import { alternatives, suggest } from "../codec/suggest.ts";
import {
  audienceOf,
  type Device,
  type DeviceProfile,
  mayBePersonal,
  readablePoints,
  sentPoints,
} from "../model/device.ts";
import { openAudience } from "../model/privacy.ts";
import { toText } from "../profiles/compile.ts";
import { deprecation } from "../profiles/deprecation.ts";
import type { ProfileLibrary } from "../profiles/library.ts";
import { choose } from "../profiles/option.ts";
import type { AudienceConfig, ConnectionConfig, GatewayConfig } from "./config.ts";
import type { Entry } from "./entry.ts";
import { same } from "./same.ts";
import { defaultAudience, deviceSchema, type WrittenDevice } from "./schema.ts";
import { buildViews } from "./views.ts";

export interface DeviceContext {
  /** Good connections. */
  readonly connections: ReadonlyMap<string, ConnectionConfig>;
  /** All that are written, good or not. */
  readonly connectionNames: readonly string[];
  readonly profiles: ProfileLibrary;
  readonly audiences: ReadonlyMap<string, AudienceConfig>;
  readonly poll: GatewayConfig["poll"];
  readonly pen: number;
  /** Good devices that stand before this one. */
  readonly others: readonly Device[];
  readonly wantProfile: (id: string) => void;
}

/** The device that an entry describes; undefined, and the reasons in the entry, when it cannot be. */
export function buildDevice(id: string, entry: Entry, context: DeviceContext): Device | undefined {
  const common = entry.checkKnown(deviceSchema);
  if (!common) return undefined;
  const written = common.value;
  const profile = findProfile(entry, written, context);
  const connection = findConnection(entry, written.connection, context);
  if (!connection) return undefined;
  if (profile && profile.protocol !== connection.protocol.name) {
    const message = `the profile speaks ${profile.protocol}, the connection "${connection.name}" ${connection.protocol.name}`;
    entry.report(["profile"], "value", { code: "protocol-mismatch", message });
  }
  const settings = entry.check(connection.protocol.device, deviceSchema);
  if (!profile || !settings) return undefined;
  const bare: Device = {
    id,
    title: written.title === undefined ? undefined : toText(written.title),
    profile,
    connection: connection.name,
    settings: settings.value,
    urn: deviceUrn(context.pen, profile.id, id),
    audience: written.audience ?? defaultAudience,
    audiences: new Map(Object.entries(written.audiences ?? {})),
    poll: {
      fast: written.poll?.fast ?? context.poll.fast,
      normal: written.poll?.normal ?? context.poll.normal,
      slow: written.poll?.slow ?? context.poll.slow,
    },
    personalAudiences: Array.from(context.audiences.values())
      .filter(({ personal }) => personal)
      .map(({ name }) => name),
    ...recordOf(written),
  };
  const device = withViews(entry, bare, written);
  checkAudiences(entry, device, written, context);
  const twin = context.others.find(
    (other) => other.connection === device.connection && same(other.settings, device.settings),
  );
  if (twin) {
    const message = `"${id}" and "${twin.id}" are the same unit of connection "${device.connection}"`;
    entry.report([], "key", {
      code: "duplicate-device",
      message,
      hint: "give it an address of its own, or remove one",
    });
  }
  return withSilence(device, connection);
}

/** Whose data it is, and where the device stands. */
function recordOf({
  owner,
  sharedWith,
  purpose,
  legalBasis,
  place,
  position,
}: WrittenDevice): Partial<Device> {
  const said = owner ?? sharedWith ?? purpose ?? legalBasis;
  return {
    ...(said === undefined ? {} : { record: { owner, sharedWith: sharedWith ?? [], purpose, legalBasis } }),
    ...(place === undefined ? {} : { place }),
    ...(position === undefined ? {} : { position }),
  };
}

/** With the points that privacy steps make. */
function withViews(entry: Entry, device: Device, written: WrittenDevice): Device {
  if (written.privacy === undefined) return device;
  const { views, dropped, audiences } = buildViews(entry, device, written);
  return {
    ...device,
    audiences: new Map([...device.audiences, ...audiences]),
    ...(views.length > 0 ? { views } : {}),
    ...(dropped.length > 0 ? { dropped } : {}),
  };
}

/** With how long it may be silent, of a protocol whose devices speak seldom. */
function withSilence(device: Device, { protocol, settings }: ConnectionConfig): Device {
  const silentAfterMs = protocol.everyWord ? protocol.silentAfter?.(settings, device) : undefined;
  return silentAfterMs === undefined ? device : { ...device, silentAfterMs };
}

/**
 * SenML base name of a device: `urn:dev:ops:<PEN>-<product>-<serial>:` (RFC 9039, section 4.3). The
 * product has no dash, so the profile's id is reduced to its letters and digits.
 */
export function deviceUrn(pen: number, profile: string, id: string): string {
  return `urn:dev:ops:${pen}-${profile.replaceAll(/[^a-z0-9]/g, "")}-${id}:`;
}

/** The profile with the choices of this device. */
function findProfile(
  entry: Entry,
  { profile: id, options: wanted }: WrittenDevice,
  context: DeviceContext,
): DeviceProfile | undefined {
  context.wantProfile(id);
  const { profiles, quarantined, ids } = context.profiles;
  const { profile, options = new Map(), variant } = profiles.get(id) ?? {};
  if (profile) {
    if (profile.deprecated)
      entry.report(["profile"], "value", deprecation(`the profile "${id}"`, profile.deprecated));
    const chosen = choose(wanted, options, (inside, part, finding) => entry.report(inside, part, finding));
    return chosen && (variant?.(chosen) ?? profile);
  }
  const bad = quarantined.find((one) => one.id === id)?.diagnostics.find((one) => one.severity === "error");
  if (bad) {
    const hint = `${bad.file}:${bad.line}: ${bad.message}`;
    entry.report(["profile"], "value", {
      code: "bad-profile",
      message: `the profile "${id}" has errors`,
      hint,
    });
    return undefined;
  }
  const near = suggest(id, ids) ?? ids.find((one) => one.endsWith(`/${id}`));
  const hint =
    near === undefined
      ? "a profile is named by its path below the profile folders"
      : `did you mean "${near}"?`;
  entry.report(["profile"], "value", {
    code: "unknown-profile",
    message: `there is no profile "${id}"`,
    hint,
  });
  return undefined;
}

function findConnection(entry: Entry, name: string, context: DeviceContext): ConnectionConfig | undefined {
  const found = context.connections.get(name);
  if (found) return found;
  if (context.connectionNames.includes(name)) {
    const message = `the connection "${name}" has errors`;
    entry.report(["connection"], "value", { code: "bad-connection", message });
    return undefined;
  }
  const near = suggest(name, context.connectionNames);
  const hint =
    near !== undefined
      ? `did you mean "${near}"?`
      : context.connectionNames.length > 0
        ? `one of ${alternatives(context.connectionNames)}`
        : 'there is none yet: add it under "connections"';
  entry.report(["connection"], "value", {
    code: "unknown-connection",
    message: `there is no connection "${name}"`,
    hint,
  });
  return undefined;
}

/** Audiences must exist, points named must exist, and personal data must not go to everybody. */
function checkAudiences(entry: Entry, device: Device, written: WrittenDevice, context: DeviceContext): void {
  const known = [...context.audiences.keys()];
  const check = (path: string[], audience: string): void => {
    if (context.audiences.has(audience)) return;
    const near = suggest(audience, known);
    const hint =
      near === undefined
        ? `one of ${alternatives(known)}, or add it under "audiences"`
        : `did you mean "${near}"?`;
    entry.report(path, "value", {
      code: "unknown-audience",
      message: `there is no audience "${audience}"`,
      hint,
    });
  };
  check(["audience"], device.audience);
  const points = readablePoints(device.profile).map((point) => point.name);
  for (const [point, audience] of Object.entries(written.audiences ?? {})) {
    check(["audiences", point], audience);
    if (points.includes(point)) continue;
    const near = suggest(point, points);
    const hint = near === undefined ? undefined : `did you mean "${near}"?`;
    const message = `the profile ${device.profile.id} has no point "${point}"`;
    entry.report(["audiences", point], "key", { code: "unknown-point", message, hint });
  }
  for (const [point, wanted] of Object.entries(written.privacy ?? {})) {
    for (const [view, made] of wanted === "drop" ? [] : Object.entries(wanted))
      if (made !== "drop") check(["privacy", point, view, "to"], made.to);
  }
  checkPersonal(entry, device, known);
}

/** One finding per place in the file: the device's audience stands for many points. */
function checkPersonal(entry: Entry, device: Device, audiences: readonly string[]): void {
  const exposed = sentPoints(device).filter((point) => {
    const audience = audienceOf(device, point);
    return point.personal && audiences.includes(audience) && !mayBePersonal(device, audience);
  });
  for (const { name } of exposed) {
    const own = device.audiences.get(name);
    if (own !== undefined) entry.report(["audiences", name], "value", exposure([name], own));
  }
  const whole = exposed.filter(({ name }) => !device.audiences.has(name)).map(({ name }) => name);
  if (whole.length > 0) entry.report(["audience"], "value", exposure(whole, device.audience));
}

function exposure(points: readonly string[], audience: string) {
  const names = points.slice(0, 3).map((name) => `"${name}"`);
  const one = points.length === 1;
  const what = one
    ? `the point ${names[0]} is personal data`
    : `${points.length} points are personal data: ${names.join(", ")}${points.length > 3 ? " ..." : ""}`;
  const other = one
    ? `give it another one under "audiences"`
    : `give the device another audience, or these points under "audiences"`;
  if (audience === openAudience) {
    const message = one
      ? `${what} and would go to the open audience`
      : `${points.length} points are personal data and would go to the open audience: ${names.join(", ")}${points.length > 3 ? " ..." : ""}`;
    return { code: "personal-open", message, hint: `${other}; of it, a view under "privacy" can be open` };
  }
  const message = `${what}; the audience "${audience}" is not for such`;
  const hint = `say "personal: true" at the audience if it may see personal data; else ${other}`;
  return { code: "personal-audience", message, hint };
}
