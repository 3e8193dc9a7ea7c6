import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GatewayConfig } from "../../config/config.ts";
import { localClient } from "../../local/client.ts";
import type { Log } from "../../model/log.ts";
import { openClock } from "../../store/clock.ts";
import { nodeRedProgram } from "../node-red/child-process.ts";
import { nodesFolder, placesOf } from "../node-red/prepare.ts";
import { type RunningNodeRed, runNodeRed } from "../node-red/run.ts";
import { nodeRedLine } from "../node-red/status-file.ts";

// Node-RED of the demonstration: under its usual supervisor, with the street lighting on the lamp of the scene.

export const editorUser = "operator";
const exampleFlow = "street-lighting.json";

export interface DemoNodeRedOptions {
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told once the editor is there, and whenever that changes; a line or two for people. */
  onChange(text: string): void;
}

/** Why Node-RED cannot be part of the demonstration; undefined when it can. */
export function nodeRedMissing(): string | undefined {
  try {
    nodeRedProgram();
  } catch {
    return "the package node-red is not installed";
  }
  return flowFile() === undefined ? "the nodes are not built (node nodes/build.ts)" : undefined;
}

/** Node-RED beside the running gateway, which must have its HTTPS door open. Rejects with GatewayError and ConfigError. */
export async function startNodeRed(
  config: GatewayConfig,
  { log, env, onChange }: DemoNodeRedOptions,
): Promise<RunningNodeRed> {
  const { home } = placesOf(config);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(join(home, "flows.json"), JSON.stringify(demoFlow(), null, 2), { mode: 0o600 });
  const password = await addEditorUser(config.local.socket);
  await using opening = new AsyncDisposableStack();
  const clock = opening.use(openClock({ trust: config.clock.trust, floor: 0 }));
  let shown = "";
  const running = opening.use(
    await runNodeRed(config, {
      clock,
      log,
      env,
      onStatus: (status) => {
        const { state, url } = status;
        if (state === shown || state === "stopped" || (shown === "" && state === "starting")) return;
        shown = state;
        onChange(
          state === "running"
            ? `Node-RED: ${url} with a flow on lamp-1. User ${editorUser}, password ${password} (of this run only)`
            : nodeRedLine(status),
        );
      },
    }),
  );
  const open = opening.move();
  return {
    get status() {
      return running.status;
    },
    restart: () => running.restart(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/**
 * A user of the gateway whose password is made up, and changed once as its rules want: the editor takes nobody
 * who has not. Resolves to the password.
 */
async function addEditorUser(socket: string): Promise<string> {
  const { password: first } = await localClient(socket).post<{ password: string }>("/v1/users", {
    name: editorUser,
    role: "operator",
  });
  const { token } = await localClient(socket).post<{ token: string }>("/v1/login", {
    user: editorUser,
    password: first,
  });
  const own = localClient(socket, token);
  const password = randomBytes(12).toString("base64url");
  await own.post("/v1/password", { old: first, new: password });
  await own.post("/v1/logout");
  return password;
}

type Node = Readonly<Record<string, unknown>>;

const everyDay = { days: [0, 1, 2, 3, 4, 5, 6], holidays: "same", valueType: "bool" };

/** What differs from the example: other devices, and a day and a night of one minute each. */
const changes: Readonly<Record<string, Node>> = {
  // The tab itself.
  "5117aca7557dcd9a": {
    info: 'The example "street lighting" on the devices of the demonstration. So that there is something to see, day and night last a minute each, the parking space stands for the presence sensor, and 5 minutes are 15 seconds.\n\nExemplet "gatubelysning" på demonstrationens enheter. Dag och natt varar en minut var, parkeringsplatsen står för närvarogivaren och 5 minuter är 15 sekunder.',
  },
  // Dark outside.
  "5117457f296f1863": {
    name: "Dark in even minutes",
    rows: [
      { ...everyDay, at: "*/2 * * * *", value: "true" },
      { ...everyDay, at: "1-59/2 * * * *", value: "false" },
    ],
  },
  // Presence, as 0 or 1, and for how long it lasts.
  "51171db3e0836a35": { device: "quay-parking", point: "occupied" },
  "511760ae13e29f17": {
    expression: 'presence == "free" ? 0 : 1',
    terms: [{ name: "presence", topic: "quay-parking/occupied", type: "text", maxAge: "10m" }],
  },
  "511786fe5718c4e6": { minOn: "15s" },
  "51170e11afe5de48": { name: "Every 15 s", repeat: "15" },
};

/** The street lighting of the examples, on the lamp of the demonstration. */
export function demoFlow(): readonly Node[] {
  const flow: readonly (Node & { readonly id: string })[] = JSON.parse(
    readFileSync(flowFile() ?? "", "utf8"),
  );
  const unknown = Object.keys(changes).filter((id) => !flow.some((node) => node.id === id));
  if (unknown.length > 0) throw new Error(`${exampleFlow} has no ${unknown.join(", ")}`);
  return flow.map((node) => ({ ...node, ...changes[node.id] }));
}

function flowFile(): string | undefined {
  const folder = nodesFolder();
  const file = folder && join(folder, "examples", exampleFlow);
  return file !== undefined && existsSync(file) ? file : undefined;
}
