import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { badFlow, badFlowNames } from "./bad-flows.ts";
import { type Bench, compared, quantile, type Row } from "./bench.ts";
import { commonMs } from "./process.ts";
import { type RunningDaemon, startDaemon } from "./running-daemon.ts";

const program = resolve(import.meta.dirname, "../../dist/stadsnod.js");
const point = "set";

interface Felt {
  /** Of a device that nobody commands. */
  readonly pollsPerSecond: number;
  /** From POST /v1/commands to the last word, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/**
 * What a daemon feels of flows that go wrong beside it, under `stadsnod node-red`: polls per second, and commands of
 * somebody else from asking to the last word, beside the same daemon before Node-RED is started.
 * The flood's 10,000 messages per second command another device; all others fill a processor or the memory.
 */
export const nodeRedFlows: Bench = {
  name: "nodered.flows",
  title: "polls and commands of the daemon beside flows that loop, leak, flood and throw",
  method:
    "The daemon with `stadsnod node-red` beside it and a flow that loops for ever, leaks, floods (10,000 messages a second that command another device) or throws at start; each 15 s with and 15 s without Node-RED. Polls of a device that nobody commands, and quantiles of some 55 commands, four a second, from the request to the last word. The goal is that nothing changes; taken for that are polls of at least nine tenths and a median of commands of at most eleven tenths.",
  notComparable:
    "Beside itself without Node-RED, in the same run; on two processors a flow that fills one of them is felt by the other's work.",
  goals: Object.fromEntries(
    badFlowNames.flatMap((name) => [
      [`nodered.flows.${name}.polls`, { atLeast: 0.9, of: "ratio" as const }],
      [`nodered.flows.${name}.command.p50`, { atMost: 1.1, of: "ratio" as const }],
      [`nodered.flows.${name}.commandsFailed`, { atMost: 0 }],
    ]),
  ),
  run: async ({ folder }) => {
    const ms = 15_000;
    const rows: Row[] = [];
    for (const name of badFlowNames) {
      const own = join(folder, name);
      const port = await freePort();
      await using daemon = await startDaemon(own, {
        devices: 3,
        every: "100ms",
        writable: point,
        more: {
          local: { socket: "data/stadsnod.sock", https: { port: await freePort(), host: "127.0.0.1" } },
          nodeRed: { enabled: true, port, userDir: "node-red", memory: "128MB" },
        },
      });
      const alone = await feel(daemon, ms);
      const home = join(own, "node-red", "home");
      mkdirSync(home, { recursive: true });
      writeFileSync(join(home, "flows.json"), JSON.stringify(badFlow(name, { device: "unit-3", point })));
      const supervisor = spawn(process.execPath, [program, "node-red", "gateway.yaml"], {
        cwd: own,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      supervisor.stderr.on("data", (chunk) => {
        said = (said + String(chunk)).slice(-3000);
      });
      try {
        await started(join(own, "node-red", "supervisor.json"), () => said);
        const beside = await feel(daemon, ms);
        const status = JSON.parse(readFileSync(join(own, "node-red", "supervisor.json"), "utf8"));
        const row = (what: string, unit: string, of: keyof Felt) =>
          compared(`nodered.flows.${name}.${what}`, beside[of], unit, "without Node-RED", alone[of]);
        rows.push(
          row("polls", "1/s", "pollsPerSecond"),
          row("command.p50", "ms", "p50"),
          row("command.p99", "ms", "p99"),
          { name: `nodered.flows.${name}.commandsFailed`, value: beside.failed, unit: "" },
          { name: `nodered.flows.${name}.crashes`, value: status.crashes, unit: "" },
        );
      } finally {
        const ended = new Promise((done) => supervisor.once("exit", done));
        supervisor.kill("SIGTERM");
        await ended;
      }
    }
    return rows;
  },
};

/** Commands one after the other, four a second, while polls go on. */
async function feel(daemon: RunningDaemon, ms: number): Promise<Felt> {
  const [, before = 0] = await daemon.perUnit();
  const started = performance.now();
  const times: number[] = [];
  let failed = 0;
  for (let number = 0; performance.now() - started < ms; number++) {
    const asked = commonMs();
    const result = await command(daemon.socket, { device: "unit-1", point, value: number % 100 });
    times.push(commonMs() - asked);
    if (result.state !== "succeeded") failed++;
    await sleep(250);
  }
  const seconds = (performance.now() - started) / 1000;
  const [, polled = 0] = await daemon.perUnit();
  return {
    pollsPerSecond: (polled - before) / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    failed,
  };
}

function command(socketPath: string, body: object): Promise<{ readonly state?: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath,
        path: "/v1/commands?wait=20s",
        method: "POST",
        headers: { "content-type": "application/json" },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(JSON.parse(text)));
      },
    );
    asked.on("error", reject).end(JSON.stringify(body));
  });
}

/** Until Node-RED has run once. */
async function started(file: string, said: () => string): Promise<void> {
  const limit = performance.now() + 60_000;
  for (;;) {
    try {
      const { state, crashes } = JSON.parse(readFileSync(file, "utf8"));
      if (state === "running" || crashes > 0) return;
    } catch {
      // Not written yet.
    }
    if (performance.now() > limit) throw new Error(`Node-RED does not start: ${said()}`);
    await sleep(200);
  }
}

function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}
