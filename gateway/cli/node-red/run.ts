import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { GatewayConfig } from "../../config/config.ts";
import { overheadBytes } from "../../config/node-red.ts";
import { localClient } from "../../local/client.ts";
import type { Clock } from "../../model/clock.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { lockStore } from "../store-lock.ts";
import { type CrashPolicy, usualPolicy } from "./crash-policy.ts";
import { openGate } from "./gate.ts";
import { accountOf, prepare } from "./prepare.ts";
import { type NodeRedStatus, readStatus, writeStatus } from "./status-file.ts";
import { Supervisor } from "./supervisor.ts";
import { GatewayToken } from "./token.ts";

export interface RunOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Other limits than the usual ones. */
  readonly policy?: Partial<CrashPolicy> | undefined;
  /** Called once the status is written. */
  onStatus?(status: NodeRedStatus): void;
}

export interface RunningNodeRed extends AsyncDisposable {
  readonly status: NodeRedStatus;
  restart(): Promise<void>;
}

/**
 * Node-RED under supervision: its way to the gateway, its settings, its process. The gateway need not be there.
 * Rejects with ConfigError when it cannot be started as configured.
 */
export async function runNodeRed(config: GatewayConfig, options: RunOptions): Promise<RunningNodeRed> {
  const { nodeRed, local } = config;
  const { clock, log } = options;
  const account = await accountOf(nodeRed.user);
  const places = await prepareFolder(config, account);
  await using opening = new AsyncDisposableStack();
  opening.use(await lockStore(places.folder));
  const token = new GatewayToken(places.token, localClient(local.socket));
  const problem = once((text: string) => log.warn({ code: "no-token" }, text));
  opening.use(
    await openGate({
      socket: places.gate,
      gateway: local.socket,
      clock,
      account,
      token: async () => {
        try {
          return await token.get();
        } catch (error) {
          // What waits for the gateway is said once, and so is what a person has to do.
          if (error instanceof GatewayError)
            problem(`${error.message}${error.hint ? ` (${error.hint})` : ""}`);
          throw error;
        }
      },
      onRefused: () => {
        token.refused().catch((error: unknown) => log.error({ err: error }, "the token cannot be dropped"));
      },
    }),
  );
  let writing = Promise.resolve();
  const store = (status: NodeRedStatus) => {
    writing = writing
      .then(() => writeStatus(places.folder, status))
      .catch((error: unknown) => log.error({ err: error }, "the status of Node-RED cannot be written"))
      .then(() => options.onStatus?.(status));
  };
  opening.defer(() => writing);
  const before = await readStatus(places.folder);
  const supervisor = opening.use(
    new Supervisor({
      clock,
      log,
      policy: { ...usualPolicy, memoryBytes: nodeRed.memoryBytes + overheadBytes, ...options.policy },
      url: urlOf(config),
      safe: before?.safe ?? false,
      child: {
        settingsFile: places.settings,
        userDir: places.home,
        memoryBytes: nodeRed.memoryBytes,
        account,
        env: { ...options.env, STADSNOD_SOCKET: places.gate },
      },
      ready: (signal) => answers(config, clock, signal),
      onStatus: store,
    }),
  );
  supervisor.begin();
  const open = opening.move();
  return {
    get status() {
      return supervisor.status;
    },
    restart: () => supervisor.restart(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function prepareFolder(...given: Parameters<typeof prepare>): ReturnType<typeof prepare> {
  try {
    return await prepare(...given);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new ConfigError(`the folder ${given[0].nodeRed.userDir} cannot be used (${code})`, {
      code: "node-red-folder",
      hint: "set `nodeRed: {userDir: ...}` to a folder that this user may write",
      cause,
    });
  }
}

export function urlOf({ nodeRed: { host, port, certificate } }: GatewayConfig): string {
  return `${certificate ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}

/** Resolves when the editor's address answers; rejects when aborted. */
async function answers(config: GatewayConfig, clock: Clock, signal: AbortSignal): Promise<void> {
  const url = `${urlOf(config)}auth/login`;
  for (;;) {
    if (await answersNow(url, signal)) return;
    await clock.sleep(250, signal);
  }
}

function answersNow(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = url.startsWith("https:") ? httpsRequest : httpRequest;
    // Whether it is there, not who it is: it was started with this certificate.
    const asked = ask(url, { signal, rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once("error", () => resolve(false));
    asked.end();
  });
}

/** Says the same thing once. */
function once(say: (text: string) => void): (text: string) => void {
  let last = "";
  return (text) => {
    if (text !== last) say(text);
    last = text;
  };
}
