import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { connect as connectMqtt } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { northboundTestJob, testBroker } from "../../gateway/commissioning/northbound-test.ts";
import type { CheckDone } from "../../gateway/model/commissioning.ts";
import { Secret } from "../../gateway/model/secret.ts";
import { mqttSettings } from "../../gateway/northbound/mqtt/settings.ts";
import { type BrokerOptions, openBroker } from "../../simulators/broker.ts";
import { fakeSystem } from "../fake-system.ts";
import { connack5, openPeer } from "../mqtt/broker-peer.ts";
import { type Certificate, makeAuthority, makeCertificate } from "../mqtt/certificates.ts";
import { realClock } from "../mqtt/real-clock.ts";

const day = 86_400_000;
const city = makeAuthority("City CA");
const stranger = makeAuthority("Stranger CA");
const good = makeCertificate(city, { name: "broker", names: ["localhost"], to: Date.now() + 90 * day });
const never = new AbortController().signal;

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-northbound-"));
  writeFileSync(at("ca.pem"), city.cert);
});
afterAll(() => rmSync(folder, { recursive: true }));

const serve = (certificate: Certificate, options: Partial<BrokerOptions> = {}) =>
  openBroker({ port: 0, tls: { cert: certificate.cert, key: certificate.key, ca: city.cert }, ...options });

const limits = { nameMs: 20_000, connectMs: 20_000, tlsMs: 20_000, answerMs: 20_000 };

function factsOf(url: string, more: Record<string, unknown> = {}) {
  const tls = url.startsWith("mqtts:") ? { ca: at("ca.pem") } : {};
  const { root, ...settings } = mqttSettings.parse({ url, ...tls, ...more });
  return { name: "city", gateway: "gw1", root, commands: true, settings };
}

async function testOf(
  url: string,
  more: Record<string, unknown> = {},
  context: Partial<Parameters<typeof testBroker>[1]> = {},
): Promise<CheckDone[]> {
  const found: CheckDone[] = [];
  const whole = { clock: realClock, random: () => 0.5, limits, ...context };
  for await (const check of testBroker(factsOf(url, more), whole, never)) found.push(check);
  return found;
}

const results = (checks: readonly CheckDone[]) =>
  checks.map(({ id, result }) => `${id.replace("broker-", "")}: ${result}`);
const failure = (checks: readonly CheckDone[]) => checks.find(({ result }) => result === "failed");

describe("a broker, layer by layer", () => {
  it("is fine up to the rights", async () => {
    await using server = await serve(good);
    const checks = await testOf(server.url);
    expect(results(checks)).toEqual([
      "name: ok",
      "tcp: ok",
      "tls: ok",
      "mqtt: ok",
      "subscribe: ok",
      "publish: ok",
    ]);
    expect(checks[0]?.message.en).toMatch(/^localhost is .*127\.0\.0\.1.* \(\d+ ms\)\.$/);
    expect(checks[2]?.message.en).toMatch(/^TLS 1\.3; certificate broker.*, valid \d{4}-\d\d-\d\d - /);
    expect(checks[3]?.message.sv).toContain("stadsnod-gw1-test-8000, vid sidan av den pågående sessionen");
  });

  it("says when the certificate ends soon", async () => {
    await using server = await serve(
      makeCertificate(city, { name: "broker", names: ["localhost"], to: Date.now() + 5.5 * day }),
    );
    const tls = (await testOf(server.url)).find(({ id }) => id === "broker-tls");
    expect(tls).toMatchObject({ result: "warning" });
    expect(tls?.message.en).toMatch(/It ends in 5 days/);
  });

  it.each([
    [
      "expired",
      () =>
        makeCertificate(city, {
          name: "broker",
          names: ["localhost"],
          from: Date.UTC(2020, 0, 1),
          to: Date.UTC(2021, 0, 1),
        }),
      /has expired.*Valid: broker 2020-01-01 - 2021-01-01/,
    ],
    [
      "not valid yet",
      () =>
        makeCertificate(city, {
          name: "broker",
          names: ["localhost"],
          from: Date.now() + 10 * day,
          to: Date.now() + 20 * day,
        }),
      /is not valid yet.*gateway's clock says/,
    ],
    [
      "for another host",
      () => makeCertificate(city, { name: "broker", names: ["mqtt.city.example"] }),
      /another host\. It is for: mqtt\.city\.example\./,
    ],
    [
      "of an unknown CA",
      () => makeCertificate(stranger, { name: "broker", names: ["localhost"] }),
      /issued by "Stranger CA"/,
    ],
  ])("fails at TLS when the certificate is %s, and looks no further", async (_, certificate, words) => {
    await using server = await serve(certificate());
    const checks = await testOf(server.url);
    expect(results(checks)).toEqual([
      "name: ok",
      "tcp: ok",
      "tls: failed",
      "mqtt: not-applicable",
      "subscribe: not-applicable",
      "publish: not-applicable",
    ]);
    expect(failure(checks)?.message.en).toMatch(words);
    expect(failure(checks)?.fix?.sv).toBeTruthy();
  });

  it("suspects the gateway's own clock where nobody has set it", async () => {
    await using server = await serve(
      makeCertificate(city, { name: "broker", names: ["localhost"], from: Date.now() + day }),
    );
    const clock = { ...realClock, trusted: false };
    expect(failure(await testOf(server.url, {}, { clock }))?.message.sv).toMatch(
      /inte synkroniserad.*ställ tiden först/,
    );
  });

  it("says that the port is closed, or speaks no TLS", async () => {
    const broker = await openBroker({ port: 0 });
    const plain = await testOf(broker.url.replace("mqtt://127.0.0.1", "mqtts://localhost"));
    expect(failure(plain)?.id).toBe("broker-tls");
    await broker[Symbol.asyncDispose]();
    const closed = await testOf(broker.url);
    expect(results(closed).slice(0, 3)).toEqual([
      "name: not-applicable",
      "tcp: failed",
      "tls: not-applicable",
    ]);
    expect(failure(closed)?.message.en).toMatch(/^Nothing listens at 127\.0\.0\.1:\d+\.$/);
  });

  it("says that the name is not known", async () => {
    const checks = await testOf("mqtts://broker.invalid");
    expect(results(checks).slice(0, 2)).toEqual(["name: failed", "tcp: not-applicable"]);
    expect(failure(checks)?.message.en).toMatch(/broker\.invalid cannot be resolved/);
  });

  it("is bounded where packets are swallowed", async () => {
    await using hole = await openBlackHole();
    const checks = await testOf(
      `mqtt://127.0.0.1:${hole.port}`,
      {},
      { limits: { ...limits, connectMs: 300 } },
    );
    expect(results(checks).slice(0, 2)).toEqual(["name: not-applicable", "tcp: failed"]);
    expect(failure(checks)?.message.en).toMatch(/within 0\.3 s/);
    expect(failure(checks)?.fix?.sv).toMatch(/brandvägg/);
  });

  it("is bounded where somebody listens and never says a word", async () => {
    await using silent = await openSilence();
    const short = { limits: { ...limits, tlsMs: 300, answerMs: 300 } };
    expect(failure(await testOf(`mqtts://localhost:${silent.port}`, {}, short))?.id).toBe("broker-tls");
    expect(failure(await testOf(`mqtt://127.0.0.1:${silent.port}`, {}, short))?.id).toBe("broker-mqtt");
  });

  it("says that a PEM file is missing, before anything is sent", async () => {
    await using server = await serve(good);
    const found = failure(await testOf(server.url, { ca: at("none.pem") }));
    expect(found).toMatchObject({ id: "broker-tls" });
    expect(found?.message.sv).toContain("none.pem");
  });

  it("wants the client certificate that the broker asks for, and reads its dates", async () => {
    await using server = await serve(good, {
      tls: { cert: good.cert, key: good.key, ca: city.cert, requestCert: true, rejectUnauthorized: true },
    });
    expect(failure(await testOf(server.url))?.message.en).toMatch(/asks for a client certificate/);
    const old = makeCertificate(city, { name: "gw1", from: Date.UTC(2020, 0, 1), to: Date.UTC(2021, 0, 1) });
    writeFileSync(at("gw1.pem"), old.cert);
    writeFileSync(at("gw1.key"), old.key);
    const checks = await testOf(server.url, { cert: at("gw1.pem"), key: at("gw1.key") });
    expect(failure(checks)?.message.en).toBe("The gateway's own certificate ended on 2021-01-01.");
  });
});

describe("accounts and rights", () => {
  const password = new Secret("right", "test");

  it("says that the password is wrong, in words", async () => {
    await using server = await openBroker({
      port: 0,
      hooks: {
        authenticate: (_client, _user, given, done) => {
          if (given?.toString() === "right") return done(null, true);
          done(Object.assign(new Error("no"), { returnCode: 4 }), false);
        },
      },
    });
    const wrong = new Secret("hunter2", "test");
    const checks = await testOf(server.url, { username: "gw", password: wrong });
    expect(results(checks).slice(2)).toEqual([
      "tls: not-applicable",
      "mqtt: failed",
      "subscribe: not-applicable",
      "publish: not-applicable",
    ]);
    expect(failure(checks)?.message.en).toMatch(/does not accept the username or password/);
    expect(JSON.stringify(checks)).not.toContain("hunter2");
    expect(failure(await testOf(server.url, { username: "gw", password }))).toBeUndefined();
  });

  it("finds topics that the broker does not allow, each by itself", async () => {
    await using server = await openBroker({
      port: 0,
      hooks: {
        authorizeSubscribe: (_client, subscription, done) =>
          done(null, subscription.topic.includes("/command/") ? null : subscription),
        authorizePublish: (_client, packet, done) =>
          done(packet.topic.includes("/telemetry/") ? new Error("not allowed") : null),
      },
    });
    const checks = await testOf(server.url);
    expect(results(checks).slice(3)).toEqual(["mqtt: ok", "subscribe: failed", "publish: failed"]);
    expect(checks.at(-2)?.fix?.en).toContain("topic read stadsnod/v1/gw1/command/+");
    expect(checks.at(-1)?.fix?.en).toContain("topic write stadsnod/v1/gw1/telemetry/#");
  });

  it("reads the reasons of MQTT 5", async () => {
    const closed = await testOf((await peer(connack5(138))).url);
    expect(failure(closed)?.message.en).toMatch(/has banned this client \(reason 138\)/);
    const id = await testOf((await peer(connack5(133))).url);
    expect(failure(id)?.fix?.en).toMatch(/gateway's own client id alone/);
    await using publishing = await openPeer({
      connect: () => connack5(0),
      publish: ({ id: packet }) => Buffer.from([0x40, 4, packet >> 8, packet & 0xff, 135, 0]),
    });
    const facts = { ...factsOf(publishing.url), commands: false };
    const found: CheckDone[] = [];
    for await (const check of testBroker(facts, { clock: realClock, random: () => 0.5, limits }, never))
      found.push(check);
    expect(results(found).slice(3)).toEqual(["mqtt: ok", "subscribe: not-applicable", "publish: failed"]);
    expect(found.at(-1)?.message.en).toMatch(/not authorised \(reason 135\)/);
    // Empty, not kept, where nobody takes it for readings of an audience.
    expect(publishing.publishes[0]).toMatchObject({
      topic: "stadsnod/v1/gw1/telemetry/connection-test",
      retain: false,
    });
    expect(publishing.publishes[0]?.payload).toHaveLength(0);
    expect(publishing.connects[0]).toMatchObject({ clientId: "stadsnod-gw1-test-8000", cleanStart: true });
  });

  it("leaves the running session of the gateway alone", async () => {
    await using server = await openBroker({ port: 0 });
    const running = connectMqtt(server.url, { clientId: "stadsnod-gw1", reconnectPeriod: 0 });
    await new Promise((resolve) => running.once("connect", resolve));
    let closed = false;
    running.once("close", () => {
      closed = true;
    });
    await testOf(server.url);
    await running.publishAsync("still/there", "", { qos: 1 });
    expect(closed).toBe(false);
    await running.endAsync(true);
  });

  it("is a job of one northbound by name", async () => {
    await using server = await openBroker({ port: 0 });
    const context = {
      system: fakeSystem({ tree: {} }),
      clock: realClock,
      random: () => 0.5,
      facts: async () => ({ ports: [], northbound: [factsOf(server.url)], buildTime: 0 }),
    };
    const progress: number[] = [];
    const found: string[] = [];
    for await (const step of northboundTestJob({ northbound: "city" }, context, never)) {
      if (step.progress) progress.push(step.progress.done);
      if (step.finding?.kind === "check") found.push(step.finding.id);
    }
    expect(progress).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(found).toHaveLength(6);
    const unknown = northboundTestJob({ northbound: "other" }, context, never);
    await expect(unknown.next()).rejects.toMatchObject({ code: "bad-job", hint: "it has city" });
  });
});

const peers: AsyncDisposable[] = [];
afterAll(async () => {
  for (const one of peers) await one[Symbol.asyncDispose]();
});
async function peer(answer: Buffer) {
  const opened = await openPeer({ connect: () => answer });
  peers.push(opened);
  return opened;
}

/** Takes connections and says nothing. */
async function openSilence(): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port whose queue of connections is full and never emptied: the kernel drops whoever else knocks (Linux). */
async function openBlackHole(): Promise<{ port: number } & AsyncDisposable> {
  const code = `
    const { createServer } = require("node:net");
    const { parentPort } = require("node:worker_threads");
    const server = createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      // Sleeps for good: nothing is accepted any more.
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(code, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  const fillers: Socket[] = [];
  // Until one is not let in within a time in which all others were.
  for (let count = 0; count < 32; count++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    fillers.push(socket);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      setTimeout(() => resolve(false), 1500);
    });
    if (!connected) break;
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
