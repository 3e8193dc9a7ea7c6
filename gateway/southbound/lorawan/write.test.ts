import { afterEach, describe, expect, it } from "vitest";
import { openBroker } from "../../../simulators/broker.ts";
import { chirpstack } from "../../../simulators/lorawan/chirpstack.ts";
import type { Dialect } from "../../../simulators/lorawan/dialect.ts";
import type { EndDeviceSettings } from "../../../simulators/lorawan/end-device.ts";
import { createNetwork } from "../../../simulators/lorawan/network.ts";
import { theThingsStack } from "../../../simulators/lorawan/the-things-stack.ts";
import { openNetworkServer } from "../../../simulators/network-server.ts";
import { realClock } from "../../../test/mqtt/real-clock.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { loadProfile } from "../../profiles/load.ts";
import { openSandbox } from "../../sandbox/sandbox.ts";
import type { PendingWrite, PointResult } from "../protocol.ts";
import { type LoraDriver, openLorawan } from "./driver.ts";
import { lorawan } from "./protocol.ts";
import type { LoraUnit } from "./results.ts";
import { connectionSchema } from "./schema.ts";
import type { DownlinkAddress, LoraAddress, LoraHead } from "./settings.ts";

// Writes to devices of a simulated network, through an independent network server on a broker.

const devEui = "a81758fffe050001";
const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const layout = `lorawan:
  payload:
    ports:
      2: {fields: [{name: level, type: u8}]}
      60: {direction: downlink, fields: [{name: level, type: u8}]}`;
const script = `lorawan: {codec: ./lamp.js}`;
const scriptText = `
function decodeUplink(input) {
  if (input.fPort !== 2) return {errors: ["no such port"]};
  return {data: {level: input.bytes[0]}, warnings: input.bytes[0] > 100 ? ["too bright"] : []};
}
function encodeDownlink(input) {
  if (input.data.level > 100) return {errors: ["no lamp is as bright"]};
  return {bytes: [input.data.level], fPort: 60};
}`;

function profileOf(head: string, confirmed: boolean): DeviceProfile<LoraAddress, LoraHead> {
  const { profile, diagnostics } = loadProfile(
    `profile: test/lamp
version: 1.0.0
title: Lamp
manufacturer: Test
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
${head}
points:
  level: {at: {field: level}, unit: "%", write: {at: {set: level, port: 60, confirmed: ${confirmed}}, range: [0, 200]}}
examples:
  - {given: {payload: "32", fPort: 2}, expect: {}}
`,
    "device-profiles/test/lamp.yaml",
    [lorawan],
    {
      ids: [],
      find: () => undefined,
      beside: () => ({ file: "device-profiles/test/lamp.js", text: scriptText }),
    },
  );
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return profile as DeviceProfile<LoraAddress, LoraHead>;
}

const unitOf = (profile: DeviceProfile<LoraAddress, LoraHead>): LoraUnit => ({
  id: "lamp-1",
  profile,
  connection: "lns",
  settings: { devEui, deviceId: undefined },
  urn: `urn:dev:mac:${devEui}:`,
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
});

async function scene(
  options: {
    dialect?: Dialect;
    head?: string;
    confirmed?: boolean;
    device?: Partial<EndDeviceSettings>;
  } = {},
) {
  const { dialect = chirpstack(1), head = layout, confirmed = true } = options;
  const broker = await openBroker({ port: 0 });
  stack.push(broker);
  let level = 10;
  const network = createNetwork({
    deduplicationMs: 0,
    devices: [
      {
        devEui,
        name: "lamp-1",
        model: { profile: "Lamp", brand: "test", model: "lamp" },
        payload: () => ({ fPort: 2, bytes: Uint8Array.of(level) }),
        onDownlink: ({ bytes }) => {
          level = bytes[0] ?? 0;
          return undefined;
        },
        ...options.device,
      },
    ],
  });
  stack.push({ [Symbol.asyncDispose]: async () => network[Symbol.dispose]() });
  const server = await openNetworkServer({ url: broker.url, network, dialect });
  stack.push(server);
  const sandbox = openSandbox({ clock: realClock });
  stack.push(sandbox);
  const where =
    dialect.qos === 1
      ? { server: "chirpstack", application: dialect.application }
      : { server: "the-things-stack", application: "city", tenant: "ttn" };
  const connection = connectionSchema.parse({ ...where, mqtt: { url: broker.url } });
  const unit = unitOf(profileOf(head, confirmed));
  const told: PointResult[] = [];
  let look = (): void => {};
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (holds()) resolve();
      };
      look();
    });
  const open = async (): Promise<LoraDriver> => {
    const driver = await openLorawan(connection, {
      clock: realClock,
      random: Math.random,
      log: silentLog,
      connect: () => Promise.reject(new Error("not used")),
      emit: async (_device, results) => {
        told.push(...results);
        look();
      },
      sandbox,
      names: { gateway: "gw", connection: "lns" },
      signal: new AbortController().signal,
    });
    stack.push(driver);
    await driver.listen?.([unit]);
    return driver;
  };
  const driver = await open();
  const [lamp] = network.devices;
  if (!lamp) throw new Error("no lamp");
  const values = (): unknown[] =>
    told.flatMap((one) => (one.point.name === "level" && "raw" in one ? [one.raw] : []));
  /** Where its downlinks go is known from the first uplink. */
  const first = async (): Promise<void> => {
    lamp.send();
    await until(() => values().length === 1);
  };
  const address = unit.profile.points.find(({ name }) => name === "level")?.write?.address as DownlinkAddress;
  const write = async (
    raw: number,
    more: { expiresAt?: number; through?: LoraDriver } = {},
  ): Promise<PendingWrite> => {
    const { through = driver, expiresAt } = more;
    const pending = await through.write?.(unit, { address, raw, expiresAt }, new AbortController().signal);
    if (!pending) throw new Error("the write is done at once, which no downlink is");
    return pending;
  };
  return { broker, network, server, driver, open, lamp, until, values, first, write, unit };
}

/** Reads stages one by one. */
function reader(pending: PendingWrite) {
  const stages = pending.stages()[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await stages.next();
    return done ? "end" : value;
  };
}

describe("a write to a class A device", () => {
  it("waits for its next uplink, is sent, and acknowledged with the one after", async () => {
    const { lamp, server, first, write, until, values } = await scene();
    await first();
    const next = reader(await write(35));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1);
    expect(lamp.received).toEqual([]);
    lamp.send();
    expect(await next()).toBe("sent");
    await server.until(() => lamp.received.length === 1);
    expect(lamp.received[0]).toMatchObject({ fPort: 60, bytes: Uint8Array.of(35) });
    lamp.send();
    expect(await next()).toBe("acknowledged");
    expect(await next()).toBe("end");
    await until(() => values().includes(35));
  });

  it("that is lost on the air is not delivered, and ChirpStack does not send it again", async () => {
    const { lamp, server, first, write } = await scene();
    await first();
    const next = reader(await write(35));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1);
    lamp.loseDownlinks(1);
    lamp.send();
    expect(await next()).toBe("sent");
    lamp.send();
    await expect(next()).rejects.toMatchObject({ name: "RefusedError", code: "not-delivered" });
    expect(lamp.received).toEqual([]);
  });

  it("that is lost on the air is sent again by The Things Stack until it is acknowledged", async () => {
    const { lamp, server, first, write } = await scene({
      dialect: theThingsStack(1, { application: "city", tenant: "ttn" }),
    });
    await first();
    const next = reader(await write(35));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1);
    lamp.loseDownlinks(1);
    lamp.send();
    expect(await next()).toBe("sent");
    // The next uplink does not acknowledge it: it goes out again behind that very uplink.
    lamp.send();
    expect(await next()).toBe("queued");
    expect(await next()).toBe("sent");
    await server.until(() => lamp.received.length === 1);
    lamp.send();
    expect(await next()).toBe("acknowledged");
    expect(await next()).toBe("end");
  });

  it("unconfirmed ends with being on the air, though the device never got it", async () => {
    const { lamp, server, first, write } = await scene({ confirmed: false });
    await first();
    const next = reader(await write(35));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1);
    lamp.loseDownlinks(1);
    lamp.send();
    expect(await next()).toBe("sent");
    expect(await next()).toBe("end");
    expect(lamp.received).toEqual([]);
  });

  it("expires in the server's queue", async () => {
    const { lamp, server, first, write } = await scene();
    await first();
    const expiresAt = Date.now() + 300;
    const next = reader(await write(35, { expiresAt }));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1 && Date.now() > expiresAt);
    lamp.send();
    await expect(next()).rejects.toMatchObject({ name: "RefusedError", code: "expired" });
    expect(lamp.received).toEqual([]);
  });

  it("is not begun when it has expired, or when nothing can be written there", async () => {
    const { driver, unit, first, write } = await scene();
    await first();
    await expect(write(35, { expiresAt: 1 })).rejects.toMatchObject({
      name: "RefusedError",
      code: "expired",
    });
    const signal = new AbortController().signal;
    const nowhere = { address: { link: "rssi" as const }, raw: 1 };
    await expect(driver.write?.(unit, nowhere, signal)).rejects.toMatchObject({ code: "read-only" });
    await expect(write(300)).rejects.toMatchObject({ name: "ConfigError", code: "cannot-encode" });
    const gone = AbortSignal.abort(new Error("no longer wanted"));
    const address = unit.profile.points[0]?.write?.address as DownlinkAddress;
    await expect(driver.write?.(unit, { address, raw: 1 }, gone)).rejects.toThrow("no longer wanted");
  });

  it("is followed over a new connection to the broker", async () => {
    const { lamp, server, first, write, driver, open } = await scene();
    await first();
    const next = reader(await write(35));
    expect(await next()).toBe("queued");
    await driver[Symbol.asyncDispose]();
    await server.until(() => lamp.queue.items.length === 1);
    lamp.send();
    await server.until(() => lamp.received.length === 1);
    await server.idle();
    await open();
    expect(await next()).toBe("sent");
    lamp.send();
    expect(await next()).toBe("acknowledged");
  });

  it("cannot be taken back over ChirpStack's MQTT, which is said", async () => {
    const { first, write } = await scene();
    await first();
    const pending = await write(35);
    await expect(pending.takeBack?.()).rejects.toMatchObject({ name: "RefusedError", code: "cannot-flush" });
  });
});

describe("a write through The Things Stack", () => {
  it("is taken back alone, also over a new connection; the others keep their places", async () => {
    const { lamp, server, first, write, driver, open } = await scene({
      dialect: theThingsStack(1, { application: "city", tenant: "ttn" }),
      confirmed: false,
    });
    await first();
    const kept = reader(await write(20));
    const pending = await write(35);
    const next = reader(pending);
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 2);
    await driver[Symbol.asyncDispose]();
    await expect(pending.takeBack?.()).rejects.toMatchObject({ name: "LinkError" });
    await open();
    await pending.takeBack?.();
    await expect(next()).rejects.toMatchObject({ name: "RefusedError", code: "taken-back" });
    await server.until(() => lamp.queue.items.length === 1);
    lamp.send();
    expect(await kept()).toBe("queued");
    expect(await kept()).toBe("sent");
    await server.until(() => lamp.received.length === 1);
    expect(lamp.received[0]?.bytes).toEqual(Uint8Array.of(20));
    await expect(pending.takeBack?.()).rejects.toMatchObject({ code: "cannot-flush" });
  });
});

describe("a profile with a codec script", () => {
  it("decodes uplinks and encodes downlinks in the sandbox", async () => {
    const { lamp, server, first, write, values, until, driver } = await scene({ head: script });
    await first();
    expect(values()).toEqual([10]);
    const next = reader(await write(80));
    expect(await next()).toBe("queued");
    await server.until(() => lamp.queue.items.length === 1);
    lamp.send();
    expect(await next()).toBe("sent");
    await server.until(() => lamp.received.length === 1);
    expect(lamp.received[0]).toMatchObject({ fPort: 60, bytes: Uint8Array.of(80) });
    lamp.send();
    expect(await next()).toBe("acknowledged");
    await until(() => values().includes(80));
    await expect(write(150)).rejects.toMatchObject({
      name: "ConfigError",
      code: "cannot-encode",
      message: "no lamp is as bright",
    });
    expect(driver.statistics).not.toHaveProperty("undecoded");
  });
});
