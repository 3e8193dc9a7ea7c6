import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { files } from "../../gateway/cli/files.ts";
import {
  type KnownConnection,
  type ScanContext,
  type ScanJobStep,
  scanJob,
} from "../../gateway/commissioning/scan.ts";
import { scanWhat } from "../../gateway/commissioning/scan-input.ts";
import type { DeviceFound } from "../../gateway/model/commissioning.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { createDaliLamp } from "../../simulators/actuators/dali-lamp.ts";
import { createPump } from "../../simulators/actuators/pump.ts";
import { type MixedPort, openMixedPort } from "../../simulators/mixed-port.ts";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPty } from "../../simulators/pty.ts";
import { sdm120, sdm630 } from "../../simulators/scenes/energy-meter.ts";
import { type Nature, seededRandom } from "../../simulators/scenes/nature.ts";
import { feederPillar, qdy30a, senseairS8, xyMd02 } from "../../simulators/scenes/sensors.ts";
import { realClock } from "../contract/real-clock.ts";
import { newFolder, root, run } from "./daemon.ts";

// Twenty devices of eight models, on two lines with mixed speeds: paced ptys that take as long as real lines, and
// the profiles that are shipped, all of them.

// A weekday morning: lamps burn, people breathe.
const started = Date.UTC(2026, 2, 3, 5, 40);
const opened = performance.now();
const nature: Nature = { now: () => started + performance.now() - opened, random: seededRandom(7) };
const models: Readonly<Record<string, () => UnitSettings>> = {
  "eastron/sdm630": () => sdm630(nature, 42_000),
  "eastron/sdm120": () => sdm120(nature, () => 1840),
  "xy/xy-md02": () => xyMd02(nature),
  "senseair/s8": () => senseairS8(nature),
  "generic/qdy30a": () => qdy30a(nature),
  "generic/feeder-pillar": () => feederPillar(nature),
  "generic/dali-lamp": () => createDaliLamp().settings,
  "generic/pump": () => createPump().settings,
};

const lines = {
  "/dev/serial/by-id/north": [
    {
      baud: 9600,
      units: {
        1: "eastron/sdm630",
        2: "xy/xy-md02",
        3: "xy/xy-md02",
        4: "senseair/s8",
        17: "generic/qdy30a",
        31: "eastron/sdm120",
      },
    },
    {
      baud: 19_200,
      parity: "even" as const,
      units: {
        5: "generic/feeder-pillar",
        6: "generic/feeder-pillar",
        10: "eastron/sdm120",
        22: "generic/pump",
      },
    },
  ],
  "/dev/serial/by-id/south": [
    {
      baud: 38_400,
      units: {
        1: "generic/dali-lamp",
        2: "generic/dali-lamp",
        3: "generic/dali-lamp",
        11: "generic/pump",
        12: "senseair/s8",
      },
    },
    {
      baud: 19_200,
      units: { 7: "eastron/sdm120", 8: "generic/qdy30a", 9: "xy/xy-md02", 30: "senseair/s8" },
    },
    { baud: 115_200, units: { 4: "eastron/sdm630" } },
  ],
};

const unitsOf = (units: Readonly<Record<number, string>>) =>
  Object.fromEntries(Object.entries(units).map(([unit, model]) => [unit, models[model]!()]));

const ports = new Map<string, MixedPort>();
const protocols = await loadProtocols();
const profiles = Array.from(loadProfiles(["device-profiles"], files, protocols).profiles.values()).flatMap(
  ({ profile }) => profile ?? [],
);
const connect = connectBy(realClock);

function contextOf(known: readonly KnownConnection[] = []): ScanContext {
  return {
    clock: realClock,
    random: Math.random,
    log: silentLog,
    connect: (endpoint, signal) => {
      const port = endpoint.kind === "serial" ? ports.get(endpoint.port) : undefined;
      return connect(
        port && endpoint.kind === "serial" ? { ...endpoint, port: port.pathAt(endpoint) } : endpoint,
        signal,
      );
    },
    protocols: async () => protocols,
    profiles: async () => profiles,
    connections: async () => known,
  };
}

async function collect(steps: AsyncIterable<ScanJobStep>): Promise<ScanJobStep[]> {
  const all: ScanJobStep[] = [];
  for await (const step of steps) all.push(step);
  return all;
}

beforeAll(async () => {
  for (const [name, groups] of Object.entries(lines))
    ports.set(name, await openMixedPort(groups.map((group) => ({ ...group, units: unitsOf(group.units) }))));
});
afterAll(async () => {
  for (const port of ports.values()) await port[Symbol.asyncDispose]();
});

describe("a scan of two lines with mixed speeds", () => {
  it("finds and matches twenty devices of eight models, within its bound, and writes nothing", {
    timeout: 600_000,
  }, async () => {
    const known: KnownConnection = {
      id: "north",
      protocol: "modbus",
      settings: protocols
        .find(({ name }) => name === "modbus")
        ?.connection.parse({ serial: { port: "/dev/serial/by-id/north", baud: 9600 } }),
      devices: [{ id: "town-hall", settings: { unit: 1 } }],
    };
    const from = performance.now();
    const scans = await Promise.all(
      Object.keys(lines).map((port) =>
        collect(scanJob(scanWhat({ port }), contextOf([known]), new AbortController().signal)),
      ),
    );
    const tookS = (performance.now() - from) / 1000;
    const wanted = Object.entries(lines).flatMap(([port, groups]) =>
      groups.flatMap(({ units, ...settings }) =>
        Object.entries(units).map(([unit, model]) => ({ port, ...settings, unit: Number(unit), model })),
      ),
    );
    expect(wanted).toHaveLength(20);
    expect(new Set(wanted.map(({ model }) => model)).size).toBe(8);
    const found = scans.flat().flatMap(({ finding }) => (finding?.kind === "device" ? [finding] : []));
    expect(found.map(seen).toSorted(byUnit)).toEqual(wanted.toSorted(byUnit));
    expect(found.filter((one) => one.known).map(({ settings, known: id }) => [settings.unit, id])).toEqual([
      [1, "town-hall"],
    ]);

    // What was promised at the beginning, and at every step, was kept: never more left than before.
    for (const steps of scans) {
      const left = steps.flatMap(({ progress }) => (progress?.leftS === undefined ? [] : [progress.leftS]));
      expect(left).toEqual(left.toSorted((a, b) => b - a));
      expect(left.at(-1)).toBe(0);
      expect(left[0]).toBeLessThan(240);
    }
    // Figures for the reader; the bound is the plan's.
    const asked = Object.entries(lines).flatMap(([port, groups]) =>
      groups.flatMap(({ units }) =>
        Object.keys(units).map((unit) => ports.get(port)!.unit(Number(unit)).requests),
      ),
    );
    console.log(
      `scan: ${tookS.toFixed(0)} s for both lines, ${Math.min(...asked)} to ${Math.max(...asked)} requests per device`,
    );

    for (const port of ports.values()) {
      const codes = [...port.functionCodes().keys()];
      expect(codes.filter((code) => ![1, 2, 3, 4, 17, 43].includes(code))).toEqual([]);
      expect(codes.length).toBeGreaterThan(4);
    }
  });
});

describe("stadsnod scan", () => {
  it("finds devices at a port by itself, once, and writes lines for gateway.yaml", {
    timeout: 120_000,
  }, async () => {
    await using pty = openPty();
    await using server = await openModbusServer({
      listen: { wire: pty },
      units: { 1: xyMd02(nature), 3: qdy30a(nature), 5: { faults: () => ({ kind: "crc" }) } },
    });
    const cwd = newFolder();
    const asked = [
      "scan",
      "--direct",
      "--port",
      pty.path,
      "--addresses",
      "1-5",
      "--profiles",
      join(root, "device-profiles"),
    ];
    const { code, out, err } = await run(asked, { cwd });
    expect({ code, err: err.split("\n")[0] }).toEqual({
      code: 0,
      err: expect.stringMatching(/^at most .*; nothing is written to any device$/),
    });
    expect(out).toContain("xy/xy-md02");
    const yaml = out.slice(out.indexOf("connections:"));
    expect(parse(yaml)).toEqual({
      connections: { "modbus-1": { protocol: "modbus", serial: { port: pty.path, baud: 9600 } } },
      devices: {
        "xy-md02-1": { profile: "xy/xy-md02", connection: "modbus-1", unit: 1 },
        "qdy30a-3": { profile: "generic/qdy30a", connection: "modbus-1", unit: 3 },
      },
    });
    expect(server.unit(1).history.filter(({ pdu }) => ![1, 2, 3, 4, 17, 43].includes(pdu[0]!))).toEqual([]);
  });

  it("says that nobody answered, and what is wrong with what was asked", { timeout: 120_000 }, async () => {
    await using server = await openModbusServer({ listen: { tcp: 0 }, units: {} });
    const cwd = newFolder();
    const host = `127.0.0.1:${server.port}`;
    const { code, out } = await run(["scan", "--direct", "--host", host, "--addresses", "1"], { cwd });
    expect([code, out]).toEqual([0, expect.stringContaining("nobody answered")]);
    const wrong = await run(["scan", "--direct", "--host", host, "--addresses", "0-300"], { cwd });
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("is no unit id on this line")]);
    const nothing = await run(["scan"], { cwd });
    expect([nothing.code, nothing.err]).toEqual([
      2,
      expect.stringContaining("one of connection, port and host"),
    ]);
  });
});

function seen({ connection, settings, profiles: [best] }: DeviceFound) {
  const { serial } = connection as { serial: Record<string, unknown> };
  return { ...serial, unit: settings.unit, model: best?.profile };
}

function byUnit(a: Record<string, unknown>, b: Record<string, unknown>): number {
  return `${a.port} ${a.unit}`.localeCompare(`${b.port} ${b.unit}`);
}
