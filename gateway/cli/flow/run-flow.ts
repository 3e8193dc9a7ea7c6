import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../model/errors.ts";
import { nodesFolder } from "../node-red/prepare.ts";
import { type FlowAnswer, type FlowNode, isFlowAnswer, isPayloadAsked } from "./messages.ts";
import { answerPayload, openPayloads } from "./payloads.ts";
import type { Scenario } from "./scenario.ts";

/** A flow that loops for ever is ended after this, ms of real time. */
const longestMs = 120_000;
const mostSaid = 10_000;

/** Beside this file in the sources, in the bundle's folder when built (see tsup.config.ts). */
function childFile(): string {
  const path = import.meta.url.endsWith(".ts") ? "./child/flow-test.ts" : "./flow-test.js";
  return fileURLToPath(new URL(path, import.meta.url));
}

export interface RunFlowOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Folder of our nodes; the one that is installed unless given. */
  readonly nodes?: string | undefined;
  readonly longestMs?: number;
  /** Folders of profiles, for payloads. */
  readonly profiles?: readonly string[];
}

/** Runs a flow through a scenario in a process of its own. Rejects with ConfigError when our nodes are not built. */
export async function runFlow(
  flow: readonly FlowNode[],
  scenario: Scenario,
  options: RunFlowOptions,
): Promise<FlowAnswer> {
  const nodes = options.nodes ?? nodesFolder();
  if (nodes === undefined) {
    throw new ConfigError("the nodes of Stadsnod are not built", {
      code: "no-nodes",
      hint: "run `npm run build`, or install node-red-contrib-stadsnod",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-flow-"));
  writeFileSync(join(folder, "package.json"), "{}\n");
  // Modules of the user's folder go before those that stand beside Node-RED.
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(nodes, join(folder, "node_modules", "node-red-contrib-stadsnod"));
  const { PATH, LANG, NODE_COMPILE_CACHE } = options.env;
  const child = spawn(process.execPath, ["--max-old-space-size=512", childFile()], {
    cwd: folder,
    // Dates are those of the city, whatever this machine thinks.
    env: { PATH, LANG, NODE_COMPILE_CACHE, HOME: folder, TZ: scenario.timeZone },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-mostSaid);
    });
  options.signal.addEventListener("abort", kill, { once: true });
  const limit = options.longestMs ?? longestMs;
  await using payloads = openPayloads(options.profiles ?? []);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, limit);
  try {
    return await new Promise<FlowAnswer>((resolve, reject) => {
      let answer: FlowAnswer | undefined;
      child.once("error", reject);
      child.on("message", (message) => {
        if (isFlowAnswer(message)) answer = message;
        else if (isPayloadAsked(message))
          void answerPayload(payloads, message).then((told) => child.connected && child.send(told));
      });
      child.once("close", (code, signal) => {
        if (answer) return resolve(answer);
        const why = late
          ? `the flow did not come to rest within ${limit / 1000} s: does it loop for ever?`
          : `the process of the flow has ended (${signal ?? code})`;
        resolve({ kind: "failed", message: said.trim() === "" ? why : `${why}\n${said.trim()}` });
      });
      child.send({ flow, scenario, folder });
    });
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", kill);
    kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
