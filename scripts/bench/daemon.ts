import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { openBroker } from "../../simulators/broker.ts";
import { type Bench, failed, median, type Row } from "./bench.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import { cpuSeconds, rssMb, startChild } from "./process.ts";

const program = resolve(import.meta.dirname, "../../dist/stadsnod.js");

/** As the program's first line asks for them. */
function programFlags(): string[] {
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  return first.split(" ").filter((word) => word.startsWith("--"));
}
const pointsPerDevice = 100;

/** The whole daemon as it is shipped, against a simulated line of devices and a real broker. */
export const daemon: Bench = {
  name: "daemon",
  title: "start-up, memory and processor time of the whole daemon",
  run: async ({ quick, folder }) => {
    const rows: Row[] = [];
    const measured = async (name: string, unit: string, measure: () => Promise<Row[]>): Promise<void> => {
      try {
        rows.push(...(await measure()));
      } catch (error) {
        rows.push(failed(name, unit, error));
      }
    };
    await measured("daemon.start.s", "s", async () => {
      const starts: number[] = [];
      for (let round = 0; round < (quick ? 3 : 7); round++) {
        await using run = await startDaemon(join(folder, `start-${round}`), { devices: 1, every: "1s" });
        starts.push(run.firstMessageMs / 1000);
      }
      return [{ name: "daemon.start.s", value: median(starts), unit: "s" }];
    });
    await measured("daemon.rss.idle.MB", "MB", async () => {
      await using run = await startDaemon(join(folder, "idle"), { devices: 1, every: "60s" });
      await sleep(quick ? 5000 : 20_000);
      return [{ name: "daemon.rss.idle.MB", value: rssMb(run.pid), unit: "MB" }];
    });
    await measured("daemon.rss.10kPoints.MB", "MB", async () => {
      await using run = await startDaemon(join(folder, "full"), { devices: 100, every: "1s" });
      await sleep(3000);
      const cpu = cpuSeconds(run.pid);
      const requests = await run.requests();
      const start = performance.now();
      await sleep(quick ? 10_000 : 60_000);
      const seconds = (performance.now() - start) / 1000;
      const points = (((await run.requests()) - requests) * pointsPerDevice) / seconds;
      const rss = rssMb(run.pid);
      const share = ((cpuSeconds(run.pid) - cpu) / seconds) * 100;
      // A daemon that falls behind needs less memory: then the figure means nothing.
      if (points < 9800) throw new Error(`only ${points.toFixed(0)} points per second were read`);
      return [
        { name: "daemon.rss.10kPoints.MB", value: rss, unit: "MB" },
        { name: "daemon.cpu.10kPoints", value: share, unit: "%" },
        { name: "daemon.pointsPerSecond", value: points, unit: "1/s" },
      ];
    });
    return rows;
  },
};

interface RunningDaemon extends AsyncDisposable {
  readonly pid: number;
  /** From the start of the process until the first pack stood at the broker. */
  readonly firstMessageMs: number;
  /** Requests that the devices have got. */
  requests(): Promise<number>;
}

async function startDaemon(
  folder: string,
  { devices, every }: { readonly devices: number; readonly every: string },
): Promise<RunningDaemon> {
  await using stack = new AsyncDisposableStack();
  const units = Array.from({ length: devices }, (_, index) => index + 1);
  const line: SimulatorSettings = { wire: { kind: "tcp" }, units };
  const simulator = stack.use(
    await startChild<SimulatorReady, { readonly requests: number }>("simulator.ts", line),
  );
  const broker = stack.use(await openBroker({ port: 0 }));
  const platform = await connectAsync(broker.url);
  stack.defer(() => platform.endAsync(true));
  await platform.subscribeAsync("stadsnod/v1/+/telemetry/#", { qos: 1 });
  mkdirSync(join(folder, "profiles/bench"), { recursive: true });
  writeFileSync(join(folder, "profiles/bench/registers.yaml"), profile());
  writeFileSync(join(folder, "gateway.yaml"), configuration(units, every, simulator.ready.port, broker.url));

  const start = performance.now();
  const process_ = spawn(process.execPath, [...programFlags(), program, "run", "gateway.yaml"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  process_.stderr.on("data", (chunk) => {
    said = (said + String(chunk)).slice(-2000);
  });
  const ended = once(process_, "exit");
  stack.defer(async () => {
    process_.kill("SIGTERM");
    await ended;
  });
  const { pid } = process_;
  if (pid === undefined) throw new Error(`cannot start ${program}`);
  await Promise.race([
    new Promise<void>((resolve) => platform.once("message", () => resolve())),
    ended.then(([code]) => {
      throw new Error(`the daemon ended with ${code}: ${said.trim().split("\n").slice(-3).join(" ")}`);
    }),
    sleep(20_000, undefined, { ref: false }).then(() => {
      throw new Error(`the daemon sent nothing within 20 s: ${said.trim().split("\n").slice(-3).join(" ")}`);
    }),
  ]);
  const firstMessageMs = performance.now() - start;
  const closing = stack.move();
  return {
    pid,
    firstMessageMs,
    requests: () => simulator.ask("requests"),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** 100 registers, each a point. JSON is YAML. */
function profile(): string {
  const points = Object.fromEntries(
    Array.from({ length: pointsPerDevice }, (_, index) => [
      `p${index}`,
      { at: { input: index, type: "u16" }, unit: "W", kind: "gauge", class: "fast" },
    ]),
  );
  return JSON.stringify({
    profile: "bench/registers",
    version: "1.0.0",
    title: { en: "Registers that hold their address" },
    manufacturer: "Bench",
    models: ["registers"],
    category: "energy-meter",
    sources: [{ document: "scripts/bench" }],
    status: "draft",
    protocol: "modbus",
    modbus: { addressing: "protocol" },
    points,
  });
}

function configuration(units: readonly number[], every: string, port: number, url: string): string {
  return JSON.stringify({
    gateway: { id: "bench-01", pen: 32473 },
    profiles: ["profiles"],
    connections: { line: { protocol: "modbus", tcp: { host: "127.0.0.1", port } } },
    devices: Object.fromEntries(
      units.map((unit) => [`unit-${unit}`, { profile: "bench/registers", connection: "line", unit }]),
    ),
    poll: { fast: every, normal: every, slow: every },
    northbound: { city: { type: "mqtt", url } },
    storage: { folder: "data" },
    telemetry: { maxAge: "200ms", maxReadings: 1000 },
    local: { socket: "data/stadsnod.sock" },
    log: { level: "warn" },
    clock: { trust: "always" },
  });
}
