import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as answers from "../../gateway/local/answers.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { ask, newFolder, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, meterUnit, writeProfiles } from "./field.ts";

// From a gateway with one device to an accepted one: over the local API of the real daemon, and its files.

const lampProfile = meterProfile
  .replace("test/meter", "test/lamp")
  .replace(
    /points:[\s\S]*/,
    `points:\n  level: {at: {holding: 0}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100]}}\n`,
  );

// biome-ignore lint/suspicious/noExplicitAny: a test looks at what it likes
type Json = any;

it("puts a device into service, tests it, accepts it and signs for that", { timeout: 90_000 }, async () => {
  await using line = await openModbusServer({
    listen: { tcp: 0 },
    units: { 1: meterUnit, 2: { registers: { holding: { 0: 10 } } } },
  });
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile, "test/lamp": lampProfile });
  const secret = "canary-of-the-broker";
  const northbound = `northbound:\n  city: {type: mqtt, url: "mqtt://127.0.0.1:9", username: u, password: ${secret}} # far away\n`;
  const yaml = `# The pole\n${configuration({ port: line.port, more: northbound })}`;
  const daemon = await startDaemon({ folder, yaml });
  await using _daemon = daemon;
  const call = async (method: string, path: string, body?: unknown) => {
    const { status, body: answer } = await ask<Json>(
      daemon.socket,
      method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
    );
    return { status, ...(Array.isArray(answer) ? { list: answer } : answer) } as Json;
  };
  const before = readFileSync(join(folder, "gateway.yaml"), "utf8");

  // The text without its secret, checked, changed and put back.
  const { text, hash } = await call("GET", "/v1/configuration");
  expect(text).not.toContain(secret);
  const louder = `${text}log: {level: debug} # louder\n`;
  expect(await call("POST", "/v1/configuration/check", { text: louder })).toMatchObject({
    changes: ["log level debug"],
    restartNeeded: [],
  });
  const applied = await call("POST", "/v1/configuration/apply", { text: louder, hash, note: "try" });
  expect(applied).toMatchObject({ status: 200, applied: true, generation: 2 });
  expect(readFileSync(join(folder, "gateway.yaml"), "utf8")).toBe(`${before}log: {level: debug} # louder\n`);
  expect(await call("POST", "/v1/configuration/apply", { text, hash })).toMatchObject({
    status: 409,
    error: "changed-meanwhile",
  });
  expect(await call("POST", "/v1/configuration/roll-back", { generation: 1 })).toMatchObject({ status: 200 });
  expect(readFileSync(join(folder, "gateway.yaml"), "utf8")).toBe(before);
  const { list: generations } = await call("GET", "/v1/configuration/generations");
  answers.generations.parse(generations);
  answers.applied.parse(applied);
  expect(generations).toMatchObject([{ by: "file" }, { by: "local", note: "try" }, { current: true }]);
  expect((await call("GET", "/v1/configuration/generations/2")).text).toBe(louder);
  expect(statSync(join(folder, "store/configuration/generation-1.yaml")).mode & 0o777).toBe(0o600);
  expect((await call("GET", "/v1/configuration/schema")).$schema).toContain("draft-07");

  // A new device.
  const lamp = {
    id: "lamp-1",
    profile: "test/lamp",
    connection: "roof",
    settings: { unit: 2 },
    place: "Götgatan 7",
  };
  expect(await call("POST", "/v1/commissioning/devices", { ...lamp, profile: "test/lmap" })).toMatchObject({
    status: 422,
    error: "bad-configuration",
    hint: 'did you mean "test/lamp"?',
  });
  expect(await call("POST", "/v1/commissioning/devices", lamp)).toEqual({
    status: 201,
    changes: ["added device lamp-1"],
  });
  // No other file is opened as a port because somebody calls it one, and no secret goes to where somebody says.
  const odd = { ...lamp, id: "lamp-9", connection: "odd" };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
  const mqtt = { url: "mqtt://evil.example", username: "u", password: "${file:gateway.yaml}" };
  for (const [connectionSettings, error] of [
    [{ protocol: "modbus", serial: { port: "/dev/watchdog", baud: 9600 } }, "bad-configuration"],
    [{ protocol: "lorawan", server: "chirpstack", mqtt }, "reference-not-taken"],
  ] as const)
    expect(await call("POST", "/v1/commissioning/devices", { ...odd, connectionSettings })).toMatchObject({
      status: 422,
      error,
    });
  expect(readFileSync(join(folder, "gateway.yaml"), "utf8")).toContain("  lamp-1:\n    profile: test/lamp\n");
  expect((await call("POST", "/v1/commissioning/devices", lamp)).error).toBe("device-exists");
  const state = () => call("GET", "/v1/commissioning");
  const until = async (holds: (state: Json) => boolean): Promise<Json> => {
    for (;;) {
      const now = await state();
      if (holds(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const goodPoints = (now: Json) => now.devices.every((one: Json) => one.points.every(({ ok }: Json) => ok));
  const ready = await until(goodPoints);
  answers.commissioning.parse(ready);
  expect(ready.missing).toEqual([
    { what: "actuator-untested", device: "lamp-1", point: "level" },
    { what: "northbound-untested", northbound: "city" },
  ]);

  // The lamp obeys, and somebody sees it.
  const test = { device: "lamp-1", point: "level", value: 40 };
  expect([200, 202]).toContain((await call("POST", "/v1/commissioning/test", test)).status);
  const tried = await until((now) => now.devices[1].actuators[0].outcome !== undefined);
  expect(tried.devices[1].actuators[0]).toMatchObject({ outcome: "succeeded", by: "local" });
  const check = { device: "lamp-1", point: "level", result: "confirmed", note: "bright" };
  expect((await call("POST", "/v1/commissioning/checks", check)).status).toBe(200);
  expect((await call("POST", "/v1/commissioning/checks", { ...check, point: "nothing" })).error).toBe(
    "unknown-point",
  );

  // Nobody tested the broker.
  const technician = "Kim Ek";
  expect(await call("POST", "/v1/commissioning/accept", { technician })).toMatchObject({
    status: 409,
    error: "not-ready",
  });
  const accepted = await call("POST", "/v1/commissioning/accept", {
    technician,
    despite: "the fibre comes on Monday",
  });
  expect(accepted.status).toBe(201);
  const { id } = accepted;
  expect(await call("POST", "/v1/commissioning/test", test)).toMatchObject({
    status: 403,
    error: "accepted",
  });
  // Nor by another name, on a second way to the same line.
  const alias = { ...lamp, id: "lamp-2", connection: "roof-2" };
  const tcp = { protocol: "modbus", tcp: { host: "127.0.0.1", port: line.port } };
  expect(
    (await call("POST", "/v1/commissioning/devices", { ...alias, connectionSettings: tcp })).status,
  ).toBe(201);
  expect(await call("POST", "/v1/commissioning/test", { ...test, device: "lamp-2" })).toMatchObject({
    status: 403,
    error: "accepted",
  });
  expect((await call("POST", "/v1/configuration/roll-back", { generation: 4 })).applied).toBe(true);
  expect((await state()).devices).toMatchObject([{ accepted: id }, { accepted: id }]);
  expect(statSync(join(folder, "store/identity/key.pem")).mode & 0o777).toBe(0o600);

  // The report, and what becomes of it elsewhere.
  const cli = (...args: string[]) => run(["acceptance", ...args], { cwd: folder });
  expect((await cli("list")).out).toContain(id);
  const page = await cli("show", id, "--html", "--lang", "sv");
  const signed = await cli("show", id, "--jws");
  expect(page.out).toContain("Godkänd med anmärkningar");
  expect(page.out).toContain("Götgatan 7");
  expect(`${page.out}${signed.out}`).not.toContain(secret);
  writeFileSync(join(folder, "report.html"), page.out);
  writeFileSync(join(folder, "report.json"), signed.out);
  for (const name of ["report.html", "report.json"]) {
    const verified = await cli("verify", name, "--folder", "store");
    expect(verified).toMatchObject({ code: 0, err: "" });
    expect(verified.out).toContain("unchanged since it was signed");
  }
  writeFileSync(join(folder, "forged.html"), page.out.replace("Götgatan 7", "Götgatan 9"));
  expect(await cli("verify", "forged.html")).toMatchObject({
    code: 1,
    err: "what the page shows is not what was signed\n",
  });
  writeFileSync(join(folder, "forged.json"), signed.out.replace(/"payload":"(.{40})./, '"payload":"$1_'));
  expect((await cli("verify", "forged.json")).code).toBe(1);
  expect((await cli("verify", "report.json", "--key", "A".repeat(43))).code).toBe(1);

  // It survives a restart; then the device goes.
  await daemon.end("SIGTERM");
  await using again = await startDaemon({ folder, yaml: readFileSync(join(folder, "gateway.yaml"), "utf8") });
  const { body } = await ask<Json>(again.socket, "GET", "/v1/commissioning");
  expect(body.devices).toMatchObject([{ accepted: id }, { accepted: id }]);
  expect((await ask(again.socket, "DELETE", "/v1/commissioning/devices/lamp-1")).status).toBe(200);
  expect(readFileSync(join(folder, "gateway.yaml"), "utf8")).toBe(before);
});
