import { expect, it } from "vitest";
import { loadConfig } from "../../gateway/config/load.ts";
import { openGateway } from "../../gateway/gateway.ts";
import type { Command } from "../../gateway/model/command.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { northbounds } from "../../gateway/northbound/index.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import type { Disk, DiskFile } from "../../gateway/store/disk.ts";
import { cells, goodProfile } from "../fake-protocol.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const profile = goodProfile.replace("    doc: p. 9\n", "    doc: p. 9\n    write: {}\n");

const away: Protocol = {
  ...cells,
  open: () => Promise.reject(new LinkError("the line is away", { code: "refused" })),
};

/** A disk whose syncs never end, once it hangs. */
function hangingDisk() {
  const disk = new SimulatedDisk({ random: seeded(2) });
  let hangs = false;
  const hanging = (file: DiskFile): DiskFile => ({
    get size() {
      return file.size;
    },
    read: (...what) => file.read(...what),
    write: (...what) => file.write(...what),
    truncate: (length) => file.truncate(length),
    sync: () => (hangs ? new Promise(() => {}) : file.sync()),
    close: () => file.close(),
  });
  return {
    hang: () => {
      hangs = true;
    },
    disk: {
      list: () => disk.list(),
      create: async (...what) => hanging(await disk.create(...what)),
      open: async (name) => hanging(await disk.open(name)),
      rename: (...what) => disk.rename(...what),
      remove: (name) => disk.remove(name),
      syncNames: () => disk.syncNames(),
      free: () => disk.free(),
    } satisfies Disk,
  };
}

async function configured(unit: number, broker: number) {
  const text = `gateway: {id: gw1, pen: 61234}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
devices: {meter-1: {profile: acme/meter, connection: line-1, unit: ${unit}}}
northbound: {city: {type: mqtt, url: "mqtt://127.0.0.1:${broker}"}}
`;
  const loaded = await loadConfig(text, "gateway.yaml", {
    protocols: [away],
    northbounds,
    profiles: loadProfiles(
      ["device-profiles"],
      { list: () => ["acme/meter.yaml"], read: () => profile },
      [away],
      new Set(["acme/meter"]),
    ),
    env: {},
    readFile: () => "",
  });
  expect(loaded.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return { config: loaded.config!, diagnostics: loaded.diagnostics };
}

it("never lets what the new configuration prepares reach the device of the old one", async () => {
  const [first, second] = [await configured(1, 1), await configured(2, 2)];
  await using gateway = await openGateway(first.config, {
    clock: new VirtualClock(),
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async () => new SimulatedDisk({ random: seeded(2) }),
    reloadConfig: async () => second,
  });
  const known = () =>
    gateway.loops
      .get("line-1")
      ?.status()
      .devices.map(({ device }) => device);
  expect(known()).toEqual(["meter-1"]);
  const reloaded = gateway.reload();
  while (gateway.config !== second.config) await Promise.resolve();
  // The far side is being reopened: nobody may be written to as the new configuration says.
  expect(known()).toEqual([]);
  expect(await reloaded).toMatchObject({ applied: true });
  expect(known()).toEqual(["meter-1"]);
});

it("stops in time although the disk of the commands hangs, and polls and packs go on before", async () => {
  const { config } = await configured(1, 1);
  const clock = new VirtualClock();
  const { disk, hang } = hangingDisk();
  const gateway = await openGateway(config, {
    clock,
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async (name) => (name === "commands" ? disk : new SimulatedDisk({ random: seeded(3) })),
  });
  const command: Command = {
    id: "a",
    device: "meter-1",
    point: "voltage",
    action: "write",
    value: 230,
    issuer: "anna",
    expiry: { inMs: 60_000 },
    priority: "operator",
  };
  const desk = gateway.control.desk!;
  expect(await desk.submit(command, { kind: "local", user: "anna" })).toMatchObject({ state: "accepted" });
  hang();
  const unkept = desk.submit({ ...command, id: "b" }, { kind: "local", user: "anna" });
  unkept.catch(() => {});
  const [voltage] = config.devices[0]!.profile.points;
  const reading = { device: config.devices[0]!, point: voltage!, name: "voltage", quality: "good" } as const;
  const taken = gateway.pipeline.take([{ ...reading, value: 230, time: clock.stamp() }]);
  await clock.advance(60_000);
  await taken;
  let closed = false;
  void gateway[Symbol.asyncDispose]().then(() => {
    closed = true;
  });
  await clock.advance(2000);
  expect(closed).toBe(true);
});
