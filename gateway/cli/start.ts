import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { destination, pino } from "pino";
import type { AuditEntry } from "../commands/command-desk.ts";
import { lookAtMachine } from "../commissioning/machine.ts";
import { portFacts } from "../commissioning/ports.ts";
import type { GatewayConfig, LogLevel } from "../config/config.ts";
import { type Gateway, openGateway } from "../gateway.ts";
import { LogRing } from "../local/log-ring.ts";
import {
  type HttpsDoor,
  isDoorProblem,
  type LocalServer,
  type LocalServerOptions,
  openLocalServer,
} from "../local/server.ts";
import type { LocalSurface } from "../local/surface.ts";
import { ConfigError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { buildTime } from "../model/version.ts";
import { openSandbox } from "../sandbox/sandbox.ts";
import { openClock } from "../store/clock.ts";
import { DiskWatch } from "../store/disk-watch.ts";
import { openFolderDisk } from "../store/folder-disk.ts";
import { openSystem } from "../store/system.ts";
import { connectBy } from "../transport/connect.ts";
import type { ReadConfiguration } from "./files.ts";
import { localPayloads } from "./payloads.ts";
import { Commissioning } from "./service/commissioning.ts";
import { type ConfigurationFile, configurationOf } from "./service/configuration.ts";
import { jobKindsOnDemand } from "./service/kinds-on-demand.ts";
import { configuredPorts } from "./service/lines.ts";
import { machineSource } from "./service/machine-source.ts";
import { openService } from "./service/service.ts";
import { updaterSocketHere } from "./service/updater-socket.ts";
import type { RunningUpdates, UpdatesOfGateway } from "./service/updates.ts";
import type { Pulse } from "./service-manager/health.ts";
import { lockStore } from "./store-lock.ts";
import { localSurface, statusOf } from "./surface.ts";
import { keepTime, readKeptTime } from "./time-keeper.ts";

export interface DaemonLog extends Log {
  /** The last lines, also those of the logs that were derived from it. */
  readonly ring: LogRing;
  /** Also of the logs that were derived from it. */
  setLevel(level: LogLevel): void;
}

/**
 * JSON lines on standard error, as journald and every collector take them.
 * @param quiet kept for whoever asks the gateway for its last lines, and written nowhere
 */
export function openLog(level: LogLevel, { quiet = false } = {}): DaemonLog {
  // pino hands its level to children once, when they are made.
  let children: WeakRef<{ level: string }>[] = [];
  const ring = new LogRing();
  const out = destination({ dest: 2, sync: true });
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      onChild: (child) => children.push(new WeakRef(child)),
    },
    {
      write(line: string) {
        ring.push(line);
        if (!quiet) out.write(line);
      },
    },
  );
  return Object.assign(log, {
    ring,
    setLevel(next: LogLevel) {
      log.level = next;
      children = children.filter((child) => child.deref() !== undefined);
      for (const child of children) Object.assign(child.deref() ?? {}, { level: next });
    },
  });
}

export interface RunningDaemon extends AsyncDisposable {
  readonly gateway: Gateway;
  /** Whether the daemon itself does its work. */
  pulse(): Pulse;
}

/**
 * The daemon around a configuration: real clock, real disk, real wires, local API.
 * @param firstPassword told the password that the first user of the HTTPS door got
 */
export async function startDaemon(
  config: GatewayConfig,
  log: DaemonLog,
  read: () => Promise<ReadConfiguration>,
  file?: ConfigurationFile,
  firstPassword = tellFirstPassword,
): Promise<RunningDaemon> {
  const { folder } = config.storage;
  const openDisk = () => openFolderDisk(folder);
  const kept = await readKeptTime(openDisk);
  await using opened = new AsyncDisposableStack();
  // Before anything is opened: a second gateway must not even look at the log of the first.
  let surface: LocalSurface | undefined;
  // The door opens before the audit log does.
  const audited = Promise.withResolvers<Gateway>();
  audited.promise.catch(() => {});
  const audit = {
    record: async (entry: AuditEntry) => {
      await (await audited.promise.catch(() => undefined))?.record(entry);
    },
  };
  opened.defer(() => audited.reject(new Error("the gateway is closed")));
  const clock = opened.use(openClock({ trust: config.clock.trust, floor: Math.max(buildTime, kept.floor) }));
  const server = await openDoor({
    socket: config.local.socket,
    surface: () => surface,
    clock,
    log,
    audit,
    page: pageFolder(),
  });
  if (server) opened.use(server);
  opened.use(await lockStore(folder));
  opened.use(keepTime(clock, openDisk, kept));
  const updater = updaterSocketHere(process.env);
  const updatesOpened = Promise.withResolvers<RunningUpdates>();
  updatesOpened.promise.catch(() => {});
  opened.defer(() => updatesOpened.reject(new StorageError("the gateway stops", { code: "closed" })));
  const sandbox = opened.use(openSandbox({ clock, log }));
  const watch = new DiskWatch(clock);
  const gateway = opened.use(
    await openGateway(config, {
      clock,
      log,
      random: Math.random,
      connect: connectBy(clock),
      sandbox,
      openDisk: async (name) => watch.watch(await watch.wait(openFolderDisk(join(folder, name)))),
      historyFile: join(folder, "history.sqlite"),
      bootTime: (bootId) => kept.boots.get(bootId),
      timeSource: (unixMs, at, source) => {
        const trusted = clock.trusted;
        if (clock.offer(unixMs, at) && !trusted)
          log.info({ source, time: new Date(clock.now()).toISOString() }, "the time is known");
      },
      onDesired:
        config.updates.trust.size === 0
          ? undefined
          : async (scope, body) => (await updatesOpened.promise).take(scope, body),
      setLogLevel: (level) => log.setLevel(level),
      reloadConfig: read,
    }),
  );
  audited.resolve(gateway);
  const pulse = (): Pulse => ({
    diskMs: watch.waitingMs,
    loops: Array.from(gateway.loops.values(), (loop) => loop.pulse()),
  });
  const https = server && (await openSecondDoor(server, config, log, firstPassword));
  const logs = (count: number) => log.ring.last(count);
  const payloads = localPayloads(gateway, sandbox);
  const configuration = file && configurationOf(gateway, log, file);
  const machine = () => lookAtMachine(machineSource, folder);
  const commissioning =
    configuration && opened.use(new Commissioning({ gateway, configuration, log, machine }));
  const system = openSystem();
  const updates = await openUpdatesHere({
    gateway,
    log,
    machine: machineSource,
    socket: updater,
    configuration: file && configuration && { file: configuration, path: file.path },
    pulse,
  });
  if (updates) opened.use(updates);
  if (updates) updatesOpened.resolve(updates);
  const parts = {
    ports: () => portFacts(system, configuredPorts(gateway)),
    ...(updates?.local ? { updates: updates.local } : {}),
    ...(configuration ? { configuration } : {}),
    ...(commissioning ? { commissioning } : {}),
  };
  const { service } = opened.use(
    openService({
      gateway,
      log,
      kinds: jobKindsOnDemand({ gateway, log, sandbox, file: file?.path ?? "gateway.yaml" }),
      parts,
      northboundTested: async (name, ok) => commissioning?.northboundTested(name, ok),
      status: () => statusOf(gateway),
      image: () => updates?.image(),
    }),
  );
  surface = localSurface(gateway, { logs, payloads, service, ...(https ? { https: () => https } : {}) });
  log.info({ socket: config.local.socket, ...https }, "the local API listens");
  const held = opened.move();
  return {
    gateway,
    pulse,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Of the technician's page: beside the bundle; of the sources, where the last build put it. */
function pageFolder(): string {
  const here = import.meta.dirname;
  return import.meta.filename.endsWith(".ts") ? join(here, "../../dist/web") : join(here, "web");
}

/** Updates, where somebody may ask for them. A disk that takes nothing must not keep the gateway from polling. */
async function openUpdatesHere(options: UpdatesOfGateway): Promise<RunningUpdates | undefined> {
  const { gateway, log, socket } = options;
  if (socket === undefined && gateway.config.updates.trust.size === 0) return undefined;
  try {
    // Most gateways have none, and do without the memory.
    const { openUpdates } = await import("./service/updates.ts");
    return await openUpdates(options);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.error({ code: error.code, hint: error.hint }, `there are no updates: ${error.message}`);
    return undefined;
  }
}

/** The local API; a disk that takes no socket must not keep the gateway from polling. */
async function openDoor(options: LocalServerOptions): Promise<LocalServer | undefined> {
  try {
    return await openLocalServer(options);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== "local-disk") throw error;
    options.log.error({ code: error.code, hint: error.hint }, `${error.message}: there is no local API`);
    return undefined;
  }
}

/** HTTPS, where it is asked for. What keeps it shut must not keep the gateway from polling. */
async function openSecondDoor(
  server: LocalServer,
  { local: { https }, storage }: GatewayConfig,
  log: Log,
  firstPassword: typeof tellFirstPassword,
): Promise<HttpsDoor | undefined> {
  if (!https) return undefined;
  try {
    const { port, host, certificate } = https;
    return await server.openHttps({
      port,
      host,
      certificate: certificate && { cert: textOf(certificate.cert), key: textOf(certificate.key) },
      openDisk: () => openFolderDisk(join(storage.folder, "local")),
      names: namesOfThisMachine(),
      firstPassword,
    });
  } catch (error) {
    if (!isDoorProblem(error)) throw error;
    log.error({ code: error.code, hint: error.hint }, `${error.message}: HTTPS stays shut`);
    return undefined;
  }
}

/** Not by the log, which others collect and keep. */
function tellFirstPassword(user: string, password: string): void {
  process.stderr.write(
    `stadsnod: the first password of user ${user} is ${password} (to be changed at the first login; it is not shown again)\n`,
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ConfigError(`${path} cannot be read (${code})`, { code: "https-certificate", cause });
  }
}

/** What a certificate of its own is for: the machine's names and its addresses at the first start. */
function namesOfThisMachine(): string[] {
  const name = hostname().toLowerCase();
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .map(({ address }) => address.replace(/%.*$/, ""));
  const local = name.includes(".") ? [] : [`${name}.local`];
  return [...new Set([name, ...local, "localhost", ...addresses])];
}
