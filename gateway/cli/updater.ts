import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { listenOnSocket } from "../local/unix-socket.ts";
import { openClock } from "../store/clock.ts";
import { makeHelper, type Trial } from "../updates/helper.ts";
import { bundleFolder, updaterSocket } from "../updates/helper-words.ts";
import { runProgram } from "../updates/program.ts";
import { openRauc } from "../updates/rauc.ts";
import { type CliContext, inFolder } from "./context.ts";
import { command } from "./daemon.ts";
import { ended } from "./run.ts";
import { openLog } from "./start.ts";

interface Options {
  readonly listen: string;
  readonly folder: string;
  readonly trial: string;
  readonly raucConfig?: string;
}

const trialFile = "/var/lib/stadsnod-update/trial";

/** The one program that may call RAUC: started by stadsnod-update.service, as root. */
export function updaterCommand(context: CliContext): Command {
  return command("updater", "carry out updates for the gateway (systemd starts it, as root, on our image)", [
    "stadsnod updater",
    "stadsnod updater --listen ./updater.sock --folder ./updates",
  ])
    .option("--listen <path>", "Unix socket for the gateway", updaterSocket)
    .option("--folder <path>", "folder of bundles: no other file is looked at", bundleFolder)
    .option("--trial <file>", "where stadsnod-trial.service looks which slot is on trial", trialFile)
    .option("--rauc-config <path>", "RAUC's system.conf, if not its usual one")
    .action(async ({ listen, folder, trial, raucConfig }: Options) => {
      const log = openLog("info");
      using clock = openClock({ trust: "auto", floor: 0 });
      const server = makeHelper({
        updater: openRauc({
          run: runProgram,
          ...(raucConfig === undefined ? {} : { config: inFolder(context, raucConfig) }),
        }),
        folder: inFolder(context, folder),
        log,
        clock,
        trial: trialIn(inFolder(context, trial)),
      });
      await listenOnSocket(server, inFolder(context, listen));
      log.info({ socket: listen, folder }, "the updater listens");
      await ended(context.signal);
      // An install goes on in RAUC's own service; who waited for it asks again.
      server.close();
    });
}

function trialIn(path: string): Trial {
  const folder = dirname(path);
  const synced = async (target: string) => {
    const handle = await open(target, "r");
    await handle.sync().finally(() => handle.close());
  };
  return {
    async begin(slot) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${path}.new`, `${slot}\n`, { flush: true });
      await rename(`${path}.new`, path);
      await synced(folder);
    },
    async end() {
      await rm(path, { force: true });
      await synced(folder).catch(() => {});
    },
  };
}
