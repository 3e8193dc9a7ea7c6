import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type LocalGateway, openLocalGateway } from "../../nodes/test/local-gateway.ts";
import { type Bench, failed, type Row } from "./bench.ts";
import { cpuSeconds, rssMb } from "./process.ts";

const perSecond = 1000;
const everyMs = 10;
const device = "lamp-1";
const point = "power";
/** Ends the flow's count. */
const last = -1;
const nodes = resolve(import.meta.dirname, "../../nodes");

interface Heard {
  readonly count: number;
  /** From the gateway's local API to the node behind the reading node, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** What a reading costs on its way into a flow: `stadsnod-reading` and a function that takes the time. */
export const nodeRedNodes: Bench = {
  name: "nodered.nodes",
  title: `${perSecond} readings/s through a flow of Node-RED, from the local API to the node behind stadsnod-reading`,
  method:
    "A stand-in for the gateway's local API tells 1,000 readings a second for 12 s (5 where quick) to a Node-RED without its editor, whose flow is `stadsnod-reading` and a function that takes the time. Latency is from the local API to that function, quantiles over all readings; processor time is Node-RED's whole process less what it uses when idle.",
  goals: {
    "nodered.nodes.latency.p99": { atMost: 50 },
    "nodered.nodes.missing": { atMost: 0 },
  },
  run: async ({ quick, folder }) => {
    try {
      return await measure(folder, quick ? 5 : 12);
    } catch (error) {
      return [failed("nodered.nodes.latency.p99", "ms", error)];
    }
  },
};

async function measure(folder: string, seconds: number): Promise<Row[]> {
  await using gateway = await openLocalGateway();
  const child = startNodeRed(folder, gateway.socket);
  try {
    await Promise.race([gateway.listened(), child.failed]);
    await sleep(3000);
    const idleFrom = cpuSeconds(child.pid);
    await sleep(5000);
    const idlePerSecond = (cpuSeconds(child.pid) - idleFrom) / 5;
    const before = cpuSeconds(child.pid);
    const started = performance.now();
    const told = await tell(gateway, seconds);
    gateway.tell({ device, point, value: last });
    const heard = await Promise.race([child.heard, child.failed]);
    const passed = (performance.now() - started) / 1000;
    const cpu = cpuSeconds(child.pid) - before - idlePerSecond * passed;
    return [
      { name: "nodered.nodes.latency.p50", value: heard.p50, unit: "ms" },
      { name: "nodered.nodes.latency.p99", value: heard.p99, unit: "ms" },
      { name: "nodered.nodes.latency.max", value: heard.most, unit: "ms" },
      { name: "nodered.nodes.rate", value: told / passed, unit: "1/s" },
      { name: "nodered.nodes.missing", value: told - heard.count, unit: "" },
      { name: "nodered.nodes.cpuPerReading", value: (cpu / told) * 1e6, unit: "us" },
      { name: "nodered.nodes.rss", value: rssMb(child.pid), unit: "MB" },
    ];
  } finally {
    child.kill();
  }
}

/** As many as are due by now, so that a late timer does not lower the rate. Resolves to their number. */
async function tell(gateway: LocalGateway, seconds: number): Promise<number> {
  const started = performance.now();
  const first = Date.now();
  const all = seconds * perSecond;
  for (let told = 0; told < all; ) {
    await sleep(everyMs);
    const due = Math.min(all, Math.floor(((performance.now() - started) / 1000) * perSecond));
    const from = told;
    // Two of a point with the same time would be one.
    const readings = Array.from({ length: due - told }, (_, index) => ({
      device,
      point,
      value: Date.now(),
      time: new Date(first + from + index).toISOString(),
    }));
    if (readings.length > 0) gateway.tell(...readings);
    told = due;
  }
  return all;
}

interface NodeRedChild {
  readonly pid: number;
  readonly heard: Promise<Heard>;
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>;
  kill(): void;
}

function startNodeRed(folder: string, socket: string): NodeRedChild {
  const user = join(folder, "node-red");
  mkdirSync(user);
  writeFileSync(join(user, "flows.json"), JSON.stringify(flow(socket)));
  const settings = {
    flowFile: "flows.json",
    uiPort: 0,
    uiHost: "127.0.0.1",
    httpAdminRoot: false,
    httpNodeRoot: false,
    nodesDir: [nodes],
    logging: { console: { level: "warn" } },
  };
  writeFileSync(join(user, "package.json"), '{"name":"bench","private":true,"type":"commonjs"}');
  writeFileSync(join(user, "settings.js"), `module.exports = ${JSON.stringify(settings)};\n`);
  const program = createRequire(import.meta.url).resolve("node-red/red.js");
  const child = spawn(
    process.execPath,
    [program, "--userDir", user, "--settings", join(user, "settings.js")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error("cannot start Node-RED");
  const heard = Promise.withResolvers<Heard>();
  let said = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    said = `${said}\n${line}`.slice(-2000);
    const found = /heard (\{.*\})/.exec(line)?.[1];
    if (found !== undefined) heard.resolve(JSON.parse(found));
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  child.once("exit", () => failed.reject(new Error(`Node-RED ended: ${said}`)));
  return { pid, heard: heard.promise, failed: failed.promise, kill: () => child.kill("SIGKILL") };
}

/** Keeps the time that each reading took, and tells of all of them at the end. */
const sink = `
const times = context.get("times") ?? [];
if (times.length === 0) context.set("times", times);
if (msg.payload !== ${last}) { times.push(Date.now() - msg.payload); return null; }
times.sort((a, b) => a - b);
const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
node.warn("heard " + JSON.stringify({ count: times.length, p50: at(0.5), p99: at(0.99), most: times.at(-1) }));
return null;`;

function flow(socket: string): object[] {
  return [
    { id: "tab", type: "tab", label: "bench" },
    { id: "gw", type: "stadsnod-gateway", name: "", connection: "socket", socket, url: "", fingerprint: "" },
    {
      id: "in",
      type: "stadsnod-reading",
      z: "tab",
      name: "",
      gateway: "gw",
      device,
      point,
      audience: "",
      emit: "all",
      everyS: 60,
      quality: "good",
      initial: true,
      wires: [["sink"]],
    },
    { id: "sink", type: "function", z: "tab", func: sink, outputs: 0, libs: [], wires: [] },
  ];
}
