import { type City, flowPoint } from "./city.ts";
import { nextReport, orMachineEnds, type Report } from "./field-trial.ts";
import type { Machine } from "./qemu.ts";

// Node-RED on a gateway: an operator deploys a flow, and what it computes is a reading like any other.

export interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

/** What a gateway with Node-RED says of it. */
export interface NodeRedFacts {
  /** Status of the editor's flows without a login. */
  readonly stranger: number;
  /** Of the operator's deploy. */
  readonly deployed: number;
  /** Our nodes that its editor offers. */
  readonly types: readonly string[];
  /** As systemd counts. */
  readonly exposure: number;
  /** Addresses that Node-RED listens on. */
  readonly listens: readonly string[];
  /** Of Node-RED's process, as in /proc: Uid, Groups, CapEff, NoNewPrivs, Nice, oom_score_adj. */
  readonly process: Readonly<Record<string, string>>;
  /** What becomes of somebody who, as Node-RED's account, opens the gateway's socket. */
  readonly door: string;
  /** What the supervisor says. */
  readonly status: { readonly state: string; readonly memoryMB?: number };
  /** Seconds from this program's start until the flow ran. */
  readonly seconds: number;
}

export interface NodeRedTrial {
  readonly facts: NodeRedFacts;
  readonly report: Report;
  /** What the flow made of the meter's 230.5 V, as the city got it. */
  readonly value: unknown;
}

/** A program for a gateway, as root: makes an operator, who deploys the flow; then prints `FLOW` and the facts in one line. */
export function flowProgram(flow: readonly FlowNode[]): string {
  return `const { execFileSync } = require("node:child_process");
const { readdirSync, readFileSync } = require("node:fs");
const { request } = require("node:http");
const gateway = { socketPath: "/run/stadsnod/stadsnod.sock" };
const editor = { host: "127.0.0.1", port: 1880 };
const ask = (where, path, { method = "GET", token, body } = {}) => new Promise((resolve, reject) => {
  const headers = { accept: "application/json", "node-red-api-version": "v2" };
  if (token) headers.authorization = "Bearer " + token;
  if (body) headers["content-type"] = "application/json";
  const asked = request({ ...where, path, method, headers }, (answer) => {
    let text = "";
    answer.setEncoding("utf8").on("data", (more) => { text += more; });
    answer.once("end", () => resolve({ status: answer.statusCode, text }));
  });
  asked.once("error", reject);
  asked.end(body && JSON.stringify(body));
});
const must = async (...given) => {
  const { status, text } = await ask(...given);
  if (status !== 200 && status !== 201) throw new Error(given[1] + ": " + status + " " + text);
  return JSON.parse(text);
};
const patiently = async (work) => {
  for (let left = 600; ; left--) {
    try { return await work(); } catch (error) { if (left === 0) throw error; }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
};
const said = (program, ...args) => execFileSync(program, args, { encoding: "utf8" });
const connects = 'require("node:net").connect("/run/stadsnod/stadsnod.sock").on("connect", () => console.log("open")).on("error", ({ code }) => console.log(code))';

async function operator() {
  const user = "operator-" + process.pid;
  const { password } = await must(gateway, "/v1/users", { method: "POST", body: { name: user, role: "operator" } });
  const { token } = await must(gateway, "/v1/login", { method: "POST", body: { user, password } });
  const changed = "quite-another-" + password;
  await ask(gateway, "/v1/password", { method: "POST", token, body: { old: password, new: changed } });
  return (await must(gateway, "/v1/login", { method: "POST", body: { user, password: changed } })).token;
}

/** Of the one process that is Node-RED, known by its account: it calls itself as it likes. */
function processFacts() {
  const uid = said("id", "-u", "stadsnod-nodered").trim();
  for (const pid of readdirSync("/proc").filter((name) => /^\\d+$/.test(name))) {
    const file = (name) => { try { return readFileSync("/proc/" + pid + "/" + name, "utf8"); } catch { return ""; } };
    if (!file("status").includes("Uid:\\t" + uid + "\\t")) continue;
    const facts = { nice: file("stat").split(") ")[1].split(" ")[16], oom_score_adj: file("oom_score_adj").trim() };
    for (const name of ["Uid", "Groups", "CapEff", "CapPrm", "NoNewPrivs", "Seccomp"])
      facts[name] = new RegExp("^" + name + ":[ \\\\t]*(.*?)[ \\\\t]*$", "m").exec(file("status"))?.[1];
    return facts;
  }
}

(async () => {
  const since = process.uptime();
  const token = await patiently(operator);
  const stranger = await patiently(() => ask(editor, "/flows"));
  const flows = ${JSON.stringify(flow)};
  const deployed = await ask(editor, "/flows", { method: "POST", token, body: { flows } });
  const seconds = Math.round(process.uptime() - since);
  const types = (await must(editor, "/nodes", { token })).flatMap((set) => set.types).filter((type) => type.startsWith("stadsnod-"));
  const account = ["--reuid=stadsnod-nodered", "--regid=stadsnod-nodered", "--clear-groups"];
  // What it says comes when it has been started, a second later.
  const status = await patiently(async () => {
    const found = JSON.parse(said("stadsnod", "node-red", "status", "/etc/stadsnod/gateway.yaml", "--json"));
    if (found.state !== "running") throw new Error(found.state);
    return found;
  });
  console.log("FLOW " + JSON.stringify({
    stranger: stranger.status, deployed: deployed.status, types, seconds, status, process: processFacts(),
    exposure: Number(/level for \\S+: ([\\d.]+)/.exec(said("systemd-analyze", "security", "--no-pager", "stadsnod-node-red.service"))?.[1]),
    listens: said("ss", "-Htlnp").split("\\n").map((line) => line.split(/\\s+/)[3] ?? "").filter((at) => at.endsWith(":1880")),
    door: said("setpriv", ...account, process.execPath, "-e", connects).trim(),
  }));
})();
`;
}

const place = { z: "tab", gateway: "gateway" };

/** Twice the meter's voltage, handed in as a reading of its own. */
const twice: readonly FlowNode[] = [
  { id: "tab", type: "tab", label: "twice" },
  { id: "gateway", type: "stadsnod-gateway", connection: "socket", socket: "", url: "", fingerprint: "" },
  {
    ...place,
    id: "in",
    type: "stadsnod-reading",
    device: "meter",
    point: "voltage_l1",
    audience: "",
    emit: "all",
    everyS: 60,
    quality: "good",
    initial: true,
    wires: [["twice"]],
  },
  {
    id: "twice",
    type: "function",
    z: "tab",
    func: "return { payload: msg.payload * 2 };",
    outputs: 1,
    libs: [],
    wires: [["out"]],
  },
  { ...place, id: "out", type: "stadsnod-publish", point: flowPoint, wires: [] },
];

/** What a gateway is given besides, by QEMU, to be tried with Node-RED: for `switchOn`. */
export const nodeRedUnits: Readonly<Record<string, string>> = {
  "flow.cjs": flowProgram(twice),
  "flow.service": `[Unit]
After=stadsnod.service
[Service]
Type=exec
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
ExecStart=/opt/stadsnod/bin/node /run/systemd/system/flow.cjs
`,
};

/** Watches a gateway that was just switched on with `nodeRedUnits` until what its flow computes has come to the city. */
export async function nodeRedTrial(machine: Machine, city: City): Promise<NodeRedTrial> {
  const arrived = city.reading(({ name }) => name.endsWith(flowPoint));
  const report = await nextReport(machine, 900);
  const [, line = ""] = await machine.seen(/FLOW (\{.*\})\n/, 900);
  const { value } = await orMachineEnds(machine, arrived, 300);
  return { facts: JSON.parse(line), report, value };
}
