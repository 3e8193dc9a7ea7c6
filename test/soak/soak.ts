import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBroker } from "../../simulators/broker.ts";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPlatform, type Platform } from "../../simulators/platform.ts";
import { newFolder, program, startDaemon } from "../system/daemon.ts";
import { writeProfiles } from "../system/field.ts";
import { folderFigures, type ProcessFigures, processFigures } from "./process-figures.ts";

// The built daemon under a steady load, looked at from outside as long as somebody likes to wait.

export interface SoakOptions {
  /** Readings per second. */
  readonly points: number;
  readonly forMs: number;
  readonly everyMs: number;
  /** Keep a local history too: one thread and one SQLite file of at most `historyBytes` more. */
  readonly history: boolean;
  /** Negative control: a leak that is planted into the daemon. */
  readonly plant?: "memory" | "handles" | undefined;
  readonly onSample?: ((sample: SoakSample) => void) | undefined;
}

/** One look. */
export interface SoakSample extends ProcessFigures {
  /** Since the first look. */
  readonly ms: number;
  /** The gateway's folder without its local history: bytes that it takes on the disk, and files. */
  readonly disk: { readonly bytes: number; readonly files: number };
  /** The local history. */
  readonly historyBytes: number;
  /** Packs that wait in the outbox. */
  readonly waiting: number;
  /**
   * From the question to the answer of the daemon's own metrics, ms. The daemon keeps no measure of its
   * event loop; a loop that stalls answers late.
   */
  readonly answerMs: number;
  /** Readings that had arrived at the platform. */
  readonly readings: number;
}

export interface SoakResult {
  readonly samples: readonly SoakSample[];
  /** At the end, at the platform: packs that are missing, that came twice, that were given up. */
  readonly missing: number;
  readonly duplicates: number;
  readonly lost: number;
}

/** Its file may grow to this and no further. */
export const historyBytes = 16_000_000;
/** One request reads as much. */
const registers = 100;

/** One second's work of a street: devices of a hundred points, each read once a second, every value another one. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const units = Math.max(1, Math.round(options.points / registers));
  const folder = newFolder();
  writeProfiles(folder, { "test/counter": profile });
  if (options.plant) writeFileSync(join(folder, "leak.mjs"), leaks[options.plant]);
  const ids = Array.from({ length: units }, (_, index) => index + 1);
  await using field = await openModbusServer({
    listen: { tcp: 0 },
    units: Object.fromEntries(ids.map((unit) => [unit, counter()])),
  });
  await using broker = await openBroker({ port: 0 });
  await using platform = await openPlatform({ url: broker.url });
  await using daemon = await startDaemon({
    folder,
    yaml: configuration(broker.url, field.port, ids, options.history),
    through: asInstalled(),
    env: options.plant ? { NODE_OPTIONS: `--import=${join(folder, "leak.mjs")}` } : {},
  });
  await platform.until(() => platform.summary().readings >= 3 * units * registers);
  const samples: SoakSample[] = [];
  const began = performance.now();
  for (let look = 0; ; look++) {
    const sample = await sampleOf(daemon, platform, performance.now() - began);
    samples.push(sample);
    options.onSample?.(sample);
    if (sample.ms >= options.forMs) break;
    await Promise.race([
      sleep(Math.max(0, began + (look + 1) * options.everyMs - performance.now())),
      ended(),
    ]);
  }
  const { code } = await daemon.end("SIGTERM");
  if (code !== 0) throw new Error(`the daemon ended with ${code}:\n${daemon.output}`);
  const { missing, duplicates, lost } = platform.summary();
  rmSync(folder, { recursive: true, force: true });
  return { samples, missing, duplicates, lost };

  async function ended(): Promise<never> {
    const { code, signal } = await daemon.ended;
    throw new Error(`the daemon ended (${signal ?? code}):\n${daemon.output}`);
  }
}

async function sampleOf(
  { pid, folder, socket }: { readonly pid: number; readonly folder: string; readonly socket: string },
  platform: Platform,
  ms: number,
): Promise<SoakSample> {
  const figures = processFigures(pid);
  const store = join(folder, "store");
  const isHistory = (name: string) => name.startsWith("history.sqlite");
  const asked = performance.now();
  const metrics = await metricsOf(socket);
  const answerMs = performance.now() - asked;
  return {
    ...figures,
    ms,
    disk: folderFigures(store, (name) => !isHistory(name)),
    historyBytes: folderFigures(store, isHistory).bytes,
    waiting: Number(/^stadsnod_outbox_packs\{[^}]*\} (\d+)/m.exec(metrics)?.[1]),
    answerMs,
    readings: platform.summary().readings,
  };
}

/** With the options of Node that the program's first line asks for, as the installed unit runs it: they bound its heap. */
function asInstalled(): string[] {
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  const flags = /\bnode((?: --?[\w=-]+)+)$/.exec(first)?.[1];
  if (flags === undefined) throw new Error(`${program} does not say how Node is to run it`);
  return ["/bin/sh", "-c", `node=$1; shift; exec "$node"${flags} "$@"`, "sh"];
}

function metricsOf(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: "/metrics" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text)).on("error", reject);
    });
    asked.on("error", reject).end();
  });
}

/** Every answer is numbered, and register j holds number + j: no value is reported twice, so each poll is a hundred readings. */
function counter(): UnitSettings {
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

const profile = `profile: test/counter
version: 1.0.0
title: A hundred counters
manufacturer: Test
models: [C]
category: energy-meter
sources: [{document: made for the soak}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
${Array.from({ length: registers }, (_, j) => `  r${j}: {at: {holding: ${j}}, unit: count, class: fast}`).join("\n")}
`;

function configuration(broker: string, port: number, units: readonly number[], history: boolean): string {
  const devices = units.map(
    (unit) => `  counter-${unit}: {profile: test/counter, connection: field, unit: ${unit}, audience: open}`,
  );
  return `gateway: {id: gw-soak, pen: 32474}
profiles: [device-profiles]
connections: {field: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${port}}}}
devices:
${devices.join("\n")}
poll: {fast: 1s}
northbound: {city: {type: mqtt, url: "${broker}"}}
storage: {folder: store, maxBytes: 200MB}
${history ? `history: {maxAge: 1h, maxBytes: ${historyBytes / 1e6}MB, personal: true}\n` : ""}log: {level: warn}
`;
}

/** About 60 MB, or 360 descriptors, an hour. */
const leaks = {
  memory: "const kept = []; setInterval(() => kept.push(new Uint8Array(17_000).fill(1)), 1000);\n",
  handles: 'import { openSync } from "node:fs"; setInterval(() => openSync("/dev/null", "r"), 10_000);\n',
};
