import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { type CityControl, openCityControl } from "../../simulators/city-control.ts";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { type NetworkServer, openNetworkServer } from "../../simulators/network-server.ts";
import { loraCity } from "../../simulators/scenes/lorawan.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { type Daemon, newFolder, root, startDaemon } from "./daemon.ts";
import { type Watched, watchPlatform, writeProfiles } from "./field.ts";

// A lamp on the radio, from the city's command over the gateway, the network server and the air, and back.

const { publicKey, privateKey } = generateKeyPairSync("ed25519");

interface Street extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly control: CityControl;
  readonly watched: Watched;
  readonly server: NetworkServer;
  readonly lamp: ReturnType<typeof createNetwork>["devices"][number];
}

/** @param within how long the profile waits for the uplink that confirms; `deviceClass` of the simulated lamp */
async function openStreet({
  within = "60s",
  deviceClass = "C",
}: {
  within?: string;
  deviceClass?: "A" | "C";
} = {}): Promise<Street> {
  await using stack = new AsyncDisposableStack();
  const folder = newFolder();
  const shipped = readFileSync(join(root, "device-profiles/nas/ul2020.yaml"), "utf8");
  const profile = shipped.replace("within: 60s", `within: ${within}`);
  expect(within === "60s" || profile !== shipped).toBe(true);
  writeProfiles(folder, { "nas/ul2020": profile });
  const lns = stack.use(await openBroker({ port: 0 }));
  const city = stack.use(await openBroker({ port: 0 }));
  const watched = stack.use(await watchPlatform(city.url));
  const found = loraCity({ now: Date.now, random: seededRandom(1) }).find(({ id }) => id === "park-lamp")!;
  const network = stack.use(
    createNetwork({
      devices: [{ ...found.device, class: deviceClass, everyMs: undefined }],
      deduplicationMs: 0,
      classCDelayMs: 0,
      rx1DelayMs: 0,
    }),
  );
  const dialect = chirpstack(1);
  const server = stack.use(await openNetworkServer({ url: lns.url, network, dialect }));
  const control = stack.use(await openCityControl({ url: city.url, key: { kid: "city-2026", privateKey } }));
  const daemon = stack.use(
    await startDaemon({
      folder,
      files: { "city.pem": String(publicKey.export({ type: "spki", format: "pem" })) },
      yaml: `gateway: {id: gw-lamp, pen: 32474}
profiles: [device-profiles]
connections:
  lora: {protocol: lorawan, server: chirpstack, application: ${dialect.application}, mqtt: {url: "${lns.url}"}}
devices:
  lamp-7: {profile: nas/ul2020, connection: lora, devEui: "${found.device.devEui}", audience: open}
northbound: {city: {type: mqtt, url: "${city.url}"}}
commands:
  issuers: {city-control: {devices: ["lamp-*"], points: [level]}}
  trust: {city-2026: {key: city.pem, issuers: [city-control]}}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 100ms}`,
    }),
  );
  await daemon.until(({ connections }) => connections[0]?.state === "open");
  const [lamp] = network.devices;
  // From its first uplink the server knows through which of its gateways it is reached.
  lamp!.send();
  // When a reading has come, the gateway hears commands: it subscribes before it publishes.
  await watched.reading("lamp-7", "level");
  const held = stack.move();
  return {
    daemon,
    control,
    watched,
    server,
    lamp: lamp!,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const words = (control: CityControl, id: string) =>
  control.results(id).map(({ state, stage, code }) => [state, stage ?? code].filter(Boolean).join(" "));
const said = (control: CityControl, id: string, word: string) =>
  control.until(() => words(control, id).includes(word));

describe("a LoRaWAN lamp that the city dims", () => {
  it("is dimmed by a downlink, and its next uplink confirms it", async () => {
    await using street = await openStreet();
    const { control, lamp, watched } = street;
    const id = await control.command("gw-lamp", "lamp-7", { point: "level", value: 35 });
    const last = await control.last(id);
    expect(words(control, id)).toEqual([
      "accepted",
      "executing",
      "executing queued",
      "executing sent",
      "succeeded",
    ]);
    expect(last).toMatchObject({ value: 35, verified: true, last: true, issuer: "city-control" });
    expect(lamp.received.map(({ fPort, bytes }) => [fPort, Buffer.from(bytes).toString("hex")])).toEqual([
      [60, "01fe23"],
    ]);
    // What confirmed it is telemetry as well, and so is what the lamp shines with from then on.
    const level = await watched.reading("lamp-7", "level_set");
    expect(level.value).toBeCloseTo(0.35);
    lamp.send();
    await watched.platform.until(() =>
      watched.readings.some(({ name, value }) => name.endsWith(":level") && Number(value) === 0.35),
    );
  });

  it("is not called dimmed when the downlink is lost: sent is no delivery", async () => {
    await using street = await openStreet({ within: "1s" });
    const { control, lamp, server } = street;
    lamp.loseDownlinks(1);
    const id = await control.command("gw-lamp", "lamp-7", { point: "level", value: 35 });
    await said(control, id, "executing sent");
    // An uplink that says something else confirms nothing.
    lamp.send();
    await server.idle();
    const last = await control.last(id);
    expect(words(control, id)).toEqual([
      "accepted",
      "executing",
      "executing queued",
      "executing sent",
      "failed not-verified",
    ]);
    expect(last.text).toBe('it was sent, but "level_set" was not seen again, 1 s after the write');
    expect(last).not.toHaveProperty("verified");
    expect(lamp.received).toEqual([]);
  });

  it("gives up the look at a lost downlink for a newer command", async () => {
    await using street = await openStreet();
    const { control, lamp } = street;
    lamp.loseDownlinks(1);
    const first = await control.command("gw-lamp", "lamp-7", { point: "level", value: 35 });
    await said(control, first, "executing sent");
    const second = await control.command("gw-lamp", "lamp-7", { point: "level", value: 45 });
    expect(await control.last(first)).toMatchObject({
      state: "failed",
      code: "no-answer",
      text: `replaced by ${second}; it had been sent, and nothing has shown it yet`,
    });
    expect(await control.last(second)).toMatchObject({ state: "succeeded", value: 45, verified: true });
    expect(lamp.received).toHaveLength(1);
  });

  it("has the expiry at its network server, which throws away what is too late for a lamp of class A", async () => {
    await using street = await openStreet({ deviceClass: "A" });
    const { control, lamp, server } = street;
    const expiresAt = Date.now() + 2000;
    const id = await control.command("gw-lamp", "lamp-7", { point: "level", value: 35, expiresAt });
    await said(control, id, "executing queued");
    await server.until(() => lamp.queue.items.length === 1);
    expect(Math.abs((lamp.queue.items[0]?.expiresAt ?? 0) - expiresAt)).toBeLessThan(50);
    await server.until(() => Date.now() > expiresAt);
    lamp.send();
    expect(await control.last(id)).toMatchObject({ state: "expired", last: true });
    expect(lamp.received).toEqual([]);
    expect(words(control, id)).not.toContain("executing sent");
  });

  it("has its last word when the gateway is stopped while the network server has the downlink", async () => {
    await using street = await openStreet({ deviceClass: "A" });
    const { control, daemon } = street;
    const id = await control.command("gw-lamp", "lamp-7", { point: "level", value: 35 });
    await said(control, id, "executing queued");
    const { code } = await daemon.end("SIGTERM");
    expect(code).toBe(0);
    expect(await control.last(id)).toMatchObject({
      state: "failed",
      code: "interrupted",
      text: "the gateway was stopped while it waited at the network server, which may still deliver it",
    });
  });
});
