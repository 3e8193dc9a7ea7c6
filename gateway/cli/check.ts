import type { Command } from "commander";
import { explainConnection } from "../southbound/explain.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { readConfiguration, showDiagnostics } from "./files.ts";

export function checkCommand(context: CliContext): Command {
  return command("check", "check gateway.yaml, the profiles it uses and whether its lines can carry it", [
    "stadsnod check",
    "stadsnod check /etc/stadsnod/gateway.yaml --json",
  ])
    .argument(...configArgument)
    .option("--json", "findings as JSON, one per line")
    .action(async (path: string, options: { json?: boolean }) => {
      const { config, diagnostics } = await readConfiguration(context, path);
      const plans = [...(config?.connections.values() ?? [])].flatMap((line) =>
        explainConnection({
          connection: line.name,
          protocol: line.protocol,
          settings: line.settings,
          devices: config?.devices.filter((device) => device.connection === line.name) ?? [],
        }).findings.map((finding) => ({ ...finding, connection: line.name })),
      );
      if (options.json) {
        for (const finding of [...diagnostics, ...plans]) context.out(`${JSON.stringify(finding)}\n`);
      } else {
        showDiagnostics(context, diagnostics);
        for (const { severity, connection, message, code, hint } of plans) {
          context.err(`${connection}: ${severity}: ${message} [${code}]${hint ? `\n  hint: ${hint}` : ""}\n`);
        }
      }
      const errors = [...diagnostics, ...plans].filter((finding) => finding.severity === "error").length;
      if (errors > 0) {
        if (!options.json) context.err(`${errors} ${errors === 1 ? "error" : "errors"}\n`);
        throw new ExitError(exit.failed);
      }
      if (!options.json) {
        context.out(
          `${path}: fine: ${config?.devices.length} devices on ${config?.connections.size} connections\n`,
        );
      }
    });
}
