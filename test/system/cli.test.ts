import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Broker, openBroker } from "../../simulators/broker.ts";
import type { ModbusServer } from "../../simulators/modbus/server.ts";
import { type Daemon, newFolder, root, run, startDaemon } from "./daemon.ts";
import {
  configuration,
  meterProfile,
  openMeters,
  type Watched,
  watchPlatform,
  writeProfiles,
} from "./field.ts";

let broker: Broker;
let meters: ModbusServer;
let city: Watched;
let daemon: Daemon;
const dump: string[] = [];
let record: string;

beforeAll(async () => {
  broker = await openBroker({ port: 0 });
  meters = await openMeters([1, 2]);
  const folder = newFolder();
  record = join(folder, "record.jsonl");
  city = await watchPlatform(broker.url, record);
  // What `mosquitto_sub -F '%t %x'` writes.
  const client = await connectAsync(broker.url);
  client.on("message", (topic, payload) => dump.push(`${topic} ${payload.toString("hex")}`));
  await client.subscribeAsync("stadsnod/#", { qos: 1 });
  writeProfiles(folder, { "test/meter": meterProfile });
  daemon = await startDaemon({
    folder,
    yaml: configuration({
      port: meters.port,
      broker: broker.url,
      devices: { "meter-1": {}, "meter-2": { unit: 2 } },
    }),
  });
  await city.reading("meter-2", "voltage");
  await city.platform.until(() => city.platform.summary().packs >= 5 && dump.length >= 5);
  await client.endAsync();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await city[Symbol.asyncDispose]();
  await meters[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

const on = (...args: string[]) => run([...args, "--socket", daemon.socket], { cwd: daemon.folder });
const lines = (text: string) => text.split("\n").filter(Boolean);

describe("commands that ask a running gateway", () => {
  it("status", async () => {
    const people = await on("status");
    expect(people).toMatchObject({ code: 0, err: "" });
    expect(people.out).toMatch(/^gw-test, Stadsnod \d+\.\d+\.\d+, up \d+ s, \d+ MB, clock trusted\n/);
    expect(people.out).toMatch(/^meter-1 +test\/meter +roof +available +\d\d:\d\d:\d\d/m);
    expect(people.out).toMatch(/^city +connected +mqtt:\/\/127\.0\.0\.1:\d+ \(MQTT 3\.1\.1\)/m);
    expect(JSON.parse((await on("status", "--json")).out)).toMatchObject({
      gateway: "gw-test",
      devices: [{}, {}],
    });
  });

  it("read", async () => {
    const people = await on("read", "meter-1", "voltage");
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^meter-1 +voltage +230\.5 +V +good +/m);
    expect(JSON.parse((await on("read", "meter-1", "--json")).out)).toHaveLength(6);
    expect(await on("read", "nobody")).toMatchObject({
      code: 2,
      err: "stadsnod: no device nobody [unknown-device]\nhint: there are meter-1, meter-2\n",
    });
    expect((await on("read", "meter-1", "nothing")).code).toBe(2);
    meters.unit(2).fault({ kind: "exception", code: 4 });
    expect((await on("read", "meter-2", "voltage")).code).toBe(1);
    meters.unit(2).fault(undefined);
  });

  it("watch, until Ctrl-C and into a pipe that closes", async () => {
    const program = join(root, "dist", "stadsnod.js");
    const args = [program, "watch", "--json", "-d", "meter-1", "-s", daemon.socket];
    const watch = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [chunk] = await once(watch.stdout.setEncoding("utf8"), "data");
    expect(JSON.parse(lines(chunk)[0]!)).toMatchObject({ device: "meter-1", quality: "good" });
    watch.kill("SIGINT");
    expect(await once(watch, "exit")).toEqual([0, null]);

    const piped = spawn("bash", [
      "-c",
      `"$@" | head -n 1; echo "\${PIPESTATUS[0]}"`,
      "-",
      process.execPath,
      ...args,
    ]);
    let [out, err] = ["", ""];
    piped.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
    });
    piped.stderr.setEncoding("utf8").on("data", (text) => {
      err += text;
    });
    await once(piped, "close");
    expect(err).toBe("");
    expect(lines(out)).toEqual([expect.stringContaining('"device":"meter-1"'), "0"]);
  });

  it("reload", async () => {
    expect(await on("reload")).toEqual({ code: 0, out: "applied\n  nothing has changed\n", err: "" });
    expect(JSON.parse((await on("reload", "--json")).out)).toMatchObject({ applied: true });
  });

  it("audit: all there, then one taken out", async () => {
    const whole = await on("audit", record);
    expect(whole.code).toBe(0);
    expect(whole.out).toMatch(/^(\d+) of \1 packs accounted: .* 0 missing$/m);
    const copy = join(daemon.folder, "copy.jsonl");
    const kept = lines(readFileSync(record, "utf8")).filter((line) => JSON.parse(line).seq !== 2);
    writeFileSync(copy, `${kept.join("\n")}\n`);
    const holed = await run(["audit", copy, "--offline"]);
    expect(holed.code).toBe(1);
    expect(holed.out).toMatch(/^missing: gw-test, run [0-9a-f]{16}, audience open, seq 2\.\.2$/m);
    expect(JSON.parse((await run(["audit", copy, "--offline", "--json"])).out)).toMatchObject({
      missing: 1,
      streams: [{ holes: [[2, 2]] }],
    });
    // A gap record makes it a loss that was told.
    const { run: id } = await daemon.status();
    appendFileSync(
      copy,
      `${JSON.stringify({ type: "gap", gateway: "gw-test", run: id, audience: "open", from: 2, to: 2 })}\n`,
    );
    expect(JSON.parse((await run(["audit", copy, "--offline", "--json"])).out)).toMatchObject({
      missing: 0,
      lost: 1,
    });
    // What only `state` knows of counts as well.
    appendFileSync(
      copy,
      `${JSON.stringify({ type: "state", gateway: "gw-test", run: id, audience: "open", lastSeq: 99_999 })}\n`,
    );
    expect((await run(["audit", copy, "--offline"])).code).toBe(1);
    appendFileSync(copy, "{not json\n");
    const broken = await run(["audit", copy, "--offline"]);
    expect(broken.code).toBe(2);
    expect(broken.err).toContain("[bad-record]");
  });

  it("say 3 when there is none, and when it may not be asked", async () => {
    for (const args of [["status"], ["watch"], ["read", "meter-1"], ["reload"]]) {
      const { code, out, err } = await run([...args, "--socket", "/nowhere/s.sock"]);
      expect([code, out, err], args[0]).toEqual([
        3,
        "",
        "stadsnod: no gateway answers on /nowhere/s.sock [daemon-unreachable]\n" +
          "hint: start it with `stadsnod run`, or say where it listens with --socket\n",
      ]);
    }
    const { code } = await run(["status"], { env: { STADSNOD_SOCKET: daemon.socket } });
    expect(code).toBe(0);
  });

  it("watch says 3 when the gateway is killed", async () => {
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    await using other = await startDaemon({ folder, yaml: configuration({ port: meters.port }) });
    const program = join(root, "dist", "stadsnod.js");
    const watch = spawn(process.execPath, [program, "watch", "-s", other.socket], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    await once(watch.stdout, "data");
    watch.stdout.resume();
    await other.end("SIGKILL");
    expect(await once(watch, "exit")).toEqual([3, null]);
  });
});

describe("commands that need no gateway", () => {
  it("check and explain", async () => {
    const { folder: cwd } = daemon;
    const check = await run(["check"], { cwd });
    expect(check).toMatchObject({ code: 0, out: "gateway.yaml: fine: 2 devices on 1 connections\n" });
    expect(await run(["check", "--json"], { cwd })).toEqual({ code: 0, out: "", err: "" });
    const explain = await run(["explain"], { cwd });
    expect(explain.code).toBe(0);
    expect(explain.out).toContain("roof");
    expect(JSON.parse((await run(["explain", "--json", "-c", "roof"], { cwd })).out)).toMatchObject({
      connection: "roof",
    });
    expect(await run(["explain", "-c", "cellar"], { cwd })).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        "stadsnod: no connection cellar [unknown-connection]\nhint: there are roof\n",
      ),
    });
    expect((await run(["check", "no.yaml"], { cwd })).code).toBe(2);
    writeFileSync(join(cwd, "broken.yaml"), "gateway: {id: UPPER}\n");
    expect((await run(["check", "broken.yaml"], { cwd })).code).toBe(1);
    const json = await run(["check", "broken.yaml", "--json"], { cwd });
    expect(lines(json.out).map((line) => JSON.parse(line).line)).toEqual([1]);
    expect([json.code, json.err]).toEqual([1, ""]);
    for (const command of ["run", "explain", "outbox"]) {
      expect((await run([command, "broken.yaml"], { cwd })).code, command).toBe(2);
    }
  });

  it("decode: a dump of topics, hex, a file, and rubbish", async () => {
    const all = await run(["decode", "-"], { input: `${dump.join("\n")}\nstadsnod/v1/gw-test/state \n` });
    expect(all).toMatchObject({ code: 0, err: "" });
    expect(all.out).toMatch(/^gateway gw-test, run [0-9a-f]{16}, audience open, seq 1$/m);
    expect(all.out).toMatch(/^urn:dev:ops:32474-testmeter-meter-1:voltage +230\.5 +V +20/m);
    const pack = dump.find((line) => line.includes("/telemetry/"))!.split(" ")[1]!;
    const hex = await run(["decode", "--json"], { input: pack });
    expect(lines(hex.out).map((line) => JSON.parse(line).gateway)).toContain("gw-test");
    writeFileSync(join(daemon.folder, "pack"), Buffer.from(pack, "hex"));
    expect((await run(["decode", join(daemon.folder, "pack"), "--json"])).out).toBe(hex.out);
    expect(await run(["decode"], { input: "ffff" })).toMatchObject({ code: 1, out: "" });
    expect((await run(["decode"], { input: "" })).code).toBe(2);
    expect((await run(["decode", "nowhere"])).code).toBe(2);
  });

  it("outbox", async () => {
    const { folder: cwd } = daemon;
    const people = await run(["outbox"], { cwd });
    expect(people).toMatchObject({ code: 0 });
    expect(people.out).toMatch(/ pack #1 live open run [0-9a-f]{16} seq 1, \d+ readings, \d+ bytes, 20/);
    expect(people.out).toMatch(
      /^\d+ packs with \d+ readings written, \d+ of them acknowledged, 0 damaged places$/m,
    );
    const json = await run(["outbox", "--folder", join(cwd, "store", "outbox-city"), "--json"]);
    expect(lines(json.out).map((line) => JSON.parse(line).type)).toContain("pack");
    expect((await run(["outbox", "-n", "nobody"], { cwd })).code).toBe(2);
    expect((await run(["outbox", "-f", "/nowhere"])).code).toBe(2);
  });

  it("profile", async () => {
    const { folder: cwd } = daemon;
    const path = "device-profiles/test/meter.yaml";
    expect(await run(["profile", "check", path], { cwd })).toMatchObject({
      code: 0,
      out: "1 of 1 profiles are fine\n",
    });
    expect((await run(["profile", "check", "--strict", path], { cwd })).code).toBe(1);
    expect((await run(["profile", "check", "nowhere.yaml"], { cwd })).code).toBe(2);
    expect((await run(["profile", "test", "device-profiles"])).out).toMatch(
      /^[1-9]\d* examples passed, 0 failed$/m,
    );
    writeFileSync(
      join(cwd, "wrong.yaml"),
      `${meterProfile.replace("test/meter", "test/wrong")}examples: [{given: {holding: {2: "FFCA"}}, expect: {temperature: 5}}]\n`,
    );
    expect(await run(["profile", "test", "wrong.yaml"], { cwd })).toMatchObject({ code: 1 });
    expect((await run(["profile", "show", path], { cwd })).out).toContain("temperature");
    expect(JSON.parse((await run(["profile", "show", path, "--json"], { cwd })).out)).toMatchObject({
      profile: "test/meter",
    });
    expect((await run(["profile", "show", "nowhere.yaml"], { cwd })).code).toBe(2);
    expect((await run(["profile", "doc", path, "-l", "sv"], { cwd })).code).toBe(0);
    expect((await run(["profile", "doc", path, "-l", "fr"], { cwd })).code).toBe(2);
    expect(JSON.parse((await run(["profile", "schema"])).out)).toMatchObject({
      title: "Stadsnod device profile",
    });
  });

  it.each([
    [[]],
    [["nonsense"]],
    [["status", "--nonsense"]],
    [["read"]],
    [["profile"]],
    [["demo", "--for", "soon"]],
  ])("%j is a wrong command line", async (args) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toMatch(/^ {4}at /m);
  });
});
