import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { theThingsStack } from "../../simulators/lorawan/the-things-stack.ts";
import { openNetworkServer } from "../../simulators/network-server.ts";
import { loraCity } from "../../simulators/scenes/lorawan.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { ask, newFolder, root, run, startDaemon } from "./daemon.ts";
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

  it("are decoded by the script that comes with a profile, and one that runs wild harms only itself", async () => {
    const folder = newFolder();
    const scripted = (name: string) =>
      numberedProfile
        .replace("test/numbered", `test/${name}`)
        .replace(/lorawan:\n[\s\S]*?(?=points:)/, `lorawan: {codec: ./${name}.js}\n`);
    writeProfiles(folder, { "test/scripted": scripted("scripted"), "test/wild": scripted("wild") });
    const decoder = `function decodeUplink(input) {
  var b = input.bytes, t = (b[4] << 8) | b[5];
  return {data: {number: ((b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3]) >>> 0, temperature: t > 32767 ? t - 65536 : t}};
}`;
    writeFileSync(join(folder, "device-profiles/test/scripted.js"), decoder);
    writeFileSync(
      join(folder, "device-profiles/test/wild.js"),
      "function decodeUplink(input) { for (;;) {} }",
    );
    await using lns = await openBroker({ port: 0 });
    await using city = await openBroker({ port: 0 });
    await using watched = await watchPlatform(city.url);
    using network = createNetwork({ devices: numberedDevices(4), deduplicationMs: 0 });
    await using server = await openNetworkServer({ url: lns.url, network, dialect: chirpstack(1) });
    await using daemon = await startDaemon({
      folder,
      yaml: loraConfiguration({
        connection: `{protocol: lorawan, server: chirpstack, mqtt: {url: "${lns.url}"}}`,
        city: city.url,
        devices: 4,
      })
        .replaceAll("test/numbered", "test/scripted")
        .replace("sensor-3: {profile: test/scripted", "sensor-3: {profile: test/wild"),
    });
    await daemon.until(({ connections }) => connections[0]?.state === "open");
    for (let round = 0; round < 5; round++) {
      for (const device of network.devices) device.send();
      await server.until(() => network.uplinks.every(({ heard }) => heard));
    }
    await server.idle();
    const wanted = network.uplinks.filter(({ devEui }) => devEui !== devEuiOf(3)).map(markOf);
    await watched.platform.until(() => tally(watched.readings).size >= wanted.length);
    expect([...tally(watched.readings).keys()].toSorted()).toEqual(wanted.toSorted());
    const raw = () => watched.readings.filter(({ name }) => name.endsWith("-sensor-3:raw_payload"));
    await watched.platform.until(() => raw().length === 5);
    expect(daemon.log.some(({ profile, msg }) => profile === "test/wild" && /wild\.js/.test(msg ?? ""))).toBe(
      true,
    );
  });

  it("that are not configured are proposed with the profile that fits, ready to be pasted", async () => {
    const folder = newFolder();
    const devices = loraCity({ now: Date.now, random: seededRandom(1) });
    writeProfiles(
      folder,
      Object.fromEntries(
        devices.map(({ model }) => [
          model,
          readFileSync(join(root, `device-profiles/${model}.yaml`), "utf8"),
        ]),
      ),
    );
    await using lns = await openBroker({ port: 0 });
    await using city = await openBroker({ port: 0 });
    await using watched = await watchPlatform(city.url);
    using network = createNetwork({ devices: devices.map(({ device }) => device), deduplicationMs: 0 });
    await using _server = await openNetworkServer({ url: lns.url, network, dialect: chirpstack(1) });
    const [first, ...others] = devices;
    const yaml = (more: string) => `gateway: {id: gw-lora, pen: 32474}
profiles: [device-profiles]
connections: {lora: {protocol: lorawan, server: chirpstack, mqtt: {url: "${lns.url}"}}}
devices:
  ${first!.id}: {profile: ${first!.model}, connection: lora, devEui: "${first!.device.devEui}"}
${more}
northbound: {city: {type: mqtt, url: "${city.url}"}}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 100ms}
`;
    await using daemon = await startDaemon({ folder, yaml: yaml("") });
    await daemon.until(({ connections }) => connections[0]?.state === "open");
    for (const device of network.devices) device.send();
    await daemon.until(({ connections }) => connections[0]?.unknown?.length === others.length);
    // The server's name of this one does not tell its model.
    const nameless = devices.find(({ id }) => id === "square-people")!;
    writeFileSync(
      join(folder, "devices.csv"),
      `devEui,profile,id\n${nameless.device.devEui.toUpperCase()},${nameless.model},${nameless.id}\n`,
    );
    const command = ["lorawan", "devices", "--socket", daemon.socket, "--list", "devices.csv"];
    const asked = await run([...command, "--json"], { cwd: folder });
    const found = JSON.parse(asked.out) as {
      known: { id: string; state: string }[];
      unknown: { settings: { devEui: string }; suggestions: { profile: string; by: string }[] }[];
    };
    expect(found.known).toMatchObject([{ id: first!.id, state: "available" }]);
    const proposed = found.unknown.map(({ settings, suggestions: [best] }) => [
      settings.devEui,
      best?.profile,
      best?.by,
    ]);
    expect(proposed.toSorted()).toEqual(
      others.map((one) => [one.device.devEui, one.model, one === nameless ? "list" : "name"]).toSorted(),
    );
    expect((await run(command, { cwd: folder })).out).toMatch(/not configured/);

    // What it prints is what the gateway takes.
    const { out: lines } = await run([...command, "--yaml"], { cwd: folder });
    daemon.write(yaml(lines));
    expect((await run(["reload", "--socket", daemon.socket], { cwd: folder })).code).toBe(0);
    await daemon.until(({ connections }) => (connections[0]?.unknown?.length ?? 0) === 0);
    for (const device of network.devices) device.send();
    for (const one of others) {
      const id = one === nameless ? one.id : `lora-${one.device.devEui}`;
      await watched.platform.until(() => watched.readings.some(({ name }) => name.includes(`${id}:`)));
    }
  });

  it("of the simulated city are understood by the profiles that are shipped", async () => {
    const folder = newFolder();
    const nature = { now: Date.now, random: seededRandom(1) };
    const devices = loraCity(nature);
    writeProfiles(
      folder,
      Object.fromEntries(
        devices.map(({ model }) => [
          model,
          readFileSync(join(root, `device-profiles/${model}.yaml`), "utf8"),
        ]),
      ),
    );
    await using lns = await openBroker({ port: 0 });
    await using city = await openBroker({ port: 0 });
    await using watched = await watchPlatform(city.url);
    const dialect = chirpstack(1);
    using network = createNetwork({ devices: devices.map(({ device }) => device), deduplicationMs: 0 });
    await using server = await openNetworkServer({ url: lns.url, network, dialect });
    const lines = devices.map(
      ({ id, model, device }) =>
        `  ${id}: {profile: ${model}, connection: lora, devEui: "${device.devEui}", audience: restricted}`,
    );
    await using daemon = await startDaemon({
      folder,
      yaml: `gateway: {id: gw-lora, pen: 32474}
profiles: [device-profiles]
connections: {lora: {protocol: lorawan, server: chirpstack, mqtt: {url: "${lns.url}"}}}
devices:
${lines.join("\n")}
northbound: {city: {type: mqtt, url: "${city.url}"}}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 100ms}
`,
    });
    await daemon.until(({ connections }) => connections[0]?.state === "open");
    for (const device of network.devices) device.send();
    const numberOf = async (device: string, point: string) =>
      Number((await watched.reading(device, point)).value);
    expect(await numberOf("square-bin", "distance")).toBeGreaterThan(0);
    expect((await watched.reading("quay-parking", "occupied")).value).toMatch(/^(free|occupied)$/);
    expect(await numberOf("drain-water", "level")).toBeGreaterThan(0);
    expect(await numberOf("square-people", "total_a")).toBeGreaterThanOrEqual(1500);
    expect(await numberOf("classroom-air", "co2")).toBeGreaterThan(0);
    expect([0, 0.8]).toContain(await numberOf("park-lamp", "level"));

    // Dimmed by somebody: it says so by itself, and tells its level with the next status.
    const lamp = network.device(devices.at(-1)!.device.devEui)!;
    network.enqueue(lamp, {
      id: "00000000-0000-4000-8000-000000000001",
      fPort: 60,
      bytes: Uint8Array.of(0x01, 0xfe, 35),
      confirmed: true,
      correlationIds: [],
    });
    await server.until(() => network.uplinks.at(-1)!.payload === "01fe23");
    lamp.send();
    await watched.platform.until(() =>
      watched.readings.some(({ name, value }) => name.endsWith("-park-lamp:level") && value === 0.35),
    );
    const { body } = await ask<{ statistics: Record<string, number> }[]>(
      daemon.socket,
      "GET",
      "/v1/connections",
    );
    expect(body[0]?.statistics).not.toHaveProperty("undecoded");
  });
});
