import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { type Daemon, newFolder, run, startDaemon } from "./daemon.ts";
import {
  configuration,
  type Meters,
  meterProfile,
  meterUnit,
  openMeters,
  watchPlatform,
  writeProfiles,
} from "./field.ts";

// `serial` is read once: a device that was touched by a reload is asked for it again.
const profile = `${meterProfile}  serial: {at: {holding: 100, type: u32}, unit: count, class: once}\n`;
const unit = { registers: { holding: { ...meterUnit.registers?.holding, 100: "0001 0002" } } };

async function city(devices: Meters, more = "") {
  const answeredAt: number[] = [];
  const meters = await openMeters([], {
    1: { ...unit, scene: () => answeredAt.push(performance.now()) },
    2: unit,
    3: unit,
    4: unit,
  });
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": profile });
  const yaml = (next: Meters, rest = more) => configuration({ port: meters.port, devices: next, more: rest });
  const daemon = await startDaemon({ folder, yaml: yaml(devices) });
  return { meters, daemon, yaml, answeredAt };
}

const serialReads = (meters: Awaited<ReturnType<typeof openMeters>>, id: number) =>
  meters.unit(id).history.filter(({ pdu }) => pdu[1] === 0 && pdu[2] === 100).length;

const available = (daemon: Daemon, ...ids: string[]) =>
  daemon.until(
    ({ devices }) =>
      devices
        .map(({ id }) => id)
        .toSorted()
        .join() === ids.join() && devices.every(({ state }) => state === "available"),
  );

const reload = (daemon: Daemon, ...args: string[]) =>
  run(["reload", "--socket", daemon.socket, ...args], { cwd: daemon.folder });

describe("a changed gateway.yaml", () => {
  it("is applied device by device, and nobody else is disturbed", async () => {
    const { meters, daemon, yaml, answeredAt } = await city({
      "meter-1": {},
      "meter-2": { unit: 2 },
      "meter-3": { unit: 3 },
    });
    await using _meters = meters;
    await using _daemon = daemon;
    const before = await available(daemon, "meter-1", "meter-2", "meter-3");

    // One goes, one moves to another unit, one comes; meter-1 stays.
    daemon.write(yaml({ "meter-1": {}, "meter-2": { unit: 4 }, "meter-4": { unit: 3 } }));
    expect(await reload(daemon)).toEqual({
      code: 0,
      out: "applied\n  added device meter-4\n  changed device meter-2\n  removed device meter-3\n",
      err: "",
    });
    const after = await available(daemon, "meter-1", "meter-2", "meter-4");
    expect(after.run).toBe(before.run);
    await daemon.until(() => serialReads(meters, 4) === 1);
    const asked = meters.unit(2).requests;
    const count = answeredAt.length;
    await daemon.until(() => answeredAt.length > count + 5);
    expect(meters.unit(2).requests).toBe(asked);
    // The undisturbed one was asked for its number once, on the same connection, and never had to wait.
    expect(serialReads(meters, 1)).toBe(1);
    expect(meters.connections).toBe(1);
    const pauses = answeredAt.slice(1).map((at, index) => at - answeredAt[index]!);
    expect(Math.max(...pauses)).toBeLessThan(1500);
  });

  it("is applied on SIGHUP, too, with the log level", async () => {
    const { meters, daemon, yaml } = await city({ "meter-1": {} }, "log: {level: error}\n");
    await using _meters = meters;
    await using _daemon = daemon;
    await available(daemon, "meter-1");
    expect(daemon.log.some(({ level }) => level === 30)).toBe(false);
    daemon.write(yaml({ "meter-1": {}, "meter-2": { unit: 2 } }, "log: {level: info}\n"));
    daemon.kill("SIGHUP");
    const line = await daemon.logged(({ msg }) => msg === "the configuration was applied");
    expect(line.changes).toEqual(["added device meter-2", "log level info"]);
    await available(daemon, "meter-1", "meter-2");
    // Derived logs follow: a line of the connection.
    meters.unit(2).fault({ kind: "silence" });
    await daemon.until(({ devices }) => devices[1]?.state === "unavailable");
    meters.unit(2).fault(undefined);
    await daemon.logged(({ msg, level }) => msg === "the device is back" && level === 30);
  });

  it("is refused whole when anything in it is wrong, with reasons", async () => {
    const { meters, daemon, yaml } = await city({ "meter-1": {} });
    await using _meters = meters;
    await using _daemon = daemon;
    await available(daemon, "meter-1");
    const broken = yaml({
      "meter-1": {},
      "meter-2": { unit: 2 },
      "meter-3": { unit: 3, more: ", colour: red" },
    });
    daemon.write(broken);
    const refused = await reload(daemon);
    expect(refused.code).toBe(1);
    expect(refused.out.replaceAll(daemon.folder, "FOLDER")).toBe(
      'refused, nothing was changed\n  FOLDER/gateway.yaml:8:77: unknown key "colour"\n',
    );
    const json = JSON.parse((await reload(daemon, "--json")).out);
    expect(json).toMatchObject({ applied: false, diagnostics: [{ code: "unknown-key", line: 8 }] });
    daemon.kill("SIGHUP");
    const line = await daemon.logged(({ msg }) => msg === "the configuration was not applied");
    expect(String(line.reasons)).toContain('unknown key "colour"');
    await available(daemon, "meter-1");

    daemon.write(yaml({ "meter-1": {}, "meter-2": { unit: 2 } }).replace("id: gw-test", "id: gw-other"));
    expect((await reload(daemon)).out).toBe("refused, nothing was changed\n  needs a restart: gateway\n");
    daemon.write("devices: [\n");
    expect((await reload(daemon)).code).toBe(1);
    expect((await available(daemon, "meter-1")).gateway).toBe("gw-test");
  });

  it("may reopen the way to the platform in the middle of the traffic, and nothing is lost", async () => {
    await using broker = await openBroker({ port: 0 });
    await using meters = await openMeters([], { 1: unit, 2: unit, 3: unit });
    await using watched = await watchPlatform(broker.url);
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": profile });
    const devices = { "meter-1": {}, "meter-2": { unit: 2 }, "meter-3": { unit: 3 } };
    const yaml = (keepalive: number) =>
      configuration({ port: meters.port, broker: broker.url, devices })
        .replace("maxAge: 100ms", "maxReadings: 1")
        .replace("fast: 200ms", "fast: 20ms")
        .replace("type: mqtt,", `type: mqtt, keepalive: ${keepalive},`);
    await using daemon = await startDaemon({ folder, yaml: yaml(30) });
    for (let keepalive = 31; keepalive < 36; keepalive++) {
      const before = watched.platform.summary().packs;
      await watched.platform.until(() => watched.platform.summary().packs > before + 50);
      daemon.write(yaml(keepalive));
      expect((await reload(daemon)).out).toBe("applied\n  reopened northbound city\n");
    }
    await daemon.until(({ northbound }) => northbound[0]?.connected === true);
    const { run } = await daemon.status();
    await daemon.end("SIGTERM");
    // The next run tells what this one stored; a gap between two far sides would show.
    await using _next = await startDaemon({
      folder,
      yaml: yaml(40).replace(/devices:\n(.*\n)*poll/, "devices: {}\npoll"),
    });
    const stored = () => {
      const state = watched.platform.state("gw-test") as
        | { previous?: { run: string; seq: number }[] }
        | undefined;
      return state?.previous?.find((one) => one.run === run)?.seq;
    };
    await watched.platform.until(
      () => stored() !== undefined && watched.platform.summary().packs >= stored()!,
    );
    expect(watched.platform.summary()).toMatchObject({ missing: 0, lost: 0, packs: stored() });
  });
});
