import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { theThingsStack } from "../../simulators/lorawan/the-things-stack.ts";
import { openNetworkServer } from "../../simulators/network-server.ts";
import { ask, newFolder, startDaemon } from "./daemon.ts";
import { watchPlatform, writeProfiles } from "./field.ts";
import {
  devEuiOf,
  loraConfiguration,
  markOf,
  numberedDevices,
  numberedProfile,
  tally,
} from "./lorawan-field.ts";

const count = 20;

describe("LoRaWAN devices behind a network server", () => {
  it.each([
    ["ChirpStack in JSON", "json"],
    ["ChirpStack in protobuf", "protobuf"],
    ["The Things Stack", undefined],
  ] as const)("bring every uplink to the platform once: %s", async (_, format) => {
    const folder = newFolder();
    writeProfiles(folder, { "test/numbered": numberedProfile });
    await using lns = await openBroker({ port: 0 });
    await using city = await openBroker({ port: 0 });
    await using watched = await watchPlatform(city.url);
    const dialect = format === undefined ? theThingsStack(1, { tenant: "ttn" }) : chirpstack(1, { format });
    // The last two are not in gateway.yaml.
    using network = createNetwork({ devices: numberedDevices(count + 2), deduplicationMs: 0 });
    await using server = await openNetworkServer({
      url: lns.url,
      network,
      dialect,
      // The Things Stack tells nothing by which a frame that comes twice could be told from a new one but its counter.
      duplicates: 0.3,
      reorders: 0.2,
    });
    const where =
      format === undefined
        ? "server: the-things-stack, application: city, tenant: ttn"
        : `server: chirpstack, application: ${dialect.application}, format: ${format}`;
    await using daemon = await startDaemon({
      folder,
      yaml: loraConfiguration({
        connection: `{protocol: lorawan, ${where}, mqtt: {url: "${lns.url}"}}`,
        city: city.url,
        devices: count,
      }),
    });
    await daemon.until(({ connections }) => connections[0]?.state === "open");
    for (let round = 0; round < 10; round++) {
      for (const device of network.devices) device.send();
      await server.until(() => network.uplinks.every(({ heard }) => heard));
    }
    await server.idle();
    const wanted = network.uplinks.filter(({ devEui }) => Number(devEui.slice(-4)) < count);
    const came = () => tally(watched.readings);
    await watched.platform.until(() => came().size >= wanted.length);
    await daemon.until(({ northbound }) => northbound[0]!.outbox.packs === 0);
    expect([...came().keys()].toSorted()).toEqual(wanted.map(markOf).toSorted());
    expect([...came().values()].filter((times) => times !== 1)).toEqual([]);
    expect(wanted.length).toBe(count * 10);

    const { body } = await ask<{ unknown?: unknown[] }[]>(daemon.socket, "GET", "/v1/connections");
    const unknown = body[0]?.unknown;
    expect(unknown).toHaveLength(2);
    expect(unknown).toMatchObject([
      { settings: { devEui: devEuiOf(count + 1) }, given: { fPort: 2 } },
      { settings: { devEui: devEuiOf(count) }, given: { fPort: 2 } },
    ]);

    // Each device says its own temperature, with the time at which the network heard it.
    for (const { name, value, time } of watched.readings) {
      const [, index] = /-sensor-(\d+):temperature$/.exec(name) ?? [];
      if (index === undefined) continue;
      expect(value).toBeCloseTo((Number(index) - 50) / 10, 6);
      expect(network.uplinks.some((uplink) => Math.abs(uplink.time - time) < 200)).toBe(true);
    }
    expect(watched.readings.some(({ name, value }) => name.endsWith(":rssi") && Number(value) < -60)).toBe(
      true,
    );
  });
});
