import { join } from "node:path";
import { destination, pino } from "pino";
import type { GatewayConfig } from "../config/config.ts";
import { type Gateway, openGateway } from "../gateway.ts";
import { openLocalServer } from "../local/server.ts";
import type { Log } from "../model/log.ts";
import { openClock } from "../store/clock.ts";
import { openFolderDisk } from "../store/folder-disk.ts";
import { connectBy } from "../transport/connect.ts";
import type { ReadConfiguration } from "./files.ts";
import { localSurface } from "./surface.ts";
import { keepTime, readKeptTime } from "./time-keeper.ts";

/** 2026-11-01: no gateway runs this code earlier, so no clock may say so. */
const buildTime = Date.UTC(2026, 10, 1);

/** JSON lines on standard error, as journald and every collector take them. */
export function openLog(level: string): Log {
  const toStandardError = destination({ dest: 2, sync: true });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, toStandardError);
}

export interface RunningDaemon extends AsyncDisposable {
  readonly gateway: Gateway;
}

/** The daemon around a configuration: real clock, real disk, real wires, local API. */
export async function startDaemon(
  config: GatewayConfig,
  log: Log,
  read: () => ReadConfiguration,
): Promise<RunningDaemon> {
  const { folder } = config.storage;
  const openDisk = () => openFolderDisk(folder);
  const kept = await readKeptTime(openDisk);
  await using opened = new AsyncDisposableStack();
  const clock = opened.use(openClock({ trust: config.clock.trust, floor: Math.max(buildTime, kept.floor) }));
  opened.use(keepTime(clock, openDisk, kept));
  const gateway = opened.use(
    await openGateway(config, {
      clock,
      log,
      random: Math.random,
      connect: connectBy(clock),
      openDisk: (name) => openFolderDisk(join(folder, name)),
      bootTime: (bootId) => kept.boots.get(bootId),
      reloadConfig: read,
    }),
  );
  opened.use(await openLocalServer(config.local.socket, localSurface(gateway), log));
  const held = opened.move();
  return { gateway, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
