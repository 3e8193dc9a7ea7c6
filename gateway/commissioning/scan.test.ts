import { describe, expect, it } from "vitest";
import * as z from "zod";
import { attachP1Meter, p1Scene } from "../../simulators/p1-meter.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { openSdi12Line } from "../../simulators/sdi12-sensor.ts";
import type { Wire } from "../../simulators/wire.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { files } from "../cli/files.ts";
import type { DeviceFound } from "../model/commissioning.ts";
import { silentLog } from "../model/log.ts";
import { loadProfiles } from "../profiles/library.ts";
import { loadProtocols } from "../southbound/index.ts";
import type { Protocol, ScanStep } from "../southbound/protocol.ts";
import { memoryPair } from "../transport/memory.ts";
import type { Endpoint } from "../transport/transport.ts";
import {
  type KnownConnection,
  lineSettingsJob,
  type ScanContext,
  type ScanJobStep,
  scanCost,
  scanJob,
} from "./scan.ts";
import { lineSettingsWhat, scanWhat } from "./scan-input.ts";

const protocols = await loadProtocols();
const ids = new Set(["swedish-grid/p1-meter", "dsmr/p1-v5", "meter-group/teros-12"]);
const profiles = Array.from(
  loadProfiles(["device-profiles"], files, protocols, ids).profiles.values(),
).flatMap(({ profile }) => profile ?? []);

/** A scan of lines in memory. `far`: who is on a line that is opened with these settings. */
async function scan(
  start: (context: ScanContext, signal: AbortSignal) => AsyncIterable<ScanJobStep>,
  far: (wire: Wire, endpoint: Endpoint, clock: VirtualClock) => void,
  more: Partial<ScanContext> = {},
): Promise<ScanJobStep[]> {
  const clock = new VirtualClock();
  const context: ScanContext = {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async (endpoint) => {
      const [near, other] = memoryPair(clock, { endpoint });
      far(
        {
          send: (bytes) => void other.write(bytes).catch(() => {}),
          receive: (receiver) => other.receive((chunk) => receiver(chunk)),
        },
        endpoint,
        clock,
      );
      return near;
    },
    protocols: async () => protocols,
    profiles: async () => profiles,
    connections: async () => [],
    ...more,
  };
  const steps: ScanJobStep[] = [];
  let ended = false;
  const running = (async () => {
    for await (const step of start(context, new AbortController().signal)) steps.push(step);
  })().finally(() => {
    ended = true;
  });
  running.catch(() => {});
  while (!ended) await clock.advance(1000);
  await running;
  return steps;
}

const devices = (steps: readonly ScanJobStep[]): DeviceFound[] =>
  steps.flatMap(({ finding }) => (finding?.kind === "device" ? [finding] : []));

describe("a scan job", () => {
  it("listens for a P1 meter and says which profile reads it", async () => {
    const nature = { now: () => 1_790_000_000_000, random: seededRandom(1) };
    const steps = await scan(
      (context, signal) => scanJob(scanWhat({ port: "/dev/p1", protocol: "smart-meter" }), context, signal),
      (wire, endpoint, clock) => {
        if (!("baud" in endpoint) || endpoint.baud !== 115_200) return;
        attachP1Meter(wire, {
          state: p1Scene(nature, 9000),
          after: (ms, callback) => clock.timer(ms, callback),
        });
      },
    );
    expect(devices(steps)).toMatchObject([
      {
        protocol: "smart-meter",
        connection: { serial: { port: "/dev/p1" } },
        settings: {},
        says: "SIM5STADSNOD",
      },
    ]);
    expect(devices(steps)[0]?.profiles[0]?.profile).toBe("swedish-grid/p1-meter");
  });

  it("asks SDI-12 sensors who they are", async () => {
    const identity = { vendor: "METER", model: "TER12", version: "411", serial: "T12-00042" };
    const steps = await scan(
      (context, signal) => scanJob(scanWhat({ port: "/dev/sdi", protocol: "sdi12" }), context, signal),
      (wire, _endpoint, clock) => {
        openSdi12Line(wire, [{ address: "3", identity, measures: {} }], (ms, callback) =>
          clock.timer(ms, callback),
        ).forEach((sensor) => void sensor.wake());
      },
      {},
    );
    expect(devices(steps)).toMatchObject([
      { protocol: "sdi12", settings: { address: "3" }, says: "METER TER12 411 T12-00042" },
    ]);
  });

  /** A protocol that finds what it is told. */
  const fake = (steps: readonly ScanStep[], worstMs: number): Protocol => ({
    ...protocols.find(({ name }) => name === "modbus")!,
    connection: z
      .object({ serial: z.object({ port: z.string() }) })
      .transform(({ serial }) => ({ endpoint: serial, framing: "rtu" })),
    scanPlan: () => ({ asks: 10, worstMs }),
    lineSettings: (line) => [line],
    async *scan() {
      yield* steps;
    },
  });
  const device: ScanStep = {
    kind: "device",
    protocol: "modbus",
    connection: {},
    settings: { unit: 3 },
    profiles: [],
  };

  it("marks the devices that gateway.yaml has, and tells the cost before it begins", async () => {
    const known: KnownConnection = {
      id: "line",
      protocol: "modbus",
      settings: { endpoint: { port: "/dev/a" }, framing: "rtu" },
      devices: [{ id: "meter-3", settings: { unit: 3 } }],
    };
    const one = fake([device, { ...device, settings: { unit: 4 } }], 12_300);
    const more = { protocols: async () => [one], connections: async () => [known] };
    const steps = await scan(
      (context, signal) => scanJob(scanWhat({ port: "/dev/a" }), context, signal),
      () => {},
      more,
    );
    expect(devices(steps).map(({ known: id }) => id)).toEqual(["meter-3", undefined]);
    expect(steps[0]?.progress).toMatchObject({ done: 0, total: 10, leftS: 13 });
    expect(steps.at(-1)?.progress).toMatchObject({ done: 10, leftS: 0 });
    const named = await scan(
      (context, signal) => scanJob(scanWhat({ connection: "line" }), context, signal),
      () => {},
      more,
    );
    expect(devices(named)[0]?.known).toBe("meter-3");
    const other = await scan(
      (context, signal) => scanJob(scanWhat({ port: "/dev/b" }), context, signal),
      () => {},
      more,
    );
    expect(devices(other)[0]?.known).toBeUndefined();
  });

  it("bounds what it says", async () => {
    const one = fake(
      Array.from({ length: 900 }, (_, unit) => ({ ...device, settings: { unit } })),
      1000,
    );
    const steps = await scan(
      (context, signal) => scanJob(scanWhat({ port: "/dev/a" }), context, signal),
      () => {},
      { protocols: async () => [one] },
    );
    expect(devices(steps)).toHaveLength(500);
  });

  it("says only line settings where those were asked for", async () => {
    const settings: ScanStep = {
      kind: "settings",
      protocol: "modbus",
      connection: { serial: {} },
      whole: 2,
      damaged: 0,
    };
    const one = fake([device, settings], 1000);
    const steps = await scan(
      (context, signal) => lineSettingsJob(lineSettingsWhat({ port: "/dev/a" }), context, signal),
      () => {},
      { protocols: async () => [one] },
    );
    expect(steps.flatMap(({ finding }) => finding ?? [])).toEqual([settings]);
  });

  it.each([
    [{}, "bad-job"],
    [{ port: "/dev/a", host: "b" }, "bad-job"],
    [{ port: "/dev/a", effort: "much" }, "bad-job"],
    [{ port: "/dev/a", kind: 3 }, "bad-job"],
  ])("refuses %j", (what, code) => {
    expect(() => scanWhat(what)).toThrow(expect.objectContaining({ code }));
  });

  it("refuses what cannot be scanned", async () => {
    const ask = (what: object) =>
      scan(
        (context, signal) => scanJob(scanWhat(what), context, signal),
        () => {},
      );
    await expect(ask({ connection: "nowhere" })).rejects.toMatchObject({ code: "unknown-connection" });
    await expect(ask({ port: "/dev/a", protocol: "serial-frame" })).rejects.toMatchObject({
      code: "cannot-scan",
    });
  });

  it("has a cost for every protocol that scans", async () => {
    for (const { name, scan: can, scanPlan } of protocols.filter((one) => one.scan)) {
      expect([name, can !== undefined && scanPlan !== undefined]).toEqual([name, true]);
      const context = {
        protocols: async () => protocols,
        profiles: async () => profiles,
        connections: async () => [],
      };
      const { worstMs } = await scanCost(
        scanWhat({ port: "/dev/a", protocol: name }),
        context as unknown as ScanContext,
      );
      expect(worstMs).toBeGreaterThan(1000);
      expect(worstMs).toBeLessThan(1_000_000);
    }
  });
});
