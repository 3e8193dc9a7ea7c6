// The desk with its ledger on a real disk, over a field that does everything at once.
import { randomUUID } from "node:crypto";
import { encode } from "cborg";
import { makeCommandCodec } from "../../../gateway/commands/command-codec.ts";
import { openDesk } from "../../../gateway/commands/desk.ts";
import { defaultRules } from "../../../gateway/commands/rules.ts";
import type { Device } from "../../../gateway/model/device.ts";
import { silentLog } from "../../../gateway/model/log.ts";
import { openClock } from "../../../gateway/store/clock.ts";
import { openFolderDisk } from "../../../gateway/store/folder-disk.ts";
import { device } from "../gateway.ts";
import { answer, settings, tell } from "./child.ts";

export interface DeskSettings {
  readonly folder: string;
  /** Commands on their way to the ledger at once, each to a device of its own. */
  readonly parallel: number;
  readonly seconds: number;
}

export interface DeskResult {
  /** Durably accepted, and with a durable last word. */
  readonly commands: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface DeskAnswers {
  readonly run: DeskResult;
}

const { folder, parallel, seconds } = settings<DeskSettings>();
const clock = openClock({ floor: 0, trust: "always" });
const devices = new Map(Array.from({ length: parallel }, (_, index) => [`lamp-${index}`, lamp(index)]));

function lamp(index: number): Device {
  const plain = device(1, { registers: 1, type: "u16" });
  const points = plain.profile.points.map((point) => ({
    ...point,
    rawKind: "integer" as const,
    write: {
      address: point.address,
      rawKind: "integer" as const,
      steps: [{ kind: "set" as const, point: point.name }],
      confirm: "none" as const,
    },
  }));
  return { ...plain, id: `lamp-${index}`, profile: { ...plain.profile, points } };
}

const unbounded = { count: 1_000_000, ageMs: 86_400_000, refused: 1000, growthBytes: 64 * 1024 * 1024 };
const desk = await openDesk({
  rules: () => ({
    ...defaultRules,
    issuers: new Map([["city", { devices: ["*"], points: ["*"], priority: "operator" }]]),
  }),
  clock,
  random: Math.random,
  log: silentLog,
  disk: await openFolderDisk(folder),
  field: {
    device: (id) => devices.get(id),
    latest: () => undefined,
    write: async (_device, order) => {
      const prepared = order.prepare(new Map());
      if ("refuse" in prepared) throw new Error(prepared.detail);
      order.progress?.("writing");
      return { value: prepared.value, unchanged: false, readings: [] };
    },
  },
  answerers: { answer: async () => {}, connected: async () => {} },
  northbounds: () => ["city"],
  links: { linkUp: () => true, onChange: () => ({ [Symbol.dispose]: () => {} }) },
  audit: { record: async () => {} },
  codec: makeCommandCodec({ gateway: "bench-01", trust: new Map() }),
  retention: unbounded,
});

answer({
  run: async (): Promise<DeskResult> => {
    let commands = 0;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const lane = async (id: string): Promise<void> => {
      while (performance.now() - start < seconds * 1000) {
        const order = {
          id: randomUUID(),
          point: "p0",
          value: ++commands % 60_000,
          issuer: "city",
          expiresIn: 1000,
        };
        await desk.receive("city", {
          device: id,
          body: encode(order),
          retained: false,
          properties: new Map(),
        });
        await clock.sleep(0);
      }
    };
    await Promise.all(Array.from(devices.keys(), lane));
    const took = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const { accepted, refused } = desk.status();
    if (Object.keys(refused).length > 0) throw new Error(JSON.stringify(refused));
    if (accepted < commands) throw new Error(`${accepted} of ${commands} were accepted`);
    return { commands, seconds: took, cpuSeconds: (user + system) / 1e6 };
  },
});
tell({});
