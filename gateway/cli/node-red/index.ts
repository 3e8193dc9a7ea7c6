import type { Command } from "commander";
import { ConfigError } from "../../model/errors.ts";
import { openClock } from "../../store/clock.ts";
import { type CliContext, ExitError, exit } from "../context.ts";
import { command, configArgument } from "../daemon.ts";
import { requireConfiguration } from "../files.ts";
import { ended } from "../run.ts";
import { openLog } from "../start.ts";
import { table } from "../table.ts";
import { type Backup, listBackups, restoreBackup } from "./backups.ts";
import { accountOf, placesOf, withAccount } from "./prepare.ts";
import { runNodeRed } from "./run.ts";
import { nodeRedLine, readStatus } from "./status-file.ts";

export function nodeRedCommand(context: CliContext): Command {
  const run = command("run", "run Node-RED beside the gateway and look after it (systemd starts it so)", [
    "stadsnod node-red run",
    "stadsnod node-red run /etc/stadsnod/gateway.yaml",
    "kill -HUP <pid>     # start Node-RED anew",
  ])
    .argument(...configArgument)
    .option("--if-enabled", "end at once, and in order, where gateway.yaml does not enable it")
    .action((path: string, options: { ifEnabled?: boolean }) => supervise(context, path, options));
  return command("node-red", "Node-RED beside the gateway, in a process that can hurt nobody", [
    "stadsnod node-red /etc/stadsnod/gateway.yaml",
    "stadsnod node-red status",
    "stadsnod node-red flows list",
  ])
    .addCommand(run, { isDefault: true })
    .addCommand(statusCommand(context))
    .addCommand(flowsCommand(context));
}

async function supervise(
  context: CliContext,
  path: string,
  { ifEnabled = false }: { ifEnabled?: boolean },
): Promise<void> {
  const config = await requireConfiguration(context, path);
  if (!config.nodeRed.enabled && ifEnabled) {
    context.err("Node-RED is off: gateway.yaml does not enable it\n");
    return;
  }
  if (!config.nodeRed.enabled) {
    throw new ConfigError("Node-RED is off", {
      code: "node-red-off",
      hint: "set `nodeRed: {enabled: true}` in gateway.yaml",
    });
  }
  const log = openLog(config.log.level);
  if (!config.local.https)
    log.warn({ code: "node-red-without-users" }, "nobody can log in: set `local: {https: {port: 8443}}`");
  using clock = openClock({ trust: config.clock.trust, floor: 0 });
  await using running = await runNodeRed(config, { clock, log, env: context.env });
  context.onReload(() => {
    running.restart().catch((error: unknown) => log.error({ err: error }, "Node-RED was not started anew"));
  });
  await ended(context.signal);
  log.info({}, "Node-RED stops");
}

function statusCommand(context: CliContext): Command {
  return command("status", "whether Node-RED runs, is in safe mode, and why it last ended", [
    "stadsnod node-red status",
    "stadsnod node-red status --json",
  ])
    .argument(...configArgument)
    .option("--json", "all of it as JSON")
    .action(async (path: string, options: { json?: boolean }) => {
      const { nodeRed } = await requireConfiguration(context, path);
      const status = await readStatus(nodeRed.userDir);
      if (!status) {
        context.err("Node-RED has not run here yet\n");
        throw new ExitError(exit.unreachable);
      }
      context.out(options.json ? `${JSON.stringify(status)}\n` : `${nodeRedLine(status)}\n`);
      if (status.state === "stopped") throw new ExitError(exit.unreachable);
    });
}

function flowsCommand(context: CliContext): Command {
  const list = command("list", "flows that were deployed, the newest first", [
    "stadsnod node-red flows list",
    "stadsnod node-red flows list --json",
  ])
    .argument(...configArgument)
    .option("--json", "as JSON")
    .action(async (path: string, options: { json?: boolean }) => {
      const config = await requireConfiguration(context, path);
      const account = await accountOf(config.nodeRed.user);
      const backups = await withAccount(account, () => listBackups(placesOf(config).home));
      context.out(options.json ? `${JSON.stringify(backups)}\n` : `${backupTable(backups)}\n`);
    });
  const restore = command("restore", "go back to flows that were deployed earlier", [
    "stadsnod node-red flows restore flows-2026-11-22T05-49-07-123Z",
  ])
    .argument("<name>", "as `flows list` shows it")
    .argument(...configArgument)
    .action(async (name: string, path: string) => {
      const config = await requireConfiguration(context, path);
      const account = await accountOf(config.nodeRed.user);
      await withAccount(account, () => restoreBackup(placesOf(config).home, name));
      const status = await readStatus(config.nodeRed.userDir);
      const runs = status !== undefined && status.state !== "stopped";
      if (runs) process.kill(status.pid, "SIGHUP");
      context.err(`${name} is restored; Node-RED ${runs ? "starts anew with it" : "starts with it"}\n`);
    });
  return command("flows", "flows that were deployed earlier", ["stadsnod node-red flows list"])
    .addCommand(list)
    .addCommand(restore);
}

function backupTable(backups: readonly Backup[]): string {
  return table(
    ["name", "deployed", "nodes"],
    backups.map(({ name, time, nodes }) => [name, time.toISOString(), String(nodes)]),
  );
}
