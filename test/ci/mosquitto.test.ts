import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import { openForwarder } from "../../gateway/northbound/forwarder.ts";
import { openPlatform } from "../../simulators/platform.ts";
import { northboundContract } from "../contract/northbound.contract.ts";
import { makeAuthority, makeCertificate } from "../mqtt/certificates.ts";
import { openMqttFarSide } from "../mqtt/far-side.ts";
import { MemoryOutbox } from "../mqtt/memory-outbox.ts";
import { never, openMqtt, packOf, problemOf } from "../mqtt/open-mqtt.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { makePack, mergeTestPacks } from "../mqtt/senml-packs.ts";
import { startMosquitto } from "./mosquitto.ts";

// Everybody may do everything, but nobody may write to the audience "restricted".
const acl = "topic readwrite #\ntopic deny stadsnod/v1/+/telemetry/restricted/#\n";
const guarded = { config: ["allow_anonymous true", "acl_file FOLDER/acl"], files: { acl } };

northboundContract(
  "MQTT 5 on mosquitto",
  () =>
    openMqttFarSide({
      settings: { protocol: "5" },
      start: (port) => startMosquitto({ port, ...guarded }),
    }),
  { refused: "restricted" },
);
northboundContract("MQTT 3.1.1 on mosquitto", () =>
  openMqttFarSide({
    settings: { protocol: "3.1.1" },
    start: (port) => startMosquitto({ port }),
  }),
);

function forward(outbox: MemoryOutbox, northbound: Awaited<ReturnType<typeof openMqtt>>, log = silentLog) {
  return openForwarder({
    outbox,
    northbound,
    clock: realClock,
    log,
    signal: new AbortController().signal,
    setBaseTime: (bytes) => bytes,
    mergePacks: mergeTestPacks,
  });
}

describe("mosquitto, MQTT 5", () => {
  it("speaks 5 by itself, with Content-Type and user properties that reach a subscriber", async () => {
    const broker = await startMosquitto({ port: 0 });
    try {
      await using northbound = await openMqtt({ url: broker.url });
      await northbound.connected(never);
      expect(northbound.status().peer).toContain("(MQTT 5)");
      const { connectAsync } = await import("mqtt");
      const subscriber = await connectAsync(broker.url, { protocolVersion: 5 });
      await subscriber.subscribeAsync("stadsnod/#", { qos: 1 });
      const message = new Promise<unknown>((resolve) =>
        subscriber.once("message", (topic, _payload, packet) => resolve({ topic, ...packet.properties })),
      );
      await northbound.publish(packOf(3, Buffer.alloc(200)), never);
      expect(await message).toMatchObject({
        topic: "stadsnod/v1/gw1/telemetry/open/112-zstd",
        contentType: "application/senml+cbor",
        userProperties: { gw: "gw1", run: "run1", seq: "3", seqTo: "3" },
      });
      await subscriber.endAsync();
    } finally {
      await broker.stop();
    }
  });

  it("loses nothing while the broker is stopped and started again in the middle of the traffic", async () => {
    const memory = mkdtempSync(join(tmpdir(), "stadsnod-broker-"));
    let broker = await startMosquitto({ port: 0, memory });
    const port = Number(new URL(broker.url).port);
    try {
      await using platform = await openPlatform({ url: broker.url, client: { reconnectPeriod: 20 } });
      const outbox = new MemoryOutbox();
      // Pauses are drawn as in the field, only short: the broker is away for a moment.
      await using northbound = await openMqtt(
        { url: broker.url },
        { random: () => 0.01, lastWill: Buffer.from([0xa0]) },
      );
      await using forwarder = forward(outbox, northbound);
      let seq = 0;
      const append = async (count: number) => {
        for (const end = seq + count; seq < end; ) {
          const { bytes, head } = makePack(++seq);
          await outbox.append(bytes, head);
        }
      };
      for (let round = 0; round < 4; round++) {
        const before = platform.summary().packs;
        await append(500);
        await platform.until(() => platform.summary().packs >= before + 50);
        await broker.end();
        await append(100);
        if (round % 2) outbox.age();
        broker = await startMosquitto({ port, memory });
      }
      await outbox.emptied();
      await platform.until(() => platform.summary().packs === seq);
      expect(platform.summary()).toMatchObject({
        packs: seq,
        readings: 3 * seq,
        missing: 0,
        lost: 0,
        malformed: 0,
      });
      expect(forwarder.status().refused).toBe(0);
    } finally {
      await broker.stop();
      rmSync(memory, { recursive: true });
    }
  });

  it("parks what the access rules refuse (reason 135), tells it once and goes on", async () => {
    const broker = await startMosquitto({ port: 0, ...guarded });
    try {
      const warnings: string[] = [];
      const outbox = new MemoryOutbox();
      for (const audience of ["restricted", "open", "restricted"]) {
        const { bytes, head } = makePack(outbox.status().packs + 1, { audience });
        await outbox.append(bytes, head);
      }
      await using northbound = await openMqtt({ url: broker.url });
      await using forwarder = forward(outbox, northbound, {
        ...silentLog,
        warn: (_, text) => void warnings.push(text),
      });
      await outbox.emptied();
      expect(outbox.dropped.map(({ pack, reason }) => `${pack.audience} ${reason}`)).toEqual([
        "restricted refused",
        "restricted refused",
      ]);
      expect(warnings).toEqual([
        "given up: the broker refused a message to stadsnod/v1/gw1/telemetry/restricted/112 (reason 135)",
      ]);
      expect(forwarder.status()).toMatchObject({ delivered: 1, refused: 2 });
    } finally {
      await broker.stop();
    }
  });

  it("keeps to the broker's maximum packet size", async () => {
    const broker = await startMosquitto({
      port: 0,
      config: ["allow_anonymous true", "max_packet_size 2000"],
    });
    try {
      await using northbound = await openMqtt({ url: broker.url, compression: "none" });
      await northbound.connected(never);
      await northbound.publish(packOf(1, Buffer.alloc(northbound.maxPackBytes, 1)), never);
      await expect(northbound.publish(packOf(2, Buffer.alloc(2000, 1)), never)).rejects.toMatchObject({
        code: "too-large",
      });
      expect(northbound.status().connected).toBe(true);
    } finally {
      await broker.stop();
    }
  });

  it("says that the password is wrong", async () => {
    const broker = await startMosquitto({ port: 0, config: ["allow_anonymous false"] });
    try {
      await using northbound = await openMqtt(
        { url: broker.url, username: "gw1", password: "wrong" },
        { random: () => 1 },
      );
      expect((await problemOf(northbound)).code).toMatch(/bad-credentials|not-authorized/);
    } finally {
      await broker.stop();
    }
  });
});

describe("mosquitto, TLS 1.3 with client certificates", () => {
  const city = makeAuthority("City CA");
  const stranger = makeAuthority("Stranger CA");
  const day = 86_400_000;
  let folder: string;
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "stadsnod-mtls-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function attempt({
    server = makeCertificate(city, { name: "broker", names: ["localhost"] }),
    client = makeCertificate(city, { name: "gw1" }),
    ca = city.cert,
    withClient = true,
  } = {}): Promise<string> {
    const broker = await startMosquitto({
      port: 0,
      tls: true,
      files: { "ca.pem": city.cert, "broker.pem": server.cert, "broker.key": server.key },
      config: [
        "cafile FOLDER/ca.pem",
        "certfile FOLDER/broker.pem",
        "keyfile FOLDER/broker.key",
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous true",
      ],
    });
    try {
      await using northbound = await openMqtt(
        {
          url: broker.url,
          ca: file("ca.pem", ca),
          ...(withClient ? { cert: file("own.pem", client.cert), key: file("own.key", client.key) } : {}),
        },
        { random: () => 1 },
      );
      const problem = problemOf(northbound).then(({ code }) => code);
      const good = northbound.connected(never).then(async () => {
        await northbound.publish(packOf(1), never);
        return "published";
      });
      return await Promise.race([problem, good]);
    } finally {
      await broker.stop();
    }
  }

  it("publishes with good certificates", async () => {
    expect(await attempt()).toBe("published");
  });

  it.each([
    ["a CA that did not sign the broker's certificate", { ca: stranger.cert }, "tls-unknown-ca"],
    [
      "a broker's certificate that has expired",
      { server: makeCertificate(city, { name: "b", names: ["localhost"], from: 0, to: Date.now() - day }) },
      "tls-expired",
    ],
    [
      "a broker's certificate that is not valid yet",
      { server: makeCertificate(city, { name: "b", names: ["localhost"], from: Date.now() + day }) },
      "tls-not-yet-valid",
    ],
    [
      "a broker's certificate for another host",
      { server: makeCertificate(city, { name: "b", names: ["other.example"] }) },
      "tls-wrong-host",
    ],
    ["no client certificate", { withClient: false }, "tls-client-certificate-missing"],
    [
      "a client certificate of a strange CA",
      { client: makeCertificate(stranger, { name: "gw1" }) },
      "tls-client-refused",
    ],
    [
      "a client certificate that has expired",
      { client: makeCertificate(city, { name: "gw1", from: 0, to: Date.now() - day }) },
      "tls-client-refused",
    ],
  ])("refuses %s", async (_, options, code) => {
    expect(await attempt(options)).toBe(code);
  });
});
