import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aclOf } from "../../gateway/cli/acl-mosquitto.ts";
import { oneBroker } from "../../gateway/cli/brokers.ts";
import { runCli } from "../../gateway/cli/index.ts";
import { loadConfig } from "../../gateway/config/load.ts";
import { northbounds } from "../../gateway/northbound/index.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import { cells, goodProfile } from "../fake-protocol.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

// The rights that `stadsnod acl` writes, tried on the broker that they are for.

const lamp = `${goodProfile.replace("acme/meter", "acme/lamp").replace("    doc: p. 9\n", "    doc: p. 9\n    write: {}\n")}`;
const text = `gateway: {id: gw1, pen: 61234}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
audiences: {energy: {personal: true}, culture: {personal: true}}
devices:
  lamp-1: {profile: acme/lamp, connection: line-1, unit: 1, audience: energy, audiences: {temperature: open}}
  lamp-2: {profile: acme/lamp, connection: line-1, unit: 2, audience: culture}
  pump-1: {profile: acme/lamp, connection: line-1, unit: 3, audience: culture}
northbound:
  city: {type: mqtt, url: mqtt://localhost, username: gw1-at-broker, compression: none}
`;

async function config() {
  const { config: loaded, diagnostics } = await loadConfig(text, "gateway.yaml", {
    protocols: [cells],
    northbounds,
    profiles: loadProfiles(
      ["device-profiles"],
      { list: () => ["acme/lamp.yaml"], read: () => lamp },
      [cells],
      new Set(["acme/lamp"]),
    ),
    env: {},
    readFile: () => "",
  });
  expect(diagnostics).toEqual([]);
  return loaded!;
}

describe("the access rules on a real mosquitto", () => {
  let broker: Mosquitto;
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    const written = await config();
    const rules = aclOf(written, oneBroker(written, undefined), new Map([["city-lighting", ["lamp-*"]]]), {
      readers: { open: ["anonymous"], energy: ["energy-app"], culture: ["culture-app"] },
      commanders: { "city-lighting": ["light-app"] },
    });
    broker = await startMosquitto({
      port: 0,
      config: ["allow_anonymous true", "acl_file FOLDER/acl"],
      files: { acl: `${rules}\nuser auditor\ntopic readwrite #\n` },
    });
  });
  afterAll(async () => {
    for (const client of clients) await client.endAsync(true);
    await broker.stop();
  });

  async function client(username?: string): Promise<MqttClient> {
    const opened = await connectAsync(broker.url, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...(username === undefined ? {} : { username }),
    });
    clients.push(opened);
    return opened;
  }

  /** Everything that a user who asks for everything gets, up to a last word that he may read. */
  async function heard(
    username: string | undefined,
    last: string,
    say: () => Promise<unknown>,
  ): Promise<string[]> {
    const listener = await client(username);
    const topics: string[] = [];
    const done = new Promise<void>((resolve) => {
      listener.on("message", (topic, payload) => {
        topics.push(topic);
        if (topic === last && payload.toString() === "last") resolve();
      });
    });
    await listener.subscribeAsync("stadsnod/#", { qos: 1 });
    await say();
    const auditor = await client("auditor");
    await auditor.publishAsync(last, "last", { qos: 1 });
    await done;
    await listener.endAsync(true);
    return topics.slice(0, -1).sort();
  }

  const telemetry = (audience: string) => `stadsnod/v1/gw1/telemetry/${audience}/112`;
  const backlog = (audience: string) => `stadsnod/v1/gw1/backlog/${audience}/112-zstd`;

  async function everythingSaid(): Promise<void> {
    const gateway = await client("gw1-at-broker");
    for (const audience of ["energy", "culture", "open", "restricted"]) {
      await gateway.publishAsync(telemetry(audience), "pack", { qos: 1 });
      await gateway.publishAsync(backlog(audience), "pack", { qos: 1 });
    }
    for (const device of ["lamp-1", "lamp-2", "pump-1"]) {
      await gateway.publishAsync(`stadsnod/v1/gw1/description/${device}`, "td", { qos: 1 });
      await gateway.publishAsync(`stadsnod/v1/gw1/result/${device}`, "result", { qos: 1 });
    }
    await gateway.publishAsync("stadsnod/v1/gw1/state", "state", { qos: 1 });
    await gateway.endAsync();
  }

  it("gives each audience's reader its packs and descriptions, and nobody else's", async () => {
    expect(await heard("energy-app", telemetry("energy"), everythingSaid)).toEqual([
      backlog("energy"),
      "stadsnod/v1/gw1/description/lamp-1",
      "stadsnod/v1/gw1/state",
      telemetry("energy"),
    ]);
    expect(await heard("culture-app", telemetry("culture"), everythingSaid)).toEqual([
      backlog("culture"),
      "stadsnod/v1/gw1/description/lamp-2",
      "stadsnod/v1/gw1/description/pump-1",
      "stadsnod/v1/gw1/state",
      telemetry("culture"),
    ]);
  });

  it("gives who has no name the open data alone", async () => {
    expect(await heard(undefined, telemetry("open"), everythingSaid)).toEqual([
      backlog("open"),
      "stadsnod/v1/gw1/description/lamp-1",
      telemetry("open"),
    ]);
  });

  it("gives a commander the results of his devices, and no telemetry", async () => {
    expect(await heard("light-app", "stadsnod/v1/gw1/result/lamp-1", everythingSaid)).toEqual([
      "stadsnod/v1/gw1/result/lamp-1",
      "stadsnod/v1/gw1/result/lamp-2",
    ]);
  });

  it("gives the gateway its commands and nothing else, not even its own packs", async () => {
    const say = async () => {
      await everythingSaid();
      const app = await client("light-app");
      await app.publishAsync("stadsnod/v1/gw1/command/lamp-2", "on", { qos: 1 });
      await app.endAsync();
    };
    expect(await heard("gw1-at-broker", "stadsnod/v1/gw1/command/lamp-1", say)).toEqual([
      "stadsnod/v1/gw1/command/lamp-2",
    ]);
  });

  // MQTT 5: 0x87, not authorized.
  it.each([
    ["a reader", "energy-app", telemetry("energy")],
    ["a reader", "energy-app", "stadsnod/v1/gw1/command/lamp-1"],
    ["who has no name", undefined, telemetry("open")],
    ["a commander", "light-app", "stadsnod/v1/gw1/command/pump-1"],
    ["a commander", "light-app", "stadsnod/v1/gw2/command/lamp-1"],
    ["a commander", "light-app", "stadsnod/v1/gw1/result/lamp-1"],
    ["the gateway", "gw1-at-broker", "stadsnod/v1/gw1/command/lamp-1"],
    ["the gateway", "gw1-at-broker", "stadsnod/v1/gw2/telemetry/open/112"],
    ["a stranger", "stranger", telemetry("open")],
  ])("does not let %s (%s) publish to %s", async (_who, username, topic) => {
    const sender = await client(username);
    await expect(sender.publishAsync(topic, "x", { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  });

  it("lets a commander publish to his devices", async () => {
    const sender = await client("light-app");
    const { promise: told, resolve } = Promise.withResolvers<string>();
    const gateway = await client("gw1-at-broker");
    gateway.on("message", (topic) => resolve(topic));
    await gateway.subscribeAsync("stadsnod/v1/gw1/command/+", { qos: 1 });
    await sender.publishAsync("stadsnod/v1/gw1/command/lamp-1", "on", { qos: 1 });
    expect(await told).toBe("stadsnod/v1/gw1/command/lamp-1");
  });

  it("writes a file that mosquitto loads from the command line as well", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-acl-"));
    try {
      mkdirSync(join(folder, "device-profiles"));
      writeFileSync(
        join(folder, "gateway.yaml"),
        "gateway: {id: gw1, pen: 61234}\nnorthbound: {city: {type: mqtt, url: mqtt://localhost}}\n",
      );
      writeFileSync(join(folder, "users.yaml"), "gateway: box-7\nreaders: {open: [anonymous, portal]}\n");
      let said = "";
      const code = await runCli(["acl", "--broker", "mosquitto", "--users", "users.yaml"], {
        cwd: folder,
        env: {},
        signal: new AbortController().signal,
        onReload: () => {},
        out: (written) => {
          said += written;
        },
        err: () => {},
        columns: undefined,
        rows: undefined,
      });
      expect(code).toBe(0);
      const other = await startMosquitto({
        port: 0,
        config: ["allow_anonymous true", "acl_file FOLDER/acl"],
        files: { acl: said },
      });
      try {
        const box = await connectAsync(other.url, {
          protocolVersion: 5,
          username: "box-7",
          reconnectPeriod: 0,
        });
        await box.publishAsync("stadsnod/v1/gw1/telemetry/open/112", "pack", { qos: 1 });
        await expect(box.publishAsync("stadsnod/v1/gw1/other", "x", { qos: 1 })).rejects.toMatchObject({
          code: 0x87,
        });
        await box.endAsync();
      } finally {
        await other.stop();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
