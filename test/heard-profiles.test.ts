import { describe, expect, it } from "vitest";
import { files } from "../gateway/cli/files.ts";
import { toldPoints } from "../gateway/model/device.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { specimen } from "../gateway/profiles/specimen.ts";
import { heardCandidates, matchHeard } from "../gateway/southbound/modbus/heard-match.ts";
import { HeardTraffic } from "../gateway/southbound/modbus/heard-traffic.ts";
import { planModbus } from "../gateway/southbound/modbus/plan.ts";
import { isModbusProfile, isSunspecProfile, spanOf } from "../gateway/southbound/modbus/profile-match.ts";
import { modbus } from "../gateway/southbound/modbus/protocol.ts";
import { readFunction, type Span } from "../gateway/southbound/modbus/settings.ts";
import { stranger } from "../gateway/southbound/profile-fit.ts";
import { encode } from "../simulators/modbus/framing.ts";
import { seededRandom } from "../simulators/scenes/nature.ts";
import { VirtualClock } from "./fault/virtual-clock.ts";

// Every shipped Modbus profile against all others: a device that is made of it is asked by another master, and what
// is overheard must lead back to it.

const profiles = Array.from(loadProfiles(["device-profiles"], files, [modbus]).profiles.values())
  .flatMap(({ profile }) => profile ?? [])
  .filter(isModbusProfile);
const connection = modbus.connection.parse({ serial: { port: "/dev/x", baud: 9600 } });
const candidates = heardCandidates(connection, profiles);
type Profile = (typeof profiles)[number];
const random = seededRandom(5);

/** What a listener knows of a device of this profile after these reads, and which profiles fit it. */
async function matches(profile: Profile, asks: readonly Span[]) {
  const device = modbus.simulate!(profile, {
    given: [],
    specimen: (point, seconds) => specimen(point, seconds, undefined),
    settings: { unit: 1 },
    connection,
  });
  const traffic = new HeardTraffic(new VirtualClock());
  for (const { table, start, count } of asks) {
    const words = [start, count].flatMap((value) => [value >> 8, value & 0xff]);
    const ask = encode("rtu", 1, Uint8Array.of(readFunction[table], ...words), 0);
    traffic.push(ask, 0);
    traffic.push(device.answer!(ask, 5)!, 0);
  }
  return matchHeard(traffic.units.get(1)!, candidates);
}

const plain = profiles.filter((profile) => !isSunspecProfile(profile));
const planned = (profile: Profile) =>
  planModbus(connection, stranger(profile, { unit: 1 }), toldPoints(profile), {}).requests;

describe("what is overheard of a device", () => {
  it.each(plain.map((profile) => [profile.id, profile] as const))(
    "leads to %s when all of it is asked",
    async (id, profile) => {
      const found = await matches(profile, planned(profile));
      const own = found.find((match) => match.profile === id);
      // Models with the same registers cannot be told apart.
      expect(own?.fit, JSON.stringify(found[0])).toBe(found[0]?.fit);
    },
  );

  it("mostly leads to its profile when five values are asked", async () => {
    let best = 0;
    for (const profile of plain) {
      const spans = toldPoints(profile).flatMap((point) => spanOf(profile, point) ?? []);
      const five = spans.map((span) => ({ span, key: random() })).toSorted((a, b) => a.key - b.key);
      const found = await matches(
        profile,
        five.slice(0, 5).map(({ span }) => span),
      );
      const own = found.find((match) => match.profile === profile.id);
      if (own && own.fit === found[0]?.fit) best++;
    }
    expect(best / plain.length).toBeGreaterThan(0.85);
  });
});
