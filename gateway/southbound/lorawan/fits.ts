import type { DeviceProfile } from "../../model/device.ts";
import { toReadings } from "../../model/reading.ts";
import type { Uplink } from "./bridge.ts";
import { decodeUplink } from "./decode.ts";
import { type LoraUnit, uplinkResults } from "./results.ts";
import type { KnownAs, LoraAddress, LoraHead } from "./settings.ts";

/**
 * How well a profile fits what a device said, from 0 (not at all) to 1: the network server's name of
 * the model, and whether its layout reads the payload to values within their ranges.
 */
export async function fits(profile: DeviceProfile<LoraAddress, LoraHead>, uplink: Uplink): Promise<number> {
  const named = namedScore(profile.protocolSettings.knownAs, uplink.hint);
  if (named === 1) return 1;
  const read = await readScore(profile, uplink);
  return Math.max(named, read) * 0.5 + (named > 0 && read > 0 ? 0.4 : 0);
}

/** 1 for the very model, less for its maker alone. */
function namedScore({ deviceProfiles, versionIds }: KnownAs, hint: Uplink["hint"]): number {
  if (!hint) return 0;
  const said = [hint.name, hint.id].flatMap((one) => one?.toLowerCase() ?? []);
  if (deviceProfiles.some((one) => said.includes(one.toLowerCase()))) return 1;
  const makers = versionIds.filter(({ brand }) => brand === hint.brand);
  if (makers.some(({ model }) => model !== undefined && model === hint.model)) return 1;
  return makers.length > 0 ? 0.5 : 0;
}

/** The share of good values among those that the payload gives, a little less for those that give few. */
async function readScore(profile: DeviceProfile<LoraAddress, LoraHead>, uplink: Uplink): Promise<number> {
  const plain: LoraHead = { ...profile.protocolSettings, serverDecodes: false };
  const decoded = await decodeUplink(plain, uplink, uplink.time ?? 0);
  if (decoded.kind !== "decoded") return 0;
  const ms = uplink.time ?? 0;
  const device: LoraUnit = { ...nobody, profile };
  const { moments } = uplinkResults(device, uplink, decoded, { base: "unix", ms }, ms);
  const told = moments.flat().filter(({ point }) => "field" in point.address);
  if (told.length === 0) return 0;
  const good = told.filter(
    (result) =>
      "raw" in result &&
      toReadings(device, result.point, result.raw, result.at).every(({ quality }) => quality === "good"),
  );
  return (good.length / told.length) * (told.length / (told.length + 1));
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
