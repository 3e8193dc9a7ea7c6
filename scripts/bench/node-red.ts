import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import { installed, installPeers } from "./peers.ts";
import { cpuSeconds, rssMb, startChild } from "./process.ts";

export interface NodeRedRun {
  readonly cpuPercent: number;
  /** What it really made of the rate it was told. */
  readonly readsPerSecond: number;
  readonly rssMb: number;
}

/**
 * Node-RED without its editor, with one flow: read `registers` input registers `perSecond` times a
 * second over TCP and decode them to unsigned 32-bit values in a function node, as its users do.
 */
export async function nodeRedCpuShare(options: {
  readonly folder: string;
  readonly registers: number;
  readonly perSecond: number;
  readonly durationMs: number;
  /** From the 50th request to the first that counts: start-up is over, and hot code compiled. */
  readonly warmUpMs: number;
}): Promise<NodeRedRun> {
  await installPeers();
  const device: SimulatorSettings = { wire: { kind: "tcp" }, units: [1] };
  await using simulator = await startChild<SimulatorReady, { readonly requests: number }>(
    "simulator.ts",
    device,
  );
  const user = join(options.folder, "node-red");
  mkdirSync(user);
  writeFileSync(join(user, "flows.json"), JSON.stringify(flow(simulator.ready.port, options)));
  const settings = {
    flowFile: "flows.json",
    uiPort: 0,
    uiHost: "127.0.0.1",
    httpAdminRoot: false,
    httpNodeRoot: false,
    nodesDir: [join(installed, "node_modules/node-red-contrib-modbus")],
    logging: { console: { level: "warn" } },
  };
  writeFileSync(
    join(user, "package.json"),
    JSON.stringify({ name: "bench", private: true, type: "commonjs" }),
  );
  writeFileSync(join(user, "settings.js"), `module.exports = ${JSON.stringify(settings)};\n`);
  const nodeRed = spawn(
    process.execPath,
    [
      join(installed, "node_modules/node-red/red.js"),
      "--userDir",
      user,
      "--settings",
      join(user, "settings.js"),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  for (const stream of [nodeRed.stdout, nodeRed.stderr]) {
    stream.on("data", (chunk) => {
      said = (said + String(chunk)).slice(-2000);
    });
  }
  const { pid } = nodeRed;
  if (pid === undefined) throw new Error("cannot start Node-RED");
  try {
    await polling(
      simulator,
      () => nodeRed.exitCode,
      () => said,
    );
    await sleep(options.warmUpMs);
    const cpu = cpuSeconds(pid);
    const requests = await simulator.ask("requests");
    const start = performance.now();
    await sleep(options.durationMs);
    const seconds = (performance.now() - start) / 1000;
    return {
      cpuPercent: ((cpuSeconds(pid) - cpu) / seconds) * 100,
      readsPerSecond: ((await simulator.ask("requests")) - requests) / seconds,
      rssMb: rssMb(pid),
    };
  } finally {
    nodeRed.kill("SIGKILL");
  }
}

/** Resolves after the 50th request. */
async function polling(
  simulator: { ask(question: "requests"): Promise<number> },
  exitCode: () => number | null,
  said: () => string,
): Promise<void> {
  const limit = performance.now() + 60_000;
  while ((await simulator.ask("requests")) < 50) {
    if (exitCode() !== null) throw new Error(`Node-RED ended: ${said()}`);
    if (performance.now() > limit) throw new Error(`Node-RED does not poll: ${said()}`);
    await sleep(200);
  }
}

function flow(
  port: number,
  { registers, perSecond }: { readonly registers: number; readonly perSecond: number },
) {
  return [
    { id: "a000000000000001", type: "tab", label: "bench" },
    {
      id: "a000000000000002",
      type: "modbus-client",
      name: "device",
      clienttype: "tcp",
      bufferCommands: true,
      stateLogEnabled: false,
      queueLogEnabled: false,
      failureLogEnabled: true,
      tcpHost: "127.0.0.1",
      tcpPort: String(port),
      tcpType: "DEFAULT",
      unit_id: 1,
      commandDelay: 1,
      clientTimeout: 1000,
      reconnectOnTimeout: true,
      reconnectTimeout: 2000,
      parallelUnitIdsAllowed: true,
    },
    {
      id: "a000000000000003",
      type: "modbus-read",
      z: "a000000000000001",
      x: 200,
      y: 100,
      name: "read",
      topic: "",
      showStatusActivities: false,
      logIOActivities: false,
      showErrors: false,
      showWarnings: false,
      unitid: "1",
      dataType: "InputRegister",
      adr: "0",
      quantity: String(registers),
      rate: String(1000 / perSecond),
      rateUnit: "ms",
      delayOnStart: false,
      enableDeformedMessages: false,
      startDelayTime: "",
      server: "a000000000000002",
      useIOFile: false,
      ioFile: "",
      useIOForPayload: false,
      emptyMsgOnFail: false,
      wires: [["a000000000000004"], []],
    },
    {
      id: "a000000000000004",
      type: "function",
      z: "a000000000000001",
      x: 200,
      y: 100,
      name: "decode",
      func: "const w = msg.payload; const v = new Array(w.length / 2); for (let i = 0; i < v.length; i++) v[i] = w[2 * i] * 65536 + w[2 * i + 1]; msg.payload = v; return msg;",
      outputs: 1,
      wires: [[]],
    },
  ];
}
