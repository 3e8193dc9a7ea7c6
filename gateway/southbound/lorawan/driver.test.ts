import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, describe, expect, it } from "vitest";
import { openBroker } from "../../../simulators/broker.ts";
import { startMosquitto } from "../../../test/ci/mosquitto.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { realClock } from "../../../test/mqtt/real-clock.ts";
import type { Clock } from "../../model/clock.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import type { Reading } from "../../model/reading.ts";
import { loadProfile } from "../../profiles/load.ts";
import { type ConnectionLoop, openLoop } from "../loop.ts";
import type { PointResult } from "../protocol.ts";
import { type LoraDriver, openLorawan } from "./driver.ts";
import { lorawan } from "./protocol.ts";
import type { LoraUnit } from "./results.ts";
import { connectionSchema, headSchema } from "./schema.ts";
import type { LoraConnection } from "./settings.ts";

// The live driver on a real broker: mosquitto where there is one, else aedes.

const hasMosquitto = existsSync("/usr/sbin/mosquitto") || existsSync("/usr/bin/mosquitto");
const application = "3f5c1e2a-0b1d-4c3e-9f7a-1234567890ab";
const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});
const later = (close: () => unknown): void => {
  stack.push({
    async [Symbol.asyncDispose]() {
      await close();
    },
  });
};

async function startBroker(): Promise<{ url: string }> {
  if (hasMosquitto) {
    const broker = await startMosquitto({ port: 0 });
    later(() => broker.stop());
    return broker;
  }
  const broker = await openBroker({ port: 0 });
  later(() => broker[Symbol.asyncDispose]());
  return broker;
}

const profileText = `profile: test/sensor
version: 1.0.0
title: Sensor
manufacturer: Test
models: [S]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
  payload:
    fields:
      - {name: temperature, type: s16, div: 10}
      - {name: log, type: repeat, until: end, fields: [{name: at, type: u32, time: epoch}, {name: temperature, type: s16, div: 10}]}
points:
  temperature: {at: {field: temperature}, unit: Cel}
  rssi: {at: {link: rssi}, unit: dBm}
  battery: {at: {link: battery}, unit: "%", resolution: 0.1}
examples:
  - {given: {payload: "00d7"}, expect: {temperature: 21.5}}
`;

function profileOf(text = profileText): DeviceProfile {
  const { profile, diagnostics } = loadProfile(text, "device-profiles/test/sensor.yaml", [lorawan]);
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return profile;
}

const euiOf = (index: number): string => (0xa81758fffe050000n + BigInt(index)).toString(16);

function unit(index = 1, profile = profileOf()): LoraUnit {
  const found = {
    id: `sensor-${index}`,
    profile,
    connection: "lns",
    settings: { devEui: euiOf(index), deviceId: undefined },
    urn: `urn:dev:mac:${euiOf(index)}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
  return found as unknown as LoraUnit;
}

const chirpstack = (url: string): LoraConnection =>
  connectionSchema.parse({ server: "chirpstack", mqtt: { url }, application });
const tts = (url: string): LoraConnection =>
  connectionSchema.parse({ server: "the-things-stack", mqtt: { url }, application: "city", tenant: "ttn" });

async function client(url: string): Promise<MqttClient> {
  const made = await connectAsync(url, { clientId: `server-${randomUUID()}` });
  later(() => made.endAsync(true));
  return made;
}

interface Said {
  readonly index?: number;
  readonly fCnt: number;
  readonly payload?: string;
  readonly time?: string;
  readonly id?: string;
}

function publishUp(
  server: MqttClient,
  { index = 1, fCnt, payload = "00d7", time, id }: Said,
  qos: 0 | 1 = 1,
) {
  const devEui = euiOf(index);
  const body = {
    deduplicationId: id ?? `${index}-${fCnt}`,
    time: time ?? new Date(Date.UTC(2026, 2, 1) + fCnt * 60_000).toISOString(),
    deviceInfo: { devEui, applicationId: application, deviceProfileName: "Sensor", deviceName: `S${index}` },
    ...(fCnt === 0 ? {} : { fCnt }),
    fPort: 5,
    data: Buffer.from(payload, "hex").toString("base64"),
    rxInfo: [{ gatewayId: "gw", rssi: -80, snr: 7 }],
  };
  return server.publishAsync(`application/${application}/device/${devEui}/event/up`, JSON.stringify(body), {
    qos,
  });
}

/** What a driver emits, with a say in when it is durable. */
class Sink {
  readonly emitted: { device: string; results: readonly PointResult[] }[] = [];
  hold = false;
  readonly #held: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #waiting: { holds: () => boolean; resolve: () => void }[] = [];

  readonly emit = (device: { id: string }, results: readonly PointResult[]): Promise<void> => {
    this.emitted.push({ device: device.id, results });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.hold) this.#held.push({ resolve, reject });
    else resolve();
    this.look();
    return promise;
  };

  get held(): number {
    return this.#held.length;
  }

  release(error?: Error): void {
    this.hold = false;
    for (const { resolve, reject } of this.#held.splice(0)) {
      if (error) reject(error);
      else resolve();
    }
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  look(): void {
    const ready = this.#waiting.filter(({ holds }) => holds());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }

  values(name: string): unknown[] {
    return this.emitted.flatMap(({ results }) =>
      results.flatMap((result) => (result.point.name === name && "raw" in result ? [result.raw] : [])),
    );
  }
}

async function open(
  connection: LoraConnection,
  sink: Sink,
  devices: readonly LoraUnit[] = [unit()],
  clock: Clock = realClock,
): Promise<LoraDriver> {
  const driver = await openLorawan(connection, {
    clock,
    random: Math.random,
    log: silentLog,
    connect: () => Promise.reject(new Error("not used")),
    emit: sink.emit,
    names: { gateway: "gw", connection: "lns" },
    signal: new AbortController().signal,
  });
  later(() => driver[Symbol.asyncDispose]());
  await driver.listen?.(devices);
  return driver;
}

describe("ChirpStack's bridge on a broker", () => {
  it("tells values, link and the server's time", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    await publishUp(server, { fCnt: 7, time: "2026-03-01T12:00:00.125Z" });
    await sink.until(() => sink.emitted.length === 1);
    expect(sink.emitted[0]?.results).toMatchObject([
      { point: { name: "rssi" }, raw: -80 },
      {
        point: { name: "temperature" },
        raw: 21.5,
        at: { base: "unix", ms: Date.UTC(2026, 2, 1, 12, 0, 0, 125) },
      },
    ]);
    expect(driver.statistics).toMatchObject({ uplinks: 1 });
  });

  it("acknowledges nothing before it is durable: what was not comes again to the next session", async () => {
    const { url } = await startBroker();
    const connection = chirpstack(url);
    const sink = new Sink();
    sink.hold = true;
    const first = await open(connection, sink);
    const server = await client(url);
    await publishUp(server, { fCnt: 1 });
    await sink.until(() => sink.held === 1);
    await first[Symbol.asyncDispose]();
    sink.release(new Error("the disk is gone"));
    const again = new Sink();
    const second = await open(chirpstack(url), again);
    await again.until(() => again.emitted.length === 1);
    expect(again.values("temperature")).toEqual([21.5]);
    expect(second.statistics).toMatchObject({ uplinks: 1 });
  });

  it("ends the session when an uplink could not be kept, and takes it from the next one", async () => {
    const { url } = await startBroker();
    const connection = chirpstack(url);
    const sink = new Sink();
    sink.hold = true;
    const first = await open(connection, sink);
    const server = await client(url);
    await publishUp(server, { fCnt: 1 });
    await sink.until(() => sink.held === 1);
    const lost = new Promise((resolve) => first.lost.addEventListener("abort", resolve));
    sink.release(new Error("the disk is gone"));
    await lost;
    expect(first.lost.reason).toMatchObject({ code: "not-kept" });
    await first[Symbol.asyncDispose]();
    await open(connection, sink);
    await sink.until(() => sink.emitted.length === 2);
    expect(sink.values("temperature")).toEqual([21.5, 21.5]);
  });

  it("takes over once what comes twice: from the server, and again after a broken connection", async () => {
    const { url } = await startBroker();
    const connection = chirpstack(url);
    const sink = new Sink();
    sink.hold = true;
    const first = await open(connection, sink);
    const server = await client(url);
    await publishUp(server, { fCnt: 1 });
    await publishUp(server, { fCnt: 1 });
    await sink.until(() => sink.held === 1);
    await first[Symbol.asyncDispose]();
    const second = await open(connection, sink);
    // It came again and waits for the same promise; a later one is taken on its own.
    await publishUp(server, { fCnt: 2, payload: "00d8" });
    await sink.until(() => sink.held === 2);
    sink.release();
    expect(sink.values("temperature")).toEqual([21.5, 21.6]);
    expect(second.statistics).toMatchObject({ uplinks: 1, duplicates: 2 });
  });

  it("keeps up with many at a time, while none is acknowledged out of order", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const devices = Array.from({ length: 20 }, (_, index) => unit(index + 1));
    await open(chirpstack(url), sink, devices);
    const server = await client(url);
    const all = Array.from({ length: 400 }, (_, at) =>
      publishUp(server, { index: 1 + (at % 20), fCnt: Math.floor(at / 20) }),
    );
    await Promise.all(all);
    await sink.until(() => sink.emitted.length >= 400);
    expect(sink.emitted).toHaveLength(400);
    expect(new Set(sink.emitted.map(({ device }) => device)).size).toBe(20);
  });

  it("reports lost uplinks one uplink later, not those that changed places", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    for (const fCnt of [1, 2, 4, 3, 5, 8, 9]) await publishUp(server, { fCnt });
    await sink.until(() => sink.values("temperature").length === 7);
    expect(sink.values("fcnt_gap")).toEqual([2]);
    expect(driver.statistics).toMatchObject({ "lost-uplinks": 2, reordered: 1 });
    await publishUp(server, { fCnt: 0, id: "after the reset" });
    await sink.until(() => sink.values("temperature").length === 8);
    expect(driver.statistics).toMatchObject({ "counter-resets": 1, "lost-uplinks": 2 });
  });

  it("gives records of the past their own times, oldest first, before the present value", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    const at = (ms: number): string => (ms / 1000).toString(16).padStart(8, "0");
    const noon = Date.UTC(2026, 2, 1, 12);
    const payload = `00d7${at(noon - 600_000)}00c8${at(noon - 1_200_000)}00be000000000001`;
    await publishUp(server, { fCnt: 1, payload, time: new Date(noon).toISOString() });
    await sink.until(() => sink.emitted.length === 1);
    // Together, under one mark: what is taken is taken whole.
    expect(
      sink.emitted.map(({ results }) =>
        results.flatMap((one) =>
          "raw" in one && one.point.name === "temperature" ? [[one.at.ms, one.raw]] : [],
        ),
      ),
    ).toEqual([
      [
        [noon - 1_200_000, 19],
        [noon - 600_000, 20],
        [noon, 21.5],
      ],
    ]);
    expect(driver.statistics).toMatchObject({ "records-without-time": 1 });
  });

  it("keeps a payload that nobody decodes, and does not touch one that is encrypted", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    await publishUp(server, { fCnt: 1, payload: "ff" });
    await sink.until(() => sink.emitted.length === 1);
    expect(sink.values("raw_payload")).toEqual([Uint8Array.of(0xff)]);
    await server.publishAsync(
      `application/${application}/device/${euiOf(1)}/event/up`,
      JSON.stringify({
        deduplicationId: "e",
        fCnt: 2,
        fPort: 5,
        data: "ANc=",
        joinServerContext: { sessionKeyId: "AQ==" },
      }),
      { qos: 1 },
    );
    await sink.until(() => sink.emitted.length === 2);
    expect(sink.values("temperature")).toEqual([]);
    expect(driver.statistics).toMatchObject({ undecoded: 1, encrypted: 1 });
  });

  it("lists devices that are not configured, until they are", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    await publishUp(server, { index: 9, fCnt: 3 });
    await publishUp(server, { index: 9, fCnt: 4 });
    await publishUp(server, { index: 1, fCnt: 1 });
    await sink.until(() => sink.emitted.length === 1);
    expect(driver.unknown?.()).toMatchObject([
      {
        settings: { devEui: euiOf(9) },
        name: "S9",
        model: "Sensor",
        heard: 2,
        given: { payload: "00d7", fPort: 5, fCnt: 4 },
      },
    ]);
    await driver.listen?.([unit(1), unit(9)]);
    expect(driver.unknown?.()).toEqual([]);
  });

  it("counts what it does not understand and goes on", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    await server.publishAsync(`application/${application}/device/${euiOf(1)}/event/up`, "{", { qos: 1 });
    await publishUp(server, { fCnt: 1 }, 0);
    await sink.until(() => sink.emitted.length === 1);
    expect(driver.statistics).toMatchObject({ "bad-events": 1, "qos-0": 1, uplinks: 1 });
  });

  it("tells margin and battery once", async () => {
    const { url } = await startBroker();
    const sink = new Sink();
    const driver = await open(chirpstack(url), sink);
    const server = await client(url);
    const status = JSON.stringify({ time: "2026-03-01T12:00:00Z", margin: 7, batteryLevel: 88.5 });
    for (let time = 0; time < 2; time++)
      await server.publishAsync(`application/${application}/device/${euiOf(1)}/event/status`, status, {
        qos: 1,
      });
    await publishUp(server, { fCnt: 1 });
    await sink.until(() => sink.emitted.length === 2);
    expect(sink.values("battery")).toEqual([88.5]);
    expect(driver.statistics).toMatchObject({ "device-statuses": 1 });
  });
});

describe("downlinks", () => {
  const request = { fPort: 60, data: Uint8Array.from([1, 50]), confirmed: true };

  it("are queued, sent and acknowledged, as ChirpStack says", async () => {
    const { url } = await startBroker();
    const driver = await open(chirpstack(url), new Sink());
    const server = await client(url);
    const asked = new Promise<{ id: string }>((resolve) =>
      server.on("message", (_topic, payload) => resolve(JSON.parse(payload.toString()))),
    );
    await server.subscribeAsync(`application/${application}/device/+/command/down`, { qos: 1 });
    const handle = await driver.downlink(unit(), request);
    expect(handle.state).toEqual({ stage: "queued", ended: false });
    const { id } = await asked;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const tell = (type: string, body: object) =>
      server.publishAsync(
        `application/${application}/device/${euiOf(1)}/event/${type}`,
        JSON.stringify({ queueItemId: id, ...body }),
        { qos: 1 },
      );
    await tell("txack", {});
    await tell("ack", { acknowledged: true });
    const stages: string[] = [];
    for await (const { stage } of handle.states()) stages.push(stage);
    expect(stages.at(-1)).toBe("acknowledged");
    expect(driver.statistics).toMatchObject({ downlinks: 1, "downlinks-sent": 1, "open-downlinks": 0 });
  });

  it("expire, and are taken from the queue of a server that does not expire them", async () => {
    const { url } = await startBroker();
    const clock = new SteppedClock();
    const device = unit();
    const named = { ...device, settings: { ...device.settings, deviceId: "hallway" } };
    const driver = await open(tts(url), new Sink(), [named], clock);
    const server = await client(url);
    const messages: { topic: string; body: { downlinks: unknown[] } }[] = [];
    const replaced = new Promise<void>((resolve) =>
      server.on("message", (topic, payload) => {
        messages.push({ topic, body: JSON.parse(payload.toString()) });
        if (topic.endsWith("/replace")) resolve();
      }),
    );
    await server.subscribeAsync(["v3/city@ttn/devices/+/down/push", "v3/city@ttn/devices/+/down/replace"]);
    const late = await driver.downlink(named, { ...request, expiresAt: clock.now() + 3_600_000 });
    await driver.downlink(named, request);
    clock.step(3_600_000);
    await replaced;
    expect(late.state).toMatchObject({ stage: "expired", ended: true });
    expect(messages.map(({ topic }) => topic.split("/").at(-1))).toEqual(["push", "push", "replace"]);
    expect(messages[2]?.body.downlinks).toHaveLength(1);
  });

  it("are refused when they cannot be sent", async () => {
    const { url } = await startBroker();
    const driver = await open(chirpstack(url), new Sink());
    await expect(driver.downlink(unit(), { ...request, fPort: 0 })).rejects.toMatchObject({
      code: "bad-port",
    });
    await expect(driver.downlink(unit(), { ...request, data: new Uint8Array(243) })).rejects.toMatchObject({
      code: "too-long",
    });
    await expect(driver.downlink(unit(), { ...request, expiresAt: 1 })).rejects.toMatchObject({
      code: "expired",
    });
    await expect(driver.flush(unit())).rejects.toMatchObject({ code: "cannot-flush" });
  });
});

describe("The Things Stack's bridge on a broker", () => {
  it("tells values, and every gap that a broken connection left", async () => {
    const { url } = await startBroker();
    const connection = tts(url);
    const sink = new Sink();
    const first = await open(connection, sink);
    const server = await client(url);
    const up = (fCnt: number) =>
      server.publishAsync(
        "v3/city@ttn/devices/hallway/up",
        JSON.stringify({
          end_device_ids: { device_id: "hallway", dev_eui: euiOf(1).toUpperCase() },
          received_at: new Date(Date.UTC(2026, 2, 1) + fCnt * 60_000).toISOString(),
          uplink_message: { f_port: 2, f_cnt: fCnt, frm_payload: "ANc=" },
        }),
      );
    await up(1);
    await sink.until(() => sink.emitted.length === 1);
    await first[Symbol.asyncDispose]();
    await up(2);
    await up(3);
    await open(connection, sink);
    await up(4);
    await up(5);
    await sink.until(() => sink.values("temperature").length === 3);
    expect(sink.values("fcnt_gap")).toEqual([2]);
  });
});

describe("a loop of LoRaWAN devices", () => {
  it("reconnects by itself and loses nothing that ChirpStack's broker kept", async () => {
    const broker = await openBroker({ port: 0 });
    later(() => broker[Symbol.asyncDispose]());
    const taken: Reading[] = [];
    const waiting: { count: number; resolve: () => void }[] = [];
    const until = (count: number) =>
      new Promise<void>((resolve) => (taken.length >= count ? resolve() : waiting.push({ count, resolve })));
    const loop: ConnectionLoop = await openLoop({
      connection: "lns",
      protocol: lorawan,
      settings: chirpstack(broker.url),
      devices: [unit()],
      context: {
        clock: realClock,
        random: () => 0,
        log: silentLog,
        connect: () => Promise.reject(new Error("not used")),
        names: { gateway: "gw", connection: "" },
        signal: new AbortController().signal,
      },
      sink: (_device, readings) => {
        taken.push(...readings.filter(({ name }) => name === "temperature"));
        for (const { count, resolve } of waiting) if (taken.length >= count) resolve();
      },
      learnedStore: { load: () => ({}), save: () => {} },
    });
    later(() => loop[Symbol.asyncDispose]());
    const server = await client(broker.url);
    // The session exists when the first uplink has come through.
    const first = setInterval(() => void publishUp(server, { fCnt: 1 }), 50);
    await until(1);
    clearInterval(first);
    broker.cut("stadsnod-gw-lns");
    for (let fCnt = 2; fCnt <= 40; fCnt++) await publishUp(server, { fCnt });
    await until(40);
    expect(taken.map(({ value }) => value)).toEqual(Array(40).fill(21.5));
    expect(new Set(taken.map(({ time }) => time.ms)).size).toBe(40);
    expect(loop.status().devices).toMatchObject([{ availability: "available" }]);
  });
});

/** Real time for sockets; the wall clock and long timers are the test's. */
class SteppedClock extends VirtualClock {
  step(ms: number): void {
    void this.advance(ms);
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return realClock.sleep(ms, signal);
  }
}

describe("a connection", () => {
  it.each([
    [
      { server: "chirpstack", application: "my-app" },
      "an application of ChirpStack is a UUID, as its page shows it",
    ],
    [{ server: "chirpstack", tenant: "ttn" }, "ChirpStack's topics have no tenant"],
    [{ server: "the-things-stack" }, "The Things Stack needs the application's id, as in my-app"],
    [{ server: "the-things-stack", application: "city", format: "protobuf" }, "The Things Stack speaks JSON"],
  ])("%j is refused", (written, message) => {
    const { error } = connectionSchema.safeParse({ mqtt: { url: "mqtt://broker" }, ...written });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it("has one decoder at most", () => {
    expect(headSchema.safeParse({ payload: { fields: [] }, codec: "./a.js" }).success).toBe(false);
    expect(headSchema.safeParse({ codec: "../a.js" }).success).toBe(false);
    expect(headSchema.safeParse({ codec: "./a/b.js" }).success).toBe(false);
    expect(headSchema.safeParse({}).success).toBe(true);
  });

  it("tells why it cannot be opened", async () => {
    await expect(open(chirpstack("mqtt://127.0.0.1:1"), new Sink())).rejects.toMatchObject({
      code: "connection-refused",
    });
  });
});
