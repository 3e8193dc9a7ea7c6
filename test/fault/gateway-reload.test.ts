import { expect, it } from "vitest";
import { loadConfig } from "../../gateway/config/load.ts";
import { openGateway } from "../../gateway/gateway.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { northbounds } from "../../gateway/northbound/index.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import { cells, goodProfile } from "../fake-protocol.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const away: Protocol = {
  ...cells,
  open: () => Promise.reject(new LinkError("the line is away", { code: "refused" })),
};

async function configured(unit: number, broker: number) {
  const text = `gateway: {id: gw1, pen: 61234}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
devices: {meter-1: {profile: acme/meter, connection: line-1, unit: ${unit}}}
northbound: {city: {type: mqtt, url: "mqtt://127.0.0.1:${broker}"}}
`;
  const loaded = await loadConfig(text, "gateway.yaml", {
    protocols: [away],
    northbounds,
    profiles: loadProfiles(
      ["device-profiles"],
      { list: () => ["acme/meter.yaml"], read: () => goodProfile },
      [away],
      new Set(["acme/meter"]),
    ),
    env: {},
    readFile: () => "",
  });
  expect(loaded.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return { config: loaded.config!, diagnostics: loaded.diagnostics };
}

it("never lets what the new configuration prepares reach the device of the old one", async () => {
  const [first, second] = [await configured(1, 1), await configured(2, 2)];
  await using gateway = await openGateway(first.config, {
    clock: new VirtualClock(),
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async () => new SimulatedDisk({ random: seeded(2) }),
    reloadConfig: async () => second,
  });
  const known = () =>
    gateway.loops
      .get("line-1")
      ?.status()
      .devices.map(({ device }) => device);
  expect(known()).toEqual(["meter-1"]);
  const reloaded = gateway.reload();
  while (gateway.config !== second.config) await Promise.resolve();
  // The far side is being reopened: nobody may be written to as the new configuration says.
  expect(known()).toEqual([]);
  expect(await reloaded).toMatchObject({ applied: true });
  expect(known()).toEqual(["meter-1"]);
});
