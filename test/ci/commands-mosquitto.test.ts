import { pbkdf2Sync, randomBytes } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { encode } from "cborg";
import { afterEach, describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import type { IncomingCommand, Northbound, NorthboundContext } from "../../gateway/northbound/northbound.ts";
import { openCityControl } from "../../simulators/city-control.ts";
import { openCable } from "../mqtt/cable.ts";
import { never, openMqtt, packOf } from "../mqtt/open-mqtt.ts";
import { type Mosquitto, type MosquittoOptions, startMosquitto } from "./mosquitto.ts";

// Commands and answers over a real broker, in both versions of MQTT, byte for byte as a city sends them.

const running: Mosquitto[] = [];
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.stop();
});

async function broker(options: Partial<MosquittoOptions> = {}): Promise<Mosquitto> {
  const started = await startMosquitto({ port: 0, ...options });
  running.push(started);
  return started;
}

/** Takes commands down; `holds` decides when each is durable. */
function recorder(holds: (command: IncomingCommand) => Promise<void> = async () => {}) {
  const commands: IncomingCommand[] = [];
  let atOnce = 0;
  let most = 0;
  return {
    commands,
    get most() {
      return most;
    },
    async onCommand(command: IncomingCommand) {
      commands.push(command);
      most = Math.max(most, ++atOnce);
      try {
        await holds(command);
      } finally {
        atOnce--;
      }
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
const subscribed = (northbound: Northbound) => until(() => northbound.status().commands?.subscribed === true);
/** What the gateway sends next has passed every acknowledgement before it. */
const flushed = (northbound: Northbound) => northbound.publish(packOf(1), never);
const textOf = ({ body }: IncomingCommand) => Buffer.from(body).toString();

for (const protocol of ["5", "3.1.1"] as const) {
  const five = protocol === "5";
  const protocolVersion = five ? 5 : 4;
  const open = (url: string, context: Partial<NorthboundContext>) => openMqtt({ url, protocol }, context);

  describe(`commands over MQTT ${protocol} on mosquitto`, () => {
    it("come with what was said beside them, and are answered where it was asked for", async () => {
      const { url } = await broker();
      const { commands, onCommand } = recorder();
      await using northbound = await open(url, { onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      const id = await city.command(
        "gw1",
        "lamp-1",
        { point: "level", value: 80 },
        five
          ? {
              properties: {
                contentType: "application/cbor",
                userProperties: { traceparent: "00-1" },
                messageExpiryInterval: 60,
                responseTopic: "stadsnod/replies/7",
                correlationData: Buffer.from([1, 2, 3]),
              },
            }
          : {},
      );
      await until(() => northbound.status().commands?.taken === 1);
      const [command] = commands;
      expect(command).toMatchObject({ device: "lamp-1", retained: false, oversize: undefined });
      expect(Buffer.from(command!.body)).toEqual(Buffer.from(city.sent.get(id)!));
      expect(command).toMatchObject(
        five
          ? {
              contentType: "application/cbor",
              properties: new Map([["traceparent", "00-1"]]),
              expiresInMs: 60_000,
              replyTo: { topic: "stadsnod/replies/7", correlation: Uint8Array.of(1, 2, 3) },
            }
          : { contentType: undefined, properties: new Map(), expiresInMs: undefined, replyTo: undefined },
      );
      const body = encode({ id, state: "succeeded", last: true });
      await northbound.answer?.({ device: "lamp-1", body, replyTo: command?.replyTo }, never);
      await city.until(() => city.told.length === (five ? 2 : 1));
      const told = city.told.map(({ topic, correlation, contentType, retained }) => ({
        topic,
        correlation: correlation && Buffer.from(correlation).toString("hex"),
        contentType,
        retained,
      }));
      const beside = five
        ? { correlation: "010203", contentType: "application/cbor" }
        : { correlation: undefined, contentType: undefined };
      expect(told).toContainEqual({ topic: "stadsnod/v1/gw1/result/lamp-1", retained: false, ...beside });
      if (five) expect(told).toContainEqual({ topic: "stadsnod/replies/7", retained: false, ...beside });
      expect(await city.last(id)).toMatchObject({ state: "succeeded" });
    });

    it("are not acknowledged before they are durable: what a broken line took comes again", async () => {
      const { url } = await broker();
      await using cable = await openCable(url);
      const durable = Promise.withResolvers<void>();
      let holding = true;
      const { commands, onCommand } = recorder(async (command) => {
        if (holding && textOf(command) === "second") await durable.promise;
      });
      await using northbound = await open(cable.url, { onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      for (const body of ["first", "second", "third"]) await city.raw("gw1", "lamp-1", Buffer.from(body));
      await until(() => commands.length === 3);
      await flushed(northbound);
      holding = false;
      cable.cut();
      // The first was acknowledged. The third was durable, but acknowledgements keep their order.
      await until(() => commands.length === 5);
      expect(commands.map(textOf)).toEqual(["first", "second", "third", "second", "third"]);
      // What becomes durable after its connection ended is acknowledged to nobody.
      durable.resolve();
      await northbound.connected(never);
      await flushed(northbound);
      cable.cut();
      await until(() => !northbound.status().connected);
      await northbound.connected(never);
      await city.raw("gw1", "lamp-1", Buffer.from("fourth"));
      await until(() => commands.some((command) => textOf(command) === "fourth"));
      expect(commands.slice(5).map(textOf)).toEqual(["fourth"]);
    });

    it("are acknowledged in their order, whichever is durable first", async () => {
      const { url, log } = await broker();
      const gates = new Map(["a", "b", "c"].map((body) => [body, Promise.withResolvers<void>()]));
      const { commands, onCommand } = recorder((command) => gates.get(textOf(command))!.promise);
      await using northbound = await open(url, { onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      for (const body of gates.keys()) await city.raw("gw1", "lamp-1", Buffer.from(body));
      await until(() => commands.length === 3);
      const acknowledged = () =>
        log.flatMap((line) => /Received PUBACK from stadsnod-gw1 \(Mid: (\d+)/.exec(line)?.[1] ?? []);
      gates.get("c")?.resolve();
      gates.get("b")?.resolve();
      await until(() => northbound.status().commands?.taken === 2);
      await flushed(northbound);
      await until(() => log.some((line) => line.includes("Received PUBLISH from stadsnod-gw1")));
      expect(acknowledged()).toEqual([]);
      gates.get("a")?.resolve();
      await until(() => acknowledged().length === 3);
      expect(acknowledged()).toEqual(["1", "2", "3"]);
    });

    it("come from senders of every QoS", async () => {
      const { url } = await broker();
      const { commands, onCommand } = recorder();
      await using northbound = await open(url, { onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      for (const qos of [0, 1, 2] as const)
        await city.raw("gw1", "lamp-1", Buffer.from(`qos ${qos}`), { qos });
      await until(() => commands.length === 3);
      expect(commands.map(textOf).sort()).toEqual(["qos 0", "qos 1", "qos 2"]);
    });

    it("say that the broker has kept them as retained, once", async () => {
      const { url } = await broker();
      await using cable = await openCable(url);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      await city.raw("gw1", "lamp-1", Buffer.from("old"), { retain: true });
      const { commands, onCommand } = recorder();
      await using northbound = await open(cable.url, { onCommand });
      await until(() => commands.length === 1);
      expect(commands[0]).toMatchObject({ retained: true });
      // Live, the flag reaches a subscriber of MQTT 5 only.
      await city.raw("gw1", "lamp-2", Buffer.from("new"), { retain: true });
      await until(() => commands.length === 2);
      expect(commands[1]).toMatchObject({ retained: five });
      await flushed(northbound);
      cable.cut();
      await until(() => !northbound.status().connected);
      await northbound.connected(never);
      await city.raw("gw1", "lamp-1", Buffer.from("after"));
      await until(() => commands.some((command) => textOf(command) === "after"));
      expect(commands.map(textOf)).toEqual(["old", "new", "after"]);
    });

    it("are cut off at 4096 bytes, and the largest are not even read", async () => {
      const { url } = await broker();
      const { commands, onCommand } = recorder();
      await using northbound = await open(url, { onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      for (const size of [4096, 4097, 60_000, 1_000_000])
        await city.raw("gw1", "lamp-1", Buffer.alloc(size, 1));
      await city.raw("gw1", "lamp-1", Buffer.from("end"));
      await until(() => commands.some((command) => textOf(command) === "end"));
      const seen = commands.map(({ body, oversize }) => [body.length, oversize]);
      // MQTT 5 tells the broker the largest packet that is taken; 3.1.1 has no words for it.
      expect(seen).toEqual([
        [4096, undefined],
        [4096, true],
        [4096, true],
        ...(five ? [] : [[4096, true]]),
        [3, undefined],
      ]);
      expect(northbound.status().connected).toBe(true);
    });

    it("stay bounded in a flood, and none is lost", async () => {
      const { url } = await broker();
      const gate = Promise.withResolvers<void>();
      const record = recorder(() => gate.promise);
      await using northbound = await open(url, { onCommand: record.onCommand });
      await subscribed(northbound);
      await using city = await openCityControl({ url, client: { protocolVersion } });
      const bodies = Array.from({ length: 1000 }, (_, index) => `command ${index}`);
      await Promise.all(bodies.map((body) => city.raw("gw1", `lamp-${body.length}`, Buffer.from(body))));
      // The broker has them all by now, and sends no more than it may.
      await flushed(northbound);
      if (five) expect(record.commands).toHaveLength(16);
      gate.resolve();
      await until(() => northbound.status().commands?.taken === 1000);
      expect(new Set(record.commands.map(textOf)).size).toBe(1000);
      expect(record.commands).toHaveLength(1000);
      // Mosquitto 2.0 forgets the receive maximum when acknowledgements come: the socket is not read on.
      expect(record.most).toBeLessThanOrEqual(24);
    });

    it("to topics of earlier days are counted, acknowledged and ignored", async () => {
      const { url } = await broker();
      const old = await openMqtt({ url, protocol, root: "old" }, { onCommand: async () => {} });
      await subscribed(old);
      await old[Symbol.asyncDispose]();
      await using city = await openCityControl({ url, client: { protocolVersion } });
      await city.publish("old/v1/gw1/command/lamp-1", Buffer.from("x"));
      const { commands, onCommand } = recorder();
      await using northbound = await open(url, { onCommand });
      await until(() => northbound.status().commands?.ignored === 1);
      await subscribed(northbound);
      await city.raw("gw1", "lamp-1", Buffer.from("y"));
      await until(() => commands.length === 1);
      expect(northbound.status().commands).toEqual({ subscribed: true, taken: 1, ignored: 1, notKept: 0 });
    });

    it("are not wanted any more when nobody takes them", async () => {
      const { url, log } = await broker();
      const wanting = await open(url, { onCommand: async () => {} });
      await subscribed(wanting);
      await wanting[Symbol.asyncDispose]();
      await using northbound = await open(url, {});
      await northbound.connected(never);
      await until(() => log.some((line) => line.includes("Received UNSUBSCRIBE from stadsnod-gw1")));
    });

    it("are told as missing, once, when the broker does not let the gateway subscribe", async () => {
      const { url } = await broker({
        config: [
          "allow_anonymous true",
          `plugin ${globSync("/usr/lib/*/mosquitto_dynamic_security.so")[0]}`,
          "plugin_opt_config_file FOLDER/dynamic-security.json",
        ],
        files: {
          "dynamic-security.json": JSON.stringify({
            defaultACLAccess: {
              publishClientSend: true,
              publishClientReceive: true,
              subscribe: false,
              unsubscribe: true,
            },
            clients: [],
            groups: [],
            roles: [],
          }),
        },
      });
      await using cable = await openCable(url);
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
      await using northbound = await open(cable.url, { onCommand: async () => {}, log });
      await until(() => northbound.status().lastError?.code === "subscribe-refused");
      expect(northbound.status()).toMatchObject({
        connected: true,
        lastError: {
          message: "the broker does not let this gateway read stadsnod/v1/gw1/command/+",
          hint: expect.stringContaining("the right to subscribe to stadsnod/v1/gw1/command/+"),
        },
        commands: { subscribed: false },
      });
      cable.cut();
      await until(() => northbound.status().lastError?.code !== "subscribe-refused");
      await until(() => northbound.status().lastError?.code === "subscribe-refused");
      expect(warnings.filter((text) => text.startsWith("no commands: "))).toHaveLength(1);
    });
  });
}

describe("the rights that docs/telemetry.md gives at mosquitto", () => {
  const page = readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8");
  const acl = /```acl\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  /** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
  const account = (name: string) => {
    const salt = randomBytes(12);
    const hash = pbkdf2Sync("secret", salt, 101, 64, "sha512");
    return `${name}:$7$101$${salt.toString("base64")}$${hash.toString("base64")}`;
  };

  it("let the city command and see, the gateway read its own, and nobody else anything", async () => {
    const { url } = await broker({
      config: ["allow_anonymous false", "password_file FOLDER/passwords", "acl_file FOLDER/acl"],
      files: { acl, passwords: `${["city-platform", "gw1", "gw2", "stranger"].map(account).join("\n")}\n` },
    });
    const as = (username: string) => ({ username, password: "secret" });
    const mine = recorder();
    const theirs = recorder();
    await using gw1 = await openMqtt({ url, ...as("gw1") }, { onCommand: mine.onCommand });
    await using gw2 = await openMqtt({ url, ...as("gw2") }, { onCommand: theirs.onCommand, gateway: "gw2" });
    await Promise.all([subscribed(gw1), subscribed(gw2)]);
    // MQTT 5: else a refused message is acknowledged like any other.
    const client = { protocolVersion: 5 } as const;
    await using city = await openCityControl({ url, client: { ...client, ...as("city-platform") } });
    await using stranger = await openCityControl({ url, client: { ...client, ...as("stranger") } });
    await using gateway = await openCityControl({ url, client: { ...client, ...as("gw2") } });
    for (const one of [stranger, gateway])
      await expect(one.raw("gw1", "lamp-1", Buffer.from("not mine"))).rejects.toThrow("Not authorized");
    const replyTo = { topic: "stadsnod/replies/7" };
    const id = await city.command("gw1", "lamp-1", { point: "level", value: 1 });
    await until(() => mine.commands.length === 1);
    expect(textOf(mine.commands[0]!)).toContain(id);
    await gw1.answer?.({ device: "lamp-1", body: encode({ id, last: true }), replyTo }, never);
    await city.until(() => city.told.length === 2);
    await flushed(gw1);
    // A round trip of each: what was on its way to them would have come.
    await gateway.publish("stadsnod/v1/gw2/state", Buffer.from("x"));
    await flushed(gw2);
    expect(theirs.commands).toEqual([]);
    expect([...stranger.told, ...gateway.told]).toEqual([]);
  });
});
