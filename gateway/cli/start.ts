import { join } from "node:path";
import { destination, pino } from "pino";
import type { GatewayConfig, LogLevel } from "../config/config.ts";
import { type Gateway, openGateway } from "../gateway.ts";
import { openLocalServer } from "../local/server.ts";
import type { LocalSurface } from "../local/surface.ts";
import { ConfigError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { openSandbox } from "../sandbox/sandbox.ts";
import { openClock } from "../store/clock.ts";
import { openFolderDisk } from "../store/folder-disk.ts";
import { connectBy } from "../transport/connect.ts";
import type { ReadConfiguration } from "./files.ts";
import { lockStore } from "./store-lock.ts";
import { localSurface } from "./surface.ts";
import { keepTime, readKeptTime } from "./time-keeper.ts";

/** 2026-11-01: no gateway runs this code earlier, so no clock may say so. */
const buildTime = Date.UTC(2026, 10, 1);

export interface DaemonLog extends Log {
  /** Also of the logs that were derived from it. */
  setLevel(level: LogLevel): void;
}

/** JSON lines on standard error, as journald and every collector take them. */
export function openLog(level: LogLevel | "fatal"): DaemonLog {
  // pino hands its level to children once, when they are made.
  let children: WeakRef<{ level: string }>[] = [];
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      onChild: (child) => children.push(new WeakRef(child)),
    },
    destination({ dest: 2, sync: true }),
  );
  return Object.assign(log, {
    setLevel(next: LogLevel) {
      log.level = next;
      children = children.filter((child) => child.deref() !== undefined);
      for (const child of children) Object.assign(child.deref() ?? {}, { level: next });
    },
  });
}

export interface RunningDaemon extends AsyncDisposable {
  readonly gateway: Gateway;
}

/** The daemon around a configuration: real clock, real disk, real wires, local API. */
export async function startDaemon(
  config: GatewayConfig,
  log: DaemonLog,
  read: () => Promise<ReadConfiguration>,
): Promise<RunningDaemon> {
  const { folder } = config.storage;
  const openDisk = () => openFolderDisk(folder);
  const kept = await readKeptTime(openDisk);
  await using opened = new AsyncDisposableStack();
  // Before anything is opened: a second gateway must not even look at the log of the first.
  let surface: LocalSurface | undefined;
  opened.use(await openDoor(config.local.socket, () => surface, log));
  opened.use(await lockStore(folder));
  const clock = opened.use(openClock({ trust: config.clock.trust, floor: Math.max(buildTime, kept.floor) }));
  opened.use(keepTime(clock, openDisk, kept));
  const sandbox = opened.use(openSandbox({ clock, log }));
  const gateway = opened.use(
    await openGateway(config, {
      clock,
      log,
      random: Math.random,
      connect: connectBy(clock),
      sandbox,
      openDisk: (name) => openFolderDisk(join(folder, name)),
      bootTime: (bootId) => kept.boots.get(bootId),
      timeSource: (unixMs, at, source) => {
        const trusted = clock.trusted;
        if (clock.offer(unixMs, at) && !trusted)
          log.info({ source, time: new Date(clock.now()).toISOString() }, "the time is known");
      },
      setLogLevel: (level) => log.setLevel(level),
      reloadConfig: read,
    }),
  );
  surface = localSurface(gateway);
  log.info({ socket: config.local.socket }, "the local API listens");
  const held = opened.move();
  return { gateway, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The local API; a disk that takes no socket must not keep the gateway from polling. */
async function openDoor(
  socket: string,
  surface: () => LocalSurface | undefined,
  log: Log,
): Promise<AsyncDisposable> {
  try {
    return await openLocalServer(socket, surface, log);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== "local-disk") throw error;
    log.error({ code: error.code, hint: error.hint }, `${error.message}: there is no local API`);
    return { [Symbol.asyncDispose]: async () => {} };
  }
}
