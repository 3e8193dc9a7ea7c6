import { join } from "node:path";
import type { Command } from "commander";
import { ConfigError } from "../model/errors.ts";
import { explainConnection, renderExplanation } from "../southbound/explain.ts";
import { learnedPlans } from "../southbound/learned-plans.ts";
import type { Learned } from "../southbound/protocol.ts";
import { openFolderDisk } from "../store/folder-disk.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";

export function explainCommand(context: CliContext): Command {
  return command(
    "explain",
    "show what each line will do: requests, ms per cycle, load, worst age per point",
    ["stadsnod explain", "stadsnod explain gateway.yaml --connection rs485-a --json"],
  )
    .argument(...configArgument)
    .option("-c, --connection <name>", "only this connection")
    .option("--json", "one connection per line as JSON")
    .action(async (path: string, options: { connection?: string; json?: boolean }) => {
      const config = await requireConfiguration(context, path);
      const { connection: wanted } = options;
      if (wanted !== undefined && !config.connections.has(wanted)) {
        throw new ConfigError(`no connection ${wanted}`, {
          code: "unknown-connection",
          hint: `there are ${[...config.connections.keys()].join(", ") || "none that can be used"}`,
        });
      }
      const plans = learnedPlans(() => openFolderDisk(join(config.storage.folder, "plans")));
      let impossible = false;
      for (const line of config.connections.values()) {
        if (wanted !== undefined && wanted !== line.name) continue;
        const devices = config.devices.filter((device) => device.connection === line.name);
        const learned = new Map<string, Learned>();
        for (const device of devices) learned.set(device.id, await plans.load(device));
        const explanation = explainConnection({
          connection: line.name,
          protocol: line.protocol,
          settings: line.settings,
          devices,
          learned: (device) => learned.get(device.id) ?? {},
        });
        impossible ||= explanation.findings.some((finding) => finding.severity === "error");
        context.out(`${options.json ? JSON.stringify(explanation) : renderExplanation(explanation)}\n`);
      }
      if (impossible) throw new ExitError(exit.failed);
    });
}
