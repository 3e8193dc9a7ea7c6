import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, describe, expect, it } from "vitest";
import { openBroker } from "./broker.ts";
import { readCapture, replay } from "./lorawan/capture.ts";
import { chirpstack } from "./lorawan/chirpstack.ts";
import type { Dialect } from "./lorawan/dialect.ts";
import { createNetwork } from "./lorawan/network.ts";
import { theThingsStack } from "./lorawan/the-things-stack.ts";
import { type NetworkServerOptions, openNetworkServer } from "./network-server.ts";
import { after } from "./wire.ts";

interface Arrived {
  readonly topic: string;
  readonly payload: Buffer;
}

const open: AsyncDisposableStack[] = [];
afterEach(async () => {
  for (const stack of open.splice(0)) await stack.disposeAsync();
});

/** A broker, an application that listens, and a network of `count` devices that take no time. */
async function field(count: number, dialect: Dialect, faults: Partial<NetworkServerOptions> = {}) {
  const stack = new AsyncDisposableStack();
  open.push(stack);
  const broker = stack.use(await openBroker({ port: 0 }));
  const network = stack.use(
    createNetwork({
      devices: Array.from({ length: count }, (_, index) => ({
        devEui: `a81758fffe05${String(index).padStart(4, "0")}`,
        name: `Device ${index}`,
        model: { profile: "Test" },
        payload: ({ fCnt }) => ({ fPort: 1, bytes: Uint8Array.of(index, fCnt) }),
      })),
      after: (_, callback) => after(0, callback),
      deduplicationMs: 0,
    }),
  );
  const application = await connectAsync(broker.url);
  stack.defer(() => application.endAsync(true));
  const arrived: Arrived[] = [];
  application.on("message", (topic, payload) => arrived.push({ topic, payload }));
  await application.subscribeAsync("#", { qos: 1 });
  const start = () => openNetworkServer({ url: broker.url, network, dialect, ...faults });
  return { network, start, application, arrived, broker, stack };
}

const settled = (application: MqttClient) =>
  // Its own message comes after all that came before.
  new Promise<void>((resolve) => {
    const marker = (topic: string) => {
      if (topic !== "marker") return;
      application.off("message", marker);
      resolve();
    };
    application.on("message", marker);
    application.publish("marker", "", { qos: 1 });
  });

const turn = () => new Promise<void>((resolve) => after(5, resolve));

describe("the network server on a broker", () => {
  it("publishes each uplink and knows which the broker has", async () => {
    const { network, start, application, arrived } = await field(20, chirpstack(1));
    await using server = await start();
    for (const device of network.devices) device.send();
    await server.until(() => network.uplinks.every(({ acknowledged }) => acknowledged === 1));
    await settled(application);
    const ups = arrived.filter(({ topic }) => topic.endsWith("/up"));
    expect(ups.map(({ payload }) => JSON.parse(payload.toString()).data).toSorted()).toEqual(
      network.uplinks.map(({ payload }) => Buffer.from(payload, "hex").toString("base64")).toSorted(),
    );
    expect(server.published).toBe(40);
  });

  it("duplicates and reorders what it is told to, and loses nothing of it", async () => {
    const faults = { duplicates: 0.3, reorders: 0.3 };
    const { network, start, application, arrived } = await field(10, chirpstack(2), faults);
    await using server = await start();
    for (let round = 0; round < 20; round++) {
      for (const device of network.devices) device.send();
      await server.until(() => network.uplinks.every(({ heard }) => heard));
      await turn();
    }
    await server.idle();
    await settled(application);
    const seen = arrived
      .filter(({ topic }) => topic.endsWith("/up"))
      .map(({ payload }) => JSON.parse(payload.toString()))
      .map((up) => ({ id: up.deduplicationId, devEui: up.deviceInfo.devEui, fCnt: up.fCnt ?? 0 }));
    expect(new Set(seen.map(({ id }) => id)).size).toBe(200);
    expect(seen.length).toBeGreaterThan(220);
    expect(network.uplinks.reduce((sum, { copies }) => sum + copies, 0)).toBe(seen.length);
    const backwards = seen.filter(({ devEui, fCnt }, index) =>
      seen.slice(0, index).some((before) => before.devEui === devEui && before.fCnt > fCnt),
    );
    expect(backwards.length).toBeGreaterThan(20);
  });

  it("takes commands of both dialects, and says what it refuses", async () => {
    for (const dialect of [chirpstack(3), theThingsStack(3)]) {
      const { network, start, application, arrived } = await field(1, dialect);
      await using server = await start();
      const [device] = network.devices;
      const topic =
        dialect.name === "ChirpStack"
          ? `application/${dialect.application}/device/a81758fffe050000/command/down`
          : `v3/${dialect.application}/devices/device-0/down/push`;
      const good =
        dialect.name === "ChirpStack"
          ? { devEui: "a81758fffe050000", fPort: 10, data: "AQI=" }
          : { downlinks: [{ f_port: 10, frm_payload: "AQI=" }] };
      await application.publishAsync(topic, JSON.stringify(good), { qos: 1 });
      await application.publishAsync(topic, "{", { qos: 1 });
      await application.publishAsync(
        topic.replace("0000/", "9999/").replace("-0/", "-9/"),
        JSON.stringify(good),
      );
      await server.until(() => server.commands === 1 && server.refused.length === 2);
      device!.send();
      await server.until(() => device!.received.length === 1 && server.published >= 3);
      await server.idle();
      await settled(application);
      expect(device!.received[0]!.bytes).toEqual(Uint8Array.of(1, 2));
      expect(arrived.map((one) => one.topic).filter((one) => /txack|sent/.test(one)).length).toBe(1);
    }
  });

  it("starts again with its queues and sessions; what was said meanwhile is gone and shows as a gap", async () => {
    const dialect = chirpstack(4);
    const { network, start, application, arrived } = await field(1, dialect);
    const [device] = network.devices;
    const first = await start();
    device!.send();
    await first.until(() => network.uplinks[0]!.acknowledged === 1);
    await application.publishAsync(
      `application/${dialect.application}/device/a81758fffe050000/command/down`,
      JSON.stringify({ devEui: "a81758fffe050000", fPort: 10, data: "AQI=" }),
      { qos: 1 },
    );
    await first.until(() => first.commands === 1);
    await first.crash();
    device!.send();
    await using second = await start();
    device!.send();
    await second.until(() => device!.received.length === 1 && network.uplinks[2]!.acknowledged === 1);
    await settled(application);
    const counters = arrived
      .filter(({ topic }) => topic.endsWith("/up"))
      .map(({ payload }) => JSON.parse(payload.toString()).fCnt ?? 0);
    expect(counters).toEqual([0, 2]);
    expect(arrived.filter(({ topic }) => topic.endsWith("/join")).length).toBe(1);
  });

  it("brings what a broken connection held up", async () => {
    const { network, start, application, arrived, broker } = await field(5, chirpstack(5));
    await using server = await start();
    for (const device of network.devices) device.send();
    broker.cut(server.clientId);
    for (const device of network.devices) device.send();
    await server.until(() => network.uplinks.every(({ acknowledged }) => acknowledged >= 1));
    await settled(application);
    const ids = arrived
      .filter(({ topic }) => topic.endsWith("/up"))
      .map(({ payload }) => JSON.parse(payload.toString()).deduplicationId);
    expect(new Set(ids)).toEqual(new Set(network.uplinks.map(({ deduplicationId }) => deduplicationId)));
  });

  it("records what it says, and replays a record", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-capture-"));
    try {
      const dialects = [chirpstack(6), chirpstack(6, { format: "protobuf" }), theThingsStack(6)];
      for (const [index, dialect] of dialects.entries()) {
        const record = join(folder, `${index}.jsonl`);
        const { network, start, application, arrived } = await field(3, dialect, { record });
        const server = await start();
        for (const device of network.devices) device.send();
        await server.until(() => network.uplinks.every(({ heard }) => heard));
        await server.idle();
        await server[Symbol.asyncDispose]();
        await settled(application);
        const before = arrived.splice(0);
        const capture = readCapture(readFileSync(record, "utf8"));
        await replay(application, capture, { spacing: { ms: 1, after } });
        await settled(application);
        expect(arrived.filter(({ topic }) => topic !== "marker")).toEqual(
          before.filter(({ topic }) => topic !== "marker"),
        );
        expect(capture.length).toBe(6);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("reads no capture that is none", () => {
    expect(readCapture('\n{"topic":"a","hex":"00FF"}\n')).toEqual([
      { topic: "a", payload: Uint8Array.of(0, 255) },
    ]);
    for (const [line, why] of [
      ["{", "line 2 of the capture: not JSON"],
      ['{"payload":{}}', "no topic"],
      ['{"topic":"a"}', "neither payload nor hex"],
      ['{"topic":"a","hex":"0"}', "not hex"],
    ] as const)
      expect(() => readCapture(`{"topic":"a","payload":{}}\n${line}`)).toThrow(why);
  });
});
