import type { Command } from "commander";
import type { ReadingJson } from "../model/json.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { readingTable } from "./watch.ts";

export function readCommand(context: CliContext): Command {
  return command("read", "poll a device of a running gateway now and show what it says", [
    "stadsnod read meter-1",
    "stadsnod read meter-1 voltage_l1 power --json",
  ])
    .argument("<device>", "device id of gateway.yaml")
    .argument("[points...]", "points to read; all when none is given")
    .addOption(socketOption())
    .option("--json", "an array as JSON")
    .action(async (device: string, points: string[], options: { socket?: string; json?: boolean }) => {
      const readings = await (await daemonOf(context, options)).post<ReadingJson[]>("/v1/read", {
        device,
        points,
      });
      context.out(`${options.json ? JSON.stringify(readings) : readingTable(readings, context.columns)}\n`);
      if (
        readings.some((reading) => reading.quality === "comm-error" || reading.quality === "config-error")
      ) {
        throw new ExitError(exit.failed);
      }
    });
}
