import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPlatform, type RecordLine } from "../../simulators/platform.ts";
import { type Daemon, newFolder, run, startDaemon } from "../system/daemon.ts";
import { writeProfiles } from "../system/field.ts";
import { startMosquitto } from "./mosquitto.ts";

/** Seconds that the broker is away. */
const outageS = Number(process.env.STADSNOD_OUTAGE_S ?? 60);
const units = Array.from({ length: 10 }, (_, index) => index + 1);
const registers = 100;

/** Every answer is numbered, and register j holds number + j: each reading says by itself in which answer it was. */
function numbered(): UnitSettings {
  let answers = 0;
  return {
    registers: { holding: { 0: "0000".repeat(registers) } },
    scene: (held) => {
      answers++;
      held.set(
        "holding",
        0,
        Array.from({ length: registers }, (_, j) => (answers + j) & 0xffff),
      );
    },
  };
}

const points = Array.from(
  { length: registers },
  (_, j) => `  r${j}: {at: {holding: ${j}}, unit: count, class: fast}`,
);
const profile = `profile: test/counter
version: 1.0.0
title: A hundred counters
manufacturer: Test
models: [C]
category: energy-meter
sources: [{document: made for the test}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
${points.join("\n")}
`;

function configuration(broker: string, port: number, withDevices = true): string {
  const devices = units.map(
    (unit) => `  counter-${unit}: {profile: test/counter, connection: field, unit: ${unit}, audience: open}`,
  );
  return `gateway: {id: gw-outage, pen: 32474}
profiles: [device-profiles]
connections: {field: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${port}}}}
${withDevices ? `devices:\n${devices.join("\n")}` : "devices: {}"}
poll: {fast: 1s}
northbound: {city: {type: mqtt, url: "${broker}"}}
storage: {folder: store, maxBytes: 200MB}
telemetry: {maxAge: 1s}
`;
}

interface Dumped {
  readonly type: string;
  readonly head?: {
    readonly run: string;
    readonly audience: string;
    readonly seq: number;
    readonly readings: number;
  };
}

/** The packs that are on disk, as the gateway's own dump tells. */
async function packsOnDisk(folder: string): Promise<Required<Dumped>["head"][]> {
  const { code, out, err } = await run(["outbox", "gateway.yaml", "--json"], { cwd: folder });
  // A kill may leave half a record at the end: damage, exit code 1, and no pack.
  expect([0, 1], err).toContain(code);
  return out
    .split("\n")
    .filter(Boolean)
    .map((line): Dumped => JSON.parse(line))
    .flatMap(({ type, head }) => (type === "pack" && head ? [head] : []));
}

describe("an outage of the broker with two kills of the gateway", () => {
  it(`delivers every stored reading once, after ${outageS} s at 1,000 points/s`, {
    timeout: 300_000,
  }, async () => {
    const folder = newFolder();
    const record = join(folder, "record.jsonl");
    writeProfiles(folder, { "test/counter": profile });
    await using field = await openModbusServer({
      listen: { tcp: 0 },
      units: Object.fromEntries(units.map((unit) => [unit, numbered()])),
    });
    // All that the broker has acknowledged must be on its way to the platform: it forgets everything else.
    const settings = { config: ["allow_anonymous true", "max_inflight_messages 0"] };
    let broker = await startMosquitto({ port: 0, ...settings });
    const { port } = new URL(broker.url);
    const seen = new Map<string, number>();
    let twice = 0;
    const platform = await openPlatform({
      url: broker.url,
      record,
      client: { reconnectPeriod: 50 },
      onReading: ({ name, value }) => {
        const [, device, j] = /-(counter-\d+):r(\d+)$/.exec(name) ?? [];
        const key = `${device} ${j} ${(Number(value) - Number(j)) & 0xffff}`;
        if (seen.has(key)) twice++;
        seen.set(key, 1);
      },
    });
    const start = (withDevices = true): Promise<Daemon> =>
      startDaemon({ folder, yaml: configuration(broker.url, field.port, withDevices) });
    const onDisk: Required<Dumped>["head"][] = [];
    try {
      let daemon = await start();
      await platform.until(() => platform.summary().readings >= 3 * units.length * registers);

      const answersBefore = units.reduce((sum, unit) => sum + field.unit(unit).requests, 0);
      await broker.stop();
      await sleep((outageS * 1000) / 2);
      await daemon.end("SIGKILL");
      onDisk.push(...(await packsOnDisk(folder)));
      daemon = await start();
      await sleep((outageS * 1000) / 2);
      await daemon.end("SIGKILL");
      onDisk.push(...(await packsOnDisk(folder)));
      const answers = units.reduce((sum, unit) => sum + field.unit(unit).requests, 0) - answersBefore;

      broker = await startMosquitto({ port: Number(port), ...settings });
      while (!broker.log.some((line) => /Sending SUBACK to city-platform/.test(line))) await sleep(10);
      daemon = await start();
      const backlog = new Set(onDisk.map(({ run, seq }) => `${run} ${seq}`)).size;
      await platform.until(() => platform.summary().packs >= backlog + 3 * units.length);
      await daemon.until(({ northbound }) => {
        return northbound[0]!.outbox.lanes.backlog === 0;
      });
      expect((await daemon.end("SIGTERM")).code).toBe(0);

      // A gateway without devices adds nothing and tells what its earlier runs stored.
      daemon = await start(false);
      await daemon.until(({ northbound }) => northbound[0]!.outbox.packs === 0);
      await platform.until(() => {
        const state = platform.state("gw-outage") as { state?: string; previous?: unknown[] } | undefined;
        return state?.state === "online" && state.previous?.length === 3;
      });
      const audit = await run(["audit", record, "--socket", daemon.socket]);
      process.stdout.write(audit.out);
      expect(audit).toMatchObject({ code: 0, err: "" });
      const { out } = await run(["audit", record, "--offline", "--json"]);
      const result = JSON.parse(out) as Record<string, number> & {
        streams: { received: number; expected: number }[];
      };
      expect(result).toMatchObject({ missing: 0, lost: 0 });
      expect(result.streams).toHaveLength(3);
      expect(result.packs).toBe(result.received);
      expect(audit.out).toContain(
        `${result.packs} of ${result.packs} packs accounted: ${result.received} received with ${result.readings} readings, each once; 0 given up and reported;`,
      );
      await daemon.end("SIGTERM");

      // The dump of the disk after each kill: whatever was on it has arrived.
      const lines = readFileSync(record, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line): RecordLine => JSON.parse(line));
      const arrived = new Set<string>();
      for (const line of lines) {
        if (line.type !== "pack") continue;
        for (let seq = line.seq; seq <= line.seqTo; seq++) arrived.add(`${line.run} ${seq}`);
      }
      expect(onDisk.length).toBeGreaterThan((outageS * 1000) / 200);
      expect(onDisk.filter(({ run, seq }) => !arrived.has(`${run} ${seq}`))).toEqual([]);

      // The devices' own numbers: no answer's register came twice, and what is missing was in memory at a kill.
      expect(twice).toBe(0);
      expect(seen.size).toBe(result.readings);
      const holes: string[] = [];
      for (const unit of units) {
        for (let j = 0; j < registers; j++) {
          const last = field.unit(unit).requests;
          let runs = 0;
          let missing = 0;
          for (let answer = 1; answer <= last; answer++) {
            if (seen.has(`counter-${unit} ${j} ${answer}`)) continue;
            missing++;
            if (seen.has(`counter-${unit} ${j} ${answer - 1}`)) runs++;
          }
          // Two kills, each at the cost of a pack that was still open: at most one second and the poll on its way.
          if (runs > 2 || missing > 6)
            holes.push(`counter-${unit} r${j}: ${missing} missing in ${runs} places`);
        }
      }
      expect(holes).toEqual([]);
      // It was really 1,000 points per second, but for the two starts.
      expect(answers).toBeGreaterThan(units.length * (outageS - 6) * 0.9);
      process.stdout.write(
        `${answers * registers} readings taken in the outage of ${outageS} s; ${backlog} packs on disk at the kills, all arrived; ${seen.size} readings in all, none twice\n`,
      );
    } finally {
      await platform[Symbol.asyncDispose]();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
