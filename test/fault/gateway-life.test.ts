import { expect, it } from "vitest";
import * as z from "zod";
import { loadConfig } from "../../gateway/config/load.ts";
import { type Gateway, openGateway } from "../../gateway/gateway.ts";
import type { Command } from "../../gateway/model/command.ts";
import { LinkError, RefusedError, StorageError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { northbounds } from "../../gateway/northbound/index.ts";
import type { NorthboundKind } from "../../gateway/northbound/northbound.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import type { Disk, DiskFile } from "../../gateway/store/disk.ts";
import { cells, goodProfile } from "../fake-protocol.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

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

async function configured(unit: number, broker: number, far?: NorthboundKind) {
  const text = `gateway: {id: gw1, pen: 61234}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
devices: {meter-1: {profile: acme/meter, connection: line-1, unit: ${unit}}}
northbound: {city: {type: mqtt, url: "mqtt://127.0.0.1:${broker}"}}
`;
  const loaded = await loadConfig(text, "gateway.yaml", {
    protocols: [away],
    northbounds: far ? [far] : northbounds,
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

/** A far side that takes nothing, and answers only when it is told to connect. */
function refusing() {
  const opened: { refusals: number; answers: number }[] = [];
  const kind: NorthboundKind = {
    name: "mqtt",
    settings: z.looseObject({}),
    async open() {
      const side = { refusals: 0, answers: 0 };
      opened.push(side);
      return {
        maxPackBytes: 1000,
        concurrency: 1,
        topics: "stadsnod/v1/gw1",
        publish: () => {
          side.refusals++;
          return Promise.reject(new RefusedError("never", { code: "not-authorised" }));
        },
        announce() {},
        answer: async () => void side.answers++,
        connected: async () => {},
        status: () => ({ connected: true, peer: "test", published: 0, bytes: 0, refused: 0 }),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
  return { kind, opened };
}

async function closed(gateway: Gateway, clock: VirtualClock): Promise<void> {
  const closing = gateway[Symbol.asyncDispose]();
  await clock.advance(3000);
  await closing;
}

it("reopens a far side although it refused a pack, whose gap can only be told when that is done", async () => {
  const { kind, opened } = refusing();
  const [first, second] = [await configured(1, 1, kind), await configured(1, 2, kind)];
  const clock = new VirtualClock();
  const gateway = await openGateway(first.config, {
    clock,
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async () => new SimulatedDisk({ random: seeded(2) }),
    reloadConfig: async () => second,
  });
  const [device] = first.config.devices;
  const [voltage] = device!.profile.points;
  const reading = { device: device!, point: voltage!, name: "voltage", quality: "good", value: 230 } as const;
  void gateway.pipeline.take([{ ...reading, time: clock.stamp() }]).catch(() => {});
  void gateway.builder.flush();
  await settle();
  expect(opened[0]!.refusals).toBe(1);
  expect(await gateway.reload()).toMatchObject({ applied: true });
  expect(opened).toHaveLength(2);
  await closed(gateway, clock);
});

it("answers a command by the far side that is there by then, when it was being reopened", async () => {
  const { kind, opened } = refusing();
  const [first, second] = [await configured(1, 1, kind), await configured(1, 2, kind)];
  const clock = new VirtualClock();
  let slow: Promise<void> | undefined;
  const gateway = await openGateway(first.config, {
    clock,
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async (name) => {
      if (name === "outbox-city") await slow;
      return new SimulatedDisk({ random: seeded(2) });
    },
    reloadConfig: async () => second,
  });
  const disk = Promise.withResolvers<void>();
  slow = disk.promise;
  const reloaded = gateway.reload();
  await settle();
  expect(gateway.sides.size).toBe(0);
  // No map of a command, but one that can be answered.
  const body = Uint8Array.of(0xa1, 0x62, 0x69, 0x64, 0x61, 0x61);
  await gateway.control.receive("city", { device: "meter-1", body, retained: false, properties: new Map() });
  disk.resolve();
  await reloaded;
  await clock.advance(5000);
  expect(opened[1]!.answers).toBe(1);
  await closed(gateway, clock);
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

/** A far side that is connected, and takes packs when it is open. */
function taking() {
  const opening = Promise.withResolvers<void>();
  const door = { open: true, taken: 0, opens: () => opening.resolve() };
  const kind: NorthboundKind = {
    name: "mqtt",
    settings: z.looseObject({}),
    open: async () => ({
      maxPackBytes: 1000,
      concurrency: 1,
      topics: "stadsnod/v1/gw1",
      async publish() {
        if (!door.open) throw new LinkError("away", { code: "not-connected" });
        door.taken++;
      },
      announce() {},
      connected: async () => {
        if (!door.open) await opening.promise;
      },
      status: () => ({ connected: door.open, peer: "test", published: 0, bytes: 0, refused: 0 }),
      [Symbol.asyncDispose]: async () => {},
    }),
  };
  return { kind, door };
}

it("opens stores later that could not be opened at the start, and gives up no pack for it that waits in memory", async () => {
  const { kind, door } = taking();
  const { config } = await configured(1, 1, kind);
  const clock = new VirtualClock();
  let away = true;
  const gateway = await openGateway(config, {
    clock,
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async () => {
      if (away) throw new StorageError("no disk", { code: "disk-missing" });
      return new SimulatedDisk({ random: seeded(2) });
    },
  });
  const stores = () => [...gateway.problems.keys()].filter((key) => key.startsWith("store of ")).toSorted();
  const all = ["store of audit-log", "store of city", "store of commands"];
  expect(stores()).toEqual(all);
  expect(gateway.control.desk).toBeUndefined();
  await clock.advance(60_000);
  expect(stores()).toEqual(all);

  const [device] = config.devices;
  const [voltage] = device!.profile.points;
  const reading = { device: device!, point: voltage!, name: "voltage", quality: "good", value: 230 } as const;
  door.open = false;
  void gateway.pipeline.take([{ ...reading, time: clock.stamp() }]).catch(() => {});
  void gateway.builder.flush();
  await settle();
  away = false;
  await clock.advance(120_000);
  expect(stores()).toEqual(["store of city"]);
  expect(gateway.control.desk).toBeDefined();
  void gateway.record({ what: "start", who: "somebody", detail: {} });
  expect(gateway.sides.get("city")?.outbox.status().packs).toBeGreaterThan(0);

  door.open = true;
  door.opens();
  await clock.advance(600_000);
  expect(door.taken).toBeGreaterThan(0);
  expect(stores()).toEqual([]);
  expect(gateway.sides.get("city")?.storeProblem).toBeUndefined();
  expect(gateway.auditLog?.status()).toMatchObject({ state: "open", segments: 1, lost: 0 });
  await closed(gateway, clock);
});
