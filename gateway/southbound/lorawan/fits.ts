import type { DeviceProfile } from "../../model/device.ts";
import { type Reading, toReadings } from "../../model/reading.ts";
import type { ProfileFit, SouthboundContext, UnknownDevice } from "../protocol.ts";
import type { Uplink } from "./bridge.ts";
import { decodeUplink, type ScriptCodec } from "./decode.ts";
import { uplinkOf } from "./replay.ts";
import { type LoraUnit, uplinkResults } from "./results.ts";
import { givenSchema } from "./schema.ts";
import { Scripts } from "./scripts.ts";
import type { LoraAddress, LoraHead } from "./settings.ts";

type LoraProfile = DeviceProfile<LoraAddress, LoraHead>;

/** As `Protocol.fit` says. */
export async function profileFit(
  profile: LoraProfile,
  { settings, model, given }: Pick<UnknownDevice, "settings" | "model" | "given">,
  sandbox?: SouthboundContext["sandbox"],
): Promise<ProfileFit | undefined> {
  const parsed = givenSchema.safeParse(given);
  if (!parsed.success) return undefined;
  const uplink = uplinkOf(parsed.data, settings.devEui ?? "", Date.UTC(2026, 0, 1));
  await using scripts = new Scripts(sandbox);
  const script = await scripts.of(profile.protocolSettings);
  return fitOf(profile, { ...uplink, hint: hintOf(model) }, script);
}

/**
 * How well a profile fits what a device said: by the network server's name of the model, and by whether
 * its decoder reads the payload to values within their ranges.
 */
export async function fitOf(profile: LoraProfile, uplink: Uplink, script?: ScriptCodec): Promise<ProfileFit> {
  const named = namedScore(profile, uplink.hint);
  const { score, readings } = await readScore(profile, uplink, script);
  const fit =
    named === 1
      ? 1
      : Math.max(named, score) * 0.5 + (named > 0 && score > 0 ? 0.4 * Math.max(named, 0.5) : 0);
  return { fit, named: named > 0.5, readings };
}

/** The name of an unknown device is of the one kind or of the other. */
function hintOf(model: string | undefined): Uplink["hint"] {
  if (model === undefined) return undefined;
  const [brand, name] = model.split("/");
  return { name: model, brand, model: name };
}

/** 1 for the very model as the profile names it, less where its name only contains it, least for its maker alone. */
function namedScore({ protocolSettings, models, manufacturer }: LoraProfile, hint: Uplink["hint"]): number {
  if (!hint) return 0;
  const { deviceProfiles, versionIds } = protocolSettings.knownAs;
  const said = [hint.name, hint.id].flatMap((one) => one?.toLowerCase() ?? []);
  if (deviceProfiles.some((one) => said.includes(one.toLowerCase()))) return 1;
  const makers = versionIds.filter(({ brand }) => brand === hint.brand);
  if (makers.some(({ model }) => model !== undefined && model === hint.model)) return 1;
  const words = said.map(plain);
  // "ERS Sound" tells more of itself than "ERS" does.
  const byModel = Math.max(
    0,
    ...models
      .map(plain)
      .filter((model) => model.length >= 3)
      .flatMap((model) => words.map((one) => (one.includes(model) ? model.length / one.length : 0))),
  );
  const byMaker = words.some((one) => one.includes(plain(manufacturer)));
  if (byModel > 0) return (byMaker ? 0.9 : 0.8) + 0.05 * byModel;
  return makers.length > 0 || byMaker ? 0.5 : 0;
}

/** `EM300-TH v2` and `em300_th` are one word. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** The share of good values among those that the payload gives, a little less for those that give few. */
async function readScore(
  profile: LoraProfile,
  uplink: Uplink,
  script: ScriptCodec | undefined,
): Promise<{ readonly score: number; readonly readings: readonly Reading[] }> {
  const own: LoraHead = { ...profile.protocolSettings, serverDecodes: false };
  const decoded = await decodeUplink(own, uplink, uplink.time ?? 0, script);
  if (decoded.kind !== "decoded") return { score: 0, readings: [] };
  const ms = uplink.time ?? 0;
  const device: LoraUnit = { ...nobody, profile };
  const { moments } = uplinkResults(device, uplink, decoded, { base: "unix", ms }, ms);
  const told = moments.flat().filter(({ point }) => "field" in point.address);
  if (told.length === 0) return { score: 0, readings: [] };
  const read = told.map((result) =>
    "raw" in result ? toReadings(device, result.point, result.raw, result.at) : [],
  );
  const good = read.filter((one) => one.length > 0 && one.every(({ quality }) => quality === "good"));
  const score = (good.length / told.length) * (told.length / (told.length + 1));
  return { score, readings: read.flat() };
}

const nobody = {
  id: "unknown",
  connection: "unknown",
  settings: { devEui: "0000000000000000", deviceId: undefined },
  urn: "urn:dev:mac:0000000000000000:",
  audience: "restricted",
  audiences: new Map<string, string>(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
};
