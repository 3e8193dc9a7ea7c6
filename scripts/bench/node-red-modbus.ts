import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Bench, compared, failed, type Row } from "./bench.ts";
import { installed, installPeers } from "./peers.ts";
import { cpuSeconds, rssMb } from "./process.ts";
import { pointsPerDevice, startDaemon } from "./running-daemon.ts";

const devices = 10;
const everyMs = 1000;
const peer = "node-red-contrib-modbus";
const nodes = resolve(import.meta.dirname, "../../nodes");
/** Not counted: Node-RED is still starting. */
const warmUp = 5 * devices * pointsPerDevice;

interface Taken {
  readonly perSecond: number;
  /** From the device's answer to the node behind, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly cpuPerReadingUs: number;
  readonly rssMb: number;
}

/**
 * The same ten simulated Modbus devices, 100 values each once a second, one message per value: once through the
 * gateway and `stadsnod-reading`, once through node-red-contrib-modbus in Node-RED itself. Rows `cpuPerReading`: of
 * Node-RED's process; `cpuPerReading.withGateway` adds the gateway's own, which also stores and sends every reading.
 * The peer is installed from npm's registry; without network these rows fail.
 */
export const nodeRedModbus: Bench = {
  name: "nodered.modbus",
  title: `${devices * pointsPerDevice} values/s from ${devices} Modbus devices to a node, beside ${peer}`,
  method:
    "Ten simulated Modbus devices of 100 values each, once a second, one message per value, for 10,000 values (5,000 where quick) after 5 s that do not count: once through the gateway and `stadsnod-reading`, once through node-red-contrib-modbus in Node-RED itself. `cpuPerReading` is Node-RED's process; `withGateway` adds the gateway's own. Latency is from the device's answer to the node behind, quantiles over all values. One run each.",
  notComparable:
    "The gateway also plans, scales, stores every reading durably and sends it to a broker, and its latency includes the polling's own spacing; the peer does none of that.",
  run: async ({ quick, folder }) => {
    const readings = (quick ? 5 : 10) * devices * pointsPerDevice;
    await using gateway = await startDaemon(join(folder, "gateway"), {
      devices,
      every: `${everyMs}ms`,
      moments: true,
    });
    const gatewayBefore = cpuSeconds(gateway.pid);
    const started = performance.now();
    const ours = await measure(join(folder, "ours"), readings, {
      program: createRequire(import.meta.url).resolve("node-red/red.js"),
      nodes,
      flow: ourFlow(gateway.socket),
    });
    // A second of the gateway is a thousand readings.
    const gatewayPerReading =
      ((cpuSeconds(gateway.pid) - gatewayBefore) /
        (((performance.now() - started) / 1000) * devices * pointsPerDevice)) *
      1e6;
    const own: Row[] = [
      { name: "nodered.modbus.rate", value: ours.perSecond, unit: "1/s" },
      { name: "nodered.modbus.rss", value: ours.rssMb, unit: "MB" },
    ];
    const withGateway = ours.cpuPerReadingUs + gatewayPerReading;
    let theirs: Taken;
    try {
      await installPeers();
      theirs = await measure(join(folder, "peer"), readings, {
        program: join(installed, "node_modules/node-red/red.js"),
        nodes: join(installed, "node_modules/node-red-contrib-modbus"),
        flow: peerFlow(gateway.port),
      });
    } catch (error) {
      return [
        ...own,
        { name: "nodered.modbus.latency.p99", value: ours.p99, unit: "ms" },
        { name: "nodered.modbus.cpuPerReading", value: ours.cpuPerReadingUs, unit: "us" },
        failed(`nodered.modbus.peer (${peer})`, "us", error),
      ];
    }
    return [
      ...own,
      { name: "nodered.modbus.peer.rate", value: theirs.perSecond, unit: "1/s" },
      { name: "nodered.modbus.peer.cpuPerReading", value: theirs.cpuPerReadingUs, unit: "us" },
      { name: "nodered.modbus.peer.latency.p99", value: theirs.p99, unit: "ms" },
      compared("nodered.modbus.cpuPerReading", ours.cpuPerReadingUs, "us", peer, theirs.cpuPerReadingUs),
      compared("nodered.modbus.cpuPerReading.withGateway", withGateway, "us", peer, theirs.cpuPerReadingUs),
      compared("nodered.modbus.latency.p50", ours.p50, "ms", peer, theirs.p50),
      compared("nodered.modbus.latency.p99", ours.p99, "ms", peer, theirs.p99),
    ];
  },
};

/** A Node-RED without an editor, until its node `sink` has had so many readings. */
async function measure(
  user: string,
  readings: number,
  { program, nodes: folder, flow }: { program: string; nodes: string; flow: readonly object[] },
): Promise<Taken> {
  mkdirSync(user);
  const sink = {
    id: "sink",
    type: "function",
    z: "tab",
    func: sinkCode(readings),
    outputs: 0,
    libs: [],
    wires: [],
  };
  writeFileSync(join(user, "flows.json"), JSON.stringify([{ id: "tab", type: "tab" }, ...flow, sink]));
  writeFileSync(join(user, "package.json"), '{"name":"bench","private":true,"type":"commonjs"}');
  const settings = {
    flowFile: "flows.json",
    uiPort: 0,
    uiHost: "127.0.0.1",
    httpAdminRoot: false,
    httpNodeRoot: false,
    nodesDir: [folder],
    logging: { console: { level: "warn" } },
  };
  writeFileSync(join(user, "settings.js"), `module.exports = ${JSON.stringify(settings)};\n`);
  const child = spawn(
    process.execPath,
    [program, "--userDir", user, "--settings", join(user, "settings.js")],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error("cannot start Node-RED");
  const heard = Promise.withResolvers<Taken>();
  heard.promise.catch(() => {});
  let said = "";
  let cpu = 0;
  child.stderr.on("data", (chunk) => {
    said = (said + String(chunk)).slice(-2000);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    said = `${said}\n${line}`.slice(-2000);
    if (line.includes("bench begins")) cpu = cpuSeconds(pid);
    const found = /bench heard (\{.*\})/.exec(line)?.[1];
    if (found === undefined) return;
    const { p50, p99, seconds } = JSON.parse(found);
    heard.resolve({
      p50,
      p99,
      perSecond: readings / seconds,
      cpuPerReadingUs: ((cpuSeconds(pid) - cpu) / readings) * 1e6,
      rssMb: rssMb(pid),
    });
  });
  child.once("exit", () => heard.reject(new Error(`Node-RED ended: ${said}`)));
  const late = setTimeout(() => heard.reject(new Error(`no ${readings} readings in time: ${said}`)), 180_000);
  try {
    return await heard.promise;
  } finally {
    clearTimeout(late);
    child.kill("SIGKILL");
  }
}

/** Values are the wall clock's ms mod 65536. */
function sinkCode(readings: number): string {
  return `
const kept = context.get("kept") ?? { seen: 0, from: 0, times: [] };
if (kept.seen++ === 0) context.set("kept", kept);
if (kept.seen < ${warmUp}) return null;
if (kept.seen === ${warmUp}) { kept.from = Date.now(); node.warn("bench begins"); return null; }
if (kept.times.length === ${readings}) return null;
kept.times.push((Date.now() - msg.payload) & 0xffff);
if (kept.times.length < ${readings}) return null;
const sorted = kept.times.toSorted((a, b) => a - b);
const at = (share) => sorted[Math.floor(sorted.length * share)];
node.warn("bench heard " + JSON.stringify({ p50: at(0.5), p99: at(0.99), seconds: (Date.now() - kept.from) / 1000 }));
return null;`;
}

function ourFlow(socket: string): object[] {
  const gateway = {
    id: "gw",
    type: "stadsnod-gateway",
    name: "",
    connection: "socket",
    socket,
    url: "",
    fingerprint: "",
  };
  const reading = {
    id: "in",
    type: "stadsnod-reading",
    z: "tab",
    name: "",
    gateway: "gw",
    device: "*",
    point: "*",
    audience: "",
    emit: "all",
    everyS: 60,
    quality: "good",
    initial: false,
    wires: [["sink"]],
  };
  return [gateway, reading];
}

function peerFlow(port: number): object[] {
  const client = {
    id: "client",
    type: "modbus-client",
    name: "devices",
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
  };
  const reads = Array.from({ length: devices }, (_, index) => ({
    id: `read${index}`,
    type: "modbus-read",
    z: "tab",
    name: `unit ${index + 1}`,
    topic: "",
    showStatusActivities: false,
    logIOActivities: false,
    showErrors: false,
    showWarnings: false,
    unitid: String(index + 1),
    dataType: "InputRegister",
    adr: "0",
    quantity: String(pointsPerDevice),
    rate: String(everyMs),
    rateUnit: "ms",
    delayOnStart: false,
    enableDeformedMessages: false,
    startDelayTime: "",
    server: "client",
    useIOFile: false,
    ioFile: "",
    useIOForPayload: false,
    emptyMsgOnFail: false,
    wires: [["split"], []],
  }));
  const split = {
    id: "split",
    type: "function",
    z: "tab",
    func: "return [msg.payload.map((payload, index) => ({ payload, topic: msg.topic + '/p' + index }))];",
    outputs: 1,
    libs: [],
    wires: [["sink"]],
  };
  return [client, ...reads, split];
}
