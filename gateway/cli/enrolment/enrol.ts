import { join } from "node:path";
import { type Command, Option } from "commander";
import { CertificateStore } from "../../enrolment/certificate-store.ts";
import { openFileKey } from "../../enrolment/device-key.ts";
import { Enrolment } from "../../enrolment/enrolment.ts";
import { httpsExchange } from "../../enrolment/exchange.ts";
import { type Progress, progressText } from "../../enrolment/progress.ts";
import { progressFile } from "../../enrolment/progress-file.ts";
import { buildTime } from "../../model/version.ts";
import { openClock } from "../../store/clock.ts";
import { openFolderDisk } from "../../store/folder-disk.ts";
import { type CliContext, ExitError, exit, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { lockStore } from "../store-lock.ts";
import { readKeptTime } from "../time-keeper.ts";
import { cardAt, openIdentityDisk, provisionOption, publisher, stateOption } from "./places.ts";

interface Options {
  readonly provision: string;
  readonly state: string;
  readonly progress: string;
  readonly once?: boolean;
  readonly stay?: boolean;
  readonly json?: boolean;
}

export function enrolCommand(context: CliContext): Command {
  return command("enrol", "get this gateway its certificate from the city's CA (EST), or the next one", [
    "stadsnod enrol",
    "stadsnod enrol --once --json",
    "stadsnod enrol --provision provision.json --state data",
  ])
    .addOption(provisionOption())
    .addOption(stateOption())
    .addOption(new Option("--progress <file>", "where it tells how far it is").default(progressFile))
    .option("--once", "try once, exit code 1 when there is no certificate then")
    .option("--stay", "go on, and renew the certificate in time")
    .option("--json", "one JSON object per change")
    .action(async (options: Options) => {
      const state = inFolder(context, options.state);
      const disk = await openIdentityDisk(state);
      await using _lock = await lockStore(join(state, "identity"));
      const kept = await readKeptTime(() => openFolderDisk(state));
      using clock = openClock({ trust: "auto", floor: Math.max(buildTime, kept.floor) });
      const publish = publisher(inFolder(context, options.progress));
      const published: Promise<void>[] = [];
      const tell = (progress: Progress) => {
        context.out(`${options.json ? JSON.stringify(progress) : progressText(progress)}\n`);
        published.splice(0, published.length, publish(progress));
      };
      const enrolment = new Enrolment({
        clock,
        random: Math.random,
        openKey: () => openFileKey(disk),
        store: new CertificateStore(disk),
        provision: cardAt(inFolder(context, options.provision)),
        exchange: httpsExchange(clock),
        tell,
      });
      const { signal } = context;
      try {
        const { state: reached } = await (options.once
          ? enrolment.once(signal)
          : enrolment.run(signal, options.stay === true));
        if (!["enrolled", "renewing", "not-wanted"].includes(reached)) throw new ExitError(exit.failed);
      } finally {
        await Promise.all(published);
      }
    });
}
