import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { CrashPolicy } from "../../gateway/cli/node-red/crash-policy.ts";
import { placesOf } from "../../gateway/cli/node-red/prepare.ts";
import { runNodeRed } from "../../gateway/cli/node-red/run.ts";
import type { NodeRedStatus } from "../../gateway/cli/node-red/status-file.ts";
import type { GatewayConfig } from "../../gateway/config/config.ts";
import { loadConfig } from "../../gateway/config/load.ts";
import type { Log } from "../../gateway/model/log.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { newFolder, root } from "../system/daemon.ts";
import { type Doors, openDoors } from "../system/local-doors.ts";

// A real Node-RED under a real supervisor, beside a local API of ours whose gateway the test owns.

export interface Supervised extends AsyncDisposable {
  readonly doors: Doors;
  readonly config: GatewayConfig;
  readonly url: string;
  readonly log: readonly {
    readonly level: string;
    readonly text: string;
    readonly [field: string]: unknown;
  }[];
  /** The first status, past or future, that holds. */
  until(holds: (status: NodeRedStatus) => boolean): Promise<NodeRedStatus>;
  readonly statuses: readonly NodeRedStatus[];
  restart(): Promise<void>;
}

export interface SupervisedOptions {
  readonly nodeRed?: Readonly<Record<string, unknown>>;
  readonly policy?: Partial<CrashPolicy>;
  /** Of an earlier run. */
  readonly folder?: string;
  readonly doors?: Doors;
}

export async function startNodeRed(options: SupervisedOptions = {}): Promise<Supervised> {
  await using opening = new AsyncDisposableStack();
  const doors = options.doors ?? opening.use(await openDoors());
  const folder = options.folder ?? newFolder();
  const config = await configOf(folder, doors.socket, options.nodeRed);
  linkNodes(placesOf(config).home);
  const log: Record<string, unknown>[] = [];
  const statuses: NodeRedStatus[] = [];
  let wake = Promise.withResolvers<void>();
  const clock = opening.use(openClock({ trust: "always", floor: 0 }));
  const running = opening.use(
    await runNodeRed(config, {
      clock,
      log: listLog(log),
      env: process.env,
      policy: options.policy,
      onStatus: (status) => {
        statuses.push(status);
        wake.resolve();
      },
    }),
  );
  const open = opening.move();
  return {
    doors,
    config,
    url: `http://127.0.0.1:${config.nodeRed.port}`,
    log: log as unknown as Supervised["log"],
    statuses,
    async until(holds) {
      for (let from = 0; ; ) {
        const found = statuses.slice(from).find(holds);
        if (found) return found;
        from = statuses.length;
        wake = Promise.withResolvers();
        await wake.promise;
      }
    },
    restart: () => running.restart(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Those of this checkout, wherever its node_modules leads. */
function linkNodes(home: string): void {
  mkdirSync(join(home, "node_modules"), { recursive: true });
  const link = join(home, "node_modules", "node-red-contrib-stadsnod");
  rmSync(link, { force: true });
  symlinkSync(join(root, "nodes"), link);
}

async function configOf(
  folder: string,
  socket: string,
  nodeRed: SupervisedOptions["nodeRed"] = {},
): Promise<GatewayConfig> {
  const written = JSON.stringify({
    gateway: { id: "gw-test", pen: 32474 },
    local: { socket, https: {} },
    nodeRed: { enabled: true, port: await freePort(), userDir: "node-red", memory: "128MB", ...nodeRed },
  });
  const files = { list: () => [], read: () => "" };
  const { config, diagnostics } = await loadConfig(written, join(folder, "gateway.yaml"), {
    protocols: [],
    northbounds: [],
    profiles: loadProfiles([], files, [], new Set()),
    env: {},
    readFile: () => "",
  });
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

function listLog(lines: Record<string, unknown>[]): Log {
  const at = (level: string) => (fields: Record<string, unknown>, text: string) => {
    lines.push({ ...fields, level, text });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => listLog(lines),
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface Node {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

/** A flow whose function runs this code once, at its start. */
export function atStart(code: string): Node[] {
  return [
    { id: "tab-1", type: "tab", label: "test" },
    {
      id: "inject-1",
      type: "inject",
      z: "tab-1",
      props: [{ p: "payload" }],
      payload: "1",
      payloadType: "num",
      once: true,
      onceDelay: 0.1,
      repeat: "",
      crontab: "",
      wires: [["function-1"]],
    },
    { id: "function-1", type: "function", z: "tab-1", func: code, outputs: 1, libs: [], wires: [[]] },
  ];
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it likes
  readonly json: any;
}

/** Node-RED's admin API. */
export async function ask(
  { url }: Pick<Supervised, "url">,
  path: string,
  { token, body, method }: { token?: string; body?: unknown; method?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      "node-red-api-version": "v2",
      accept: "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

export function deploy(
  where: Pick<Supervised, "url">,
  token: string,
  flows: readonly Node[],
): Promise<Answer> {
  return ask(where, "/flows", { token, body: { flows } });
}
