import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ScanContext } from "../commissioning/scan.ts";
import type { Finding } from "../model/commissioning.ts";
import { ConfigError, GatewayError } from "../model/errors.ts";
import type { Job, JobProgress } from "../model/job.ts";
import { silentLog } from "../model/log.ts";
import { loadProfiles } from "../profiles/library.ts";
import { loadProtocols } from "../southbound/index.ts";
import { openClock } from "../store/clock.ts";
import { connectBy } from "../transport/connect.ts";
import { type CliContext, inFolder } from "./context.ts";
import { daemonOf } from "./daemon.ts";
import { files, readConfiguration } from "./files.ts";
import { duration } from "./scan-words.ts";

// What the commands that work on a line have in common: `scan` and `listen`.

export interface LineJobOptions {
  readonly profiles?: string[];
  readonly socket?: string;
  readonly json?: boolean;
}

/** What was found, a later finding in place of an earlier one of the same thing; with `json` said at once, if it is new. */
export class Found {
  readonly #context: CliContext;
  readonly #json: boolean;
  readonly #findings = new Map<string, Finding>();

  constructor(context: CliContext, json = false) {
    this.#context = context;
    this.#json = json;
  }

  get all(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  take(finding: Finding): void {
    const key = JSON.stringify(
      "connection" in finding
        ? [finding.kind, finding.connection, "settings" in finding && finding.settings]
        : finding,
    );
    const before = JSON.stringify(this.#findings.get(key));
    this.#findings.set(key, finding);
    if (this.#json && before !== JSON.stringify(finding)) this.#context.out(`${JSON.stringify(finding)}\n`);
  }
}

/** The job at the running gateway as it changes; undefined where none runs. Ctrl-C stops it there as well. */
export async function daemonJob(
  context: CliContext,
  options: LineJobOptions,
  asked: Readonly<Record<string, unknown>>,
): Promise<AsyncIterable<Job> | undefined> {
  const daemon = await daemonOf(context, options);
  let job: Job;
  try {
    job = await daemon.post<Job>("/v1/jobs", asked);
  } catch (error) {
    const nobody = error instanceof GatewayError && error.code === "daemon-unreachable";
    if (nobody && options.socket === undefined) return undefined;
    throw error;
  }
  const path = `/v1/jobs/${job.id}`;
  return (async function* () {
    let last = job;
    try {
      for await (const { data } of daemon.events<Job>(`${path}/events`, context.signal)) {
        last = data;
        yield data;
        if (data.state !== "running") break;
      }
    } finally {
      if (context.signal.aborted) await daemon.delete(path);
    }
    if (last.error) throw new GatewayError(last.error.message, last.error);
  })();
}

/** Everything that the gateway would give, with lines opened from here. */
export async function ownContext(
  context: CliContext,
  options: LineJobOptions,
  what: { readonly connection?: string | undefined },
  stack: AsyncDisposableStack,
): Promise<ScanContext> {
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  const hasFile = existsSync(inFolder(context, "gateway.yaml"));
  const config = hasFile ? (await readConfiguration(context, "gateway.yaml")).config : undefined;
  if (what.connection !== undefined && !config)
    throw new ConfigError("there is no gateway.yaml here to take the connection from", {
      code: "unknown-connection",
    });
  const protocols = await loadProtocols();
  const folders =
    options.profiles?.map((folder) => inFolder(context, folder)) ??
    config?.profiles.map((folder) => resolve(dirname(inFolder(context, "gateway.yaml")), folder)) ??
    shippedProfiles(context);
  return {
    clock,
    random: Math.random,
    log: silentLog,
    connect: connectBy(clock),
    protocols: async () => protocols,
    profiles: async () =>
      Array.from(loadProfiles(folders, files, protocols).profiles.values()).flatMap(
        ({ profile }) => profile ?? [],
      ),
    connections: async () =>
      Array.from(config?.connections.values() ?? [], ({ name, protocol, settings }) => ({
        id: name,
        protocol: protocol.name,
        settings,
        devices: (config?.devices ?? []).filter(({ connection }) => connection === name),
      })),
  };
}

/** Those of this folder, else those that came with the program. */
function shippedProfiles(context: CliContext): string[] {
  const name = "device-profiles";
  const places = [
    inFolder(context, name),
    ...["..", "../.."].map((up) => resolve(import.meta.dirname, up, name)),
  ];
  return places.filter((folder) => existsSync(folder)).slice(0, 1);
}

/** One line that is written over on a terminal, else a line every ten seconds. */
export function progressOn(context: CliContext): (progress: JobProgress | undefined) => void {
  const { columns } = context;
  let said = Number.POSITIVE_INFINITY;
  return (progress) => {
    if (!progress) {
      if (columns !== undefined) context.err("\r\u001b[K");
      return;
    }
    const { done, total, leftS, doing } = progress;
    const text = `${done}${total === undefined ? "" : `/${total}`} ${doing.en}${leftS === undefined ? "" : `, at most ${duration(leftS)} more`}`;
    if (columns !== undefined) context.err(`\r\u001b[K${text.slice(0, columns - 1)}`);
    else if (leftS === undefined || said - leftS >= 10) {
      said = leftS ?? said;
      context.err(`${text}\n`);
    }
  };
}
