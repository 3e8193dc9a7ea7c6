import { afterEach, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { openLoop } from "../../gateway/southbound/loop.ts";
import { lorawan } from "../../gateway/southbound/lorawan/protocol.ts";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import type { Dialect } from "../../simulators/lorawan/dialect.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { theThingsStack } from "../../simulators/lorawan/the-things-stack.ts";
import { openNetworkServer } from "../../simulators/network-server.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { startMosquitto } from "./mosquitto.ts";

// Two hundred devices on a simulated network, told by an independent network server over a real
// mosquitto, with duplicates, uplinks that change places, and a gateway that goes away in between.

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const { profile } = loadProfile(
  `profile: test/counter
version: 1.0.0
title: Counter
manufacturer: Test
models: [C]
category: traffic-counter
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan: {payload: {fields: [{name: count, type: u16}]}}
points: {count: {at: {field: count}, unit: count}}
examples: [{given: {payload: "0001"}, expect: {count: 1}}]
`,
  "device-profiles/test/counter.yaml",
  [lorawan],
);

const euiOf = (index: number): string => (0x70b3d50000000000n + BigInt(index)).toString(16);

function devicesOf(count: number): Device[] {
  if (!profile) throw new Error("the profile has errors");
  return Array.from(
    { length: count },
    (_, index): Device => ({
      id: `counter-${index}`,
      profile,
      connection: "lns",
      settings: lorawan.device.parse({ devEui: euiOf(index) }),
      urn: `urn:dev:mac:${euiOf(index)}:`,
      audience: "open",
      audiences: new Map(),
      poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    }),
  );
}

async function scene(dialect: Dialect, connection: object, count: number) {
  const broker = await startMosquitto({ port: 0 });
  stack.push({ [Symbol.asyncDispose]: () => broker.stop() });
  const network = createNetwork({
    seed: 7,
    devices: Array.from({ length: count }, (_, index) => ({
      devEui: euiOf(index),
      name: `counter-${index}`,
      model: { profile: "Counter" },
      payload: ({ fCnt }) => ({ fPort: 1, bytes: Uint8Array.of(fCnt >> 8, fCnt & 255) }),
    })),
  });
  stack.push({ [Symbol.asyncDispose]: async () => network[Symbol.dispose]() });
  const server = await openNetworkServer({
    url: broker.url,
    network,
    dialect,
    duplicates: 0.2,
    reorders: 0.1,
  });
  stack.push(server);
  const settings = lorawan.connection.parse({ ...connection, mqtt: { url: broker.url } });
  const taken: Reading[] = [];
  let look = (): void => {};
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (holds()) resolve();
      };
      look();
    });
  const openGateway = async () => {
    const loop = await openLoop({
      connection: "lns",
      protocol: lorawan,
      settings,
      devices: devicesOf(count),
      context: {
        clock: realClock,
        random: () => 0,
        log: silentLog,
        connect: () => Promise.reject(new Error("not used")),
        names: { gateway: "gw", connection: "lns" },
        signal: new AbortController().signal,
      },
      sink: (_device, readings) => {
        taken.push(...readings);
        look();
      },
      learnedStore: { load: () => ({}), save: () => {} },
    });
    stack.push(loop);
    return loop;
  };
  const counted = (): Reading[] => taken.filter(({ name }) => name === "count");
  /** Resolves when the gateway has subscribed so many times. */
  const heard = async (times = 1): Promise<void> => {
    const opened = () => broker.log.filter((line) => /Sending SUBACK to stadsnod/.test(line)).length;
    while (opened() < times) await new Promise((resolve) => setImmediate(resolve));
  };
  /** Resolves when the server has told all that devices said. */
  const told = async (): Promise<void> => {
    while (network.uplinks.some(({ copies }) => copies === 0)) {
      await server.idle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await server.idle();
  };
  return { network, openGateway, taken, counted, until, heard, told };
}

it.each(["json", "protobuf"] as const)(
  "ChirpStack in %s: every uplink of 200 devices once, though the gateway went away in between",
  async (format) => {
    const application = "3f5c1e2a-0b1d-4c3e-9f7a-1234567890ab";
    const dialect = chirpstack(3, { application, format });
    const { network, openGateway, counted, until, heard, told } = await scene(
      dialect,
      { server: "chirpstack", application, format },
      200,
    );
    const speak = (rounds: number): void => {
      for (let round = 0; round < rounds; round++) for (const device of network.devices) device.send();
    };
    const first = await openGateway();
    await heard();
    speak(3);
    await until(() => counted().length >= 300);
    await first[Symbol.asyncDispose]();
    speak(2);
    await told();
    await openGateway();
    speak(1);
    await told();
    const different = () => new Set(counted().map((one) => `${one.device.id} ${one.value}`)).size;
    await until(() => different() === 200 * 6);
    expect(counted()).toHaveLength(200 * 6);
  },
  60_000,
);

it("The Things Stack: nothing lost while connected, and every gap told", async () => {
  const dialect = theThingsStack(3, { application: "city", tenant: "ttn" });
  const { network, openGateway, taken, counted, until, heard, told } = await scene(
    dialect,
    { server: "the-things-stack", application: "city", tenant: "ttn" },
    50,
  );
  const speak = (): void => {
    for (const device of network.devices) device.send();
  };
  const first = await openGateway();
  await heard();
  for (let round = 0; round < 3; round++) speak();
  await told();
  await until(() => counted().length === 150);
  await first[Symbol.asyncDispose]();
  speak();
  speak();
  await told();
  await openGateway();
  await heard(2);
  for (let round = 0; round < 3; round++) speak();
  await told();
  // What the broker was still handing on when the gateway came back is heard: every uplink of the
  // eight rounds is either that or told as missing.
  const missing = () =>
    taken.filter(({ name }) => name === "fcnt_gap").reduce((sum, { value }) => sum + Number(value ?? 0), 0);
  await until(() => counted().length + missing() === 50 * 8);
  expect(missing()).toBeGreaterThan(0);
  expect(counted().length).toBeGreaterThanOrEqual(50 * 6);
}, 60_000);
