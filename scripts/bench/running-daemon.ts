import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { openBroker } from "../../simulators/broker.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import { startChild } from "./process.ts";

const program = resolve(import.meta.dirname, "../../dist/stadsnod.js");

/** As the program's first line asks for them. */
function programFlags(): string[] {
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  return first.split(" ").filter((word) => word.startsWith("--"));
}

export const pointsPerDevice = 100;

/** The daemon as it is shipped, with a simulated device behind each address and a broker in this process. */
export interface RunningDaemon extends AsyncDisposable {
  readonly pid: number;
  /** From the start of the process until the first pack stood at the broker. */
  readonly firstMessageMs: number;
  /** Path of its local API. */
  readonly socket: string;
  /** TCP port of the devices. */
  readonly port: number;
  /** Requests that the devices have got. */
  requests(): Promise<number>;
  /** The same of each device. */
  perUnit(): Promise<readonly number[]>;
}

/** Starts one; `more` of gateway.yaml replaces what stands there. */
export async function startDaemon(
  folder: string,
  {
    devices,
    every,
    moments = false,
    writable,
    more = {},
  }: {
    readonly devices: number;
    readonly every: string;
    readonly moments?: boolean;
    /** Name of one more point, which can be written: holding register 0. */
    readonly writable?: string;
    readonly more?: Readonly<Record<string, unknown>>;
  },
): Promise<RunningDaemon> {
  await using stack = new AsyncDisposableStack();
  const units = Array.from({ length: devices }, (_, index) => index + 1);
  const line: SimulatorSettings = { wire: { kind: "tcp" }, units, moments };
  const simulator = stack.use(
    await startChild<SimulatorReady, { readonly requests: number; readonly perUnit: number[] }>(
      "simulator.ts",
      line,
    ),
  );
  const broker = stack.use(await openBroker({ port: 0 }));
  const platform = await connectAsync(broker.url);
  stack.defer(() => platform.endAsync(true));
  await platform.subscribeAsync("stadsnod/v1/+/telemetry/#", { qos: 1 });
  mkdirSync(join(folder, "profiles/bench"), { recursive: true });
  writeFileSync(join(folder, "profiles/bench/registers.yaml"), profile(writable));
  writeFileSync(
    join(folder, "gateway.yaml"),
    JSON.stringify({ ...configuration(units, every, simulator.ready.port, broker.url), ...more }),
  );

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
    socket: join(folder, socket),
    port: simulator.ready.port,
    requests: () => simulator.ask("requests"),
    perUnit: () => simulator.ask("perUnit"),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

const socket = "data/stadsnod.sock";

/** 100 registers, each a point. JSON is YAML. */
function profile(writable: string | undefined): string {
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
    points: {
      ...points,
      ...(writable === undefined
        ? {}
        : { [writable]: { at: { holding: 0, type: "u16" }, unit: "%", write: { range: [0, 100] } } }),
    },
  });
}

function configuration(units: readonly number[], every: string, port: number, url: string): object {
  return {
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
    local: { socket },
    log: { level: "warn" },
    clock: { trust: "always" },
  };
}
