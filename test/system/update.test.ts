// The built daemon with an updater beside it: the helper of stadsnod-update.service over a machine that is not real.
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { decode, encode } from "cborg";
import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import * as answers from "../../gateway/local/answers.ts";
import { localClient } from "../../gateway/local/client.ts";
import type { MachineFacts, UpdateFacts } from "../../gateway/local/commissioning.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { makeHelper } from "../../gateway/updates/helper.ts";
import { openBroker } from "../../simulators/broker.ts";
import { signBeside } from "../../simulators/city-control.ts";
import { desiredState } from "../../simulators/city-updates.ts";
import { makeAuthority, makeCertificate } from "../mqtt/certificates.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { FakeMachine } from "../updates/fake-updater.ts";
import { newFolder, run, startDaemon } from "./daemon.ts";

const keys = generateKeyPairSync("ed25519");
const key = { kid: "city", privateKey: keys.privateKey };
const pem = keys.publicKey.export({ type: "spki", format: "pem" }).toString();

const yamlOf = (broker: string) => `
gateway: {id: gw1, pen: 32473}
storage: {folder: store}
northbound:
  city: {type: mqtt, url: "${broker}", root: stadsnod}
updates:
  trust: {city: {key: city.pem}}
  groups: [pilot]
`;

async function openUpdater(folder: string) {
  const bundles = join(folder, "store", "updates");
  mkdirSync(bundles, { recursive: true });
  const machine = new FakeMachine("0.1.0");
  const put = (name: string, version: string, behaviour: "works" | "unhealthy" = "works") => {
    writeFileSync(join(bundles, name), "a bundle");
    machine.bundles.set(join(bundles, name), { version, behaviour });
  };
  const server = makeHelper({
    updater: machine.updater(),
    folder: bundles,
    log: silentLog,
    clock: realClock,
  });
  const socket = join(folder, "updater.sock");
  server.listen(socket);
  await once(server, "listening");
  return {
    machine,
    put,
    socket,
    bundles,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (holds(found)) return found;
  }
}

describe("a gateway on an image", () => {
  it("shows its slots, installs a bundle from a stick, commits after the restart, and goes back when asked", async () => {
    const folder = newFolder();
    await using broker = await openBroker({ port: 0 });
    await using updater = await openUpdater(folder);
    const { machine } = updater;
    const options = {
      folder,
      yaml: yamlOf(broker.url),
      files: { "city.pem": pem },
      env: { STADSNOD_UPDATER: updater.socket },
    };
    {
      await using daemon = await startDaemon(options);
      const client = localClient(daemon.socket);
      const asked = () => client.get<UpdateFacts>("/v1/update");
      const facts = await until(
        () => asked().catch(() => undefined),
        (found) => found !== undefined,
      );
      expect(facts).toMatchObject({ phase: "idle", compatible: "stadsnod-fake", version: "0.1.0" });
      expect((await client.get<MachineFacts>("/v1/machine")).image).toMatchObject({ slot: "A" });
      await daemon.until(({ northbound }) => northbound[0]?.connected === true);

      const stick = join(folder, "stick.raucb");
      writeFileSync(stick, "a bundle");
      machine.bundles.set(join(updater.bundles, "stick.raucb"), { version: "0.0.9", behaviour: "works" });
      const args = ["update", "install", stick, "--socket", daemon.socket, "--folder", updater.bundles];
      expect(await run(args)).toMatchObject({ code: 0 });
      expect(readdirSync(updater.bundles)).toContain("stick.raucb");
      await until(asked, ({ why }) => why?.code === "downgrade");
      expect(machine.installs).toEqual([]);
      expect(await client.get("/v1/update/bundles")).toEqual(["stick.raucb"]);

      updater.put("next.raucb", "0.2.0");
      await client.post("/v1/update/install", { path: "next.raucb" });
      await until(asked, () => machine.rebooting);
      expect((await asked()).phase).toBe("rebooting");
    }
    machine.boot();
    expect(machine.running.version).toBe("0.2.0");
    {
      await using daemon = await startDaemon(options);
      const client = localClient(daemon.socket);
      const asked = () => client.get<UpdateFacts>("/v1/update").catch(() => undefined);
      // The machine that the tests run on is up for more than two minutes, so the gate looks at once.
      await until(asked, (facts) => facts?.phase === "committed");
      expect(machine.slots.B).toMatchObject({ tries: 3 });
      expect(await run(["update", "status", "--socket", daemon.socket])).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          /version 0\.2\.0\n[\s\S]*B +runs +good +0\.2\.0[\s\S]*update: 0\.2\.0: committed/,
        ),
      });
      expect(await run(["update", "roll-back", "--socket", daemon.socket])).toMatchObject({ code: 0 });
      await until(asked, () => machine.rebooting);
    }
    machine.boot();
    expect(machine.running.version).toBe("0.1.0");
    await using daemon = await startDaemon(options);
    const facts = await until(
      () =>
        localClient(daemon.socket)
          .get<UpdateFacts>("/v1/update")
          .catch(() => undefined),
      (found) => found?.phase === "rolled-back",
    );
    expect(facts).toMatchObject({ why: { code: "asked" }, failed: [{ version: "0.2.0" }] });
  });

  it("follows what the city signs on a retained topic, and tells how it goes", async () => {
    const folder = newFolder();
    await using broker = await openBroker({ port: 0 });
    await using updater = await openUpdater(folder);
    const city = await connectAsync(broker.url);
    const told: Record<string, unknown>[] = [];
    city.on("message", (_, body) => {
      if (body.length > 0) told.push(decode(body));
    });
    await city.subscribeAsync("stadsnod/v1/gw1/state/update", { qos: 1 });
    const publish = async (
      wanted: Parameters<typeof desiredState>[0],
      kind: "gateway" | "group",
      name: string,
    ) => {
      const { topic, body } = desiredState(wanted, { key, kind, name });
      await city.publishAsync(topic, Buffer.from(body), { qos: 1, retain: true });
    };
    const system = { url: "https://updates.invalid/x.raucb", sha256: "00".repeat(32) };
    // Before the gateway is there.
    await publish({ serial: 1, system: { ...system, version: "0.0.1" } }, "group", "pilot");
    await using daemon = await startDaemon({
      folder,
      yaml: yamlOf(broker.url),
      files: { "city.pem": pem },
      env: { STADSNOD_UPDATER: updater.socket },
    });
    const saw = (holds: (state: Record<string, unknown>) => boolean) =>
      until(
        () => new Promise((resolve) => setImmediate(() => resolve(told.findLast(holds)))),
        (found) => found !== undefined,
      );
    await saw((state) => (state.desired as { why?: { code?: string } })?.why?.code === "downgrade");
    const asked = async () =>
      answers.update.parse(await localClient(daemon.socket).get("/v1/update")).desired;
    expect(await asked()).toMatchObject({
      version: "0.0.1",
      scope: "group/pilot",
      serial: 1,
      why: { code: "downgrade" },
    });
    await publish({ serial: 1, system: { ...system, version: "0.2.0" } }, "gateway", "gw1");
    const downloading = await saw(({ phase }) => phase === "downloading");
    expect(downloading).toMatchObject({ gw: "gw1", version: "0.1.0", slot: "A", target: "0.2.0" });
    // The address leads nowhere: said, and tried again.
    await saw(({ why }) => (why as { code?: string } | undefined)?.code === "download-failed");
    await city.endAsync();
  });
});

describe("a configuration from the city", () => {
  it("is fetched, applied and watched; one that is wrong leaves the former one", async () => {
    const folder = newFolder();
    const path = join(folder, "gateway.yaml");
    mkdirSync(join(folder, "profiles.d"));
    await using broker = await openBroker({ port: 0 });
    const authority = makeAuthority("City");
    const { cert, key: serverKey } = makeCertificate(authority, { name: "localhost", names: ["localhost"] });
    const files = new Map<string, Uint8Array>();
    const server = createServer({ cert, key: serverKey }, (request, response) =>
      response.end(files.get(request.url ?? "")),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using _daemon = await startDaemon({
      folder,
      yaml: `${yamlOf(broker.url)}profiles: [profiles.d]\n`,
      files: { "city.pem": pem, "ca.pem": authority.cert },
      env: { NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") },
    });
    const before = readFileSync(path, "utf8");
    const city = await connectAsync(broker.url);
    let state: Record<string, unknown> = {};
    city.on("message", (_, body) => {
      if (body.length > 0) state = decode(body).configuration;
    });
    await city.subscribeAsync("stadsnod/v1/gw1/state/update", { qos: 1 });
    const send = async (serial: number, version: string, gateway: string, profiles = {}) => {
      const bytes = signBeside(encode({ version, gateway, profiles }), key, [
        "stadsnod-configuration-v1",
        "group",
        "pilot",
      ]);
      files.set(`/${serial}`, bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const url = `https://localhost:${port}/${serial}`;
      const wanted = { serial, configuration: { version, url, sha256 } };
      const { topic, body } = desiredState(wanted, { key, kind: "group", name: "pilot" });
      await city.publishAsync(topic, Buffer.from(body), { qos: 1, retain: true });
    };
    const saw = (phase: string) =>
      until(
        () => new Promise<unknown>((resolve) => setImmediate(() => resolve(state.phase))),
        (found) => found === phase,
      );
    await send(1, "1.0.0", `${before}nonsense: true\n`, { "city/lamp.yaml": "profile: city/lamp\n" });
    await saw("refused");
    expect(state).toMatchObject({ failed: [{ version: "1.0.0" }] });
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(join(folder, "profiles.d", "city"))).toEqual([]);
    await send(2, "1.0.1", `${before}log: {level: debug}\n`);
    await saw("watching");
    expect(state).toMatchObject({ version: "1.0.1", changes: ["log level debug"] });
    expect(readFileSync(path, "utf8")).toContain("level: debug");
    await city.endAsync();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("a gateway without an updater", () => {
  it("says that there is none, and what to do", async () => {
    await using daemon = await startDaemon({
      yaml: "gateway: {id: gw1, pen: 32473}\nstorage: {folder: store}\n",
    });
    const { code, err } = await run(["update", "status", "--socket", daemon.socket]);
    expect(code).toBe(2);
    expect(err).toContain("no-updater");
    expect(err).toContain("docs/update.md");
  });
});
