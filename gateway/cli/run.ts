import type { Command } from "commander";
import { type CliContext, inFolder } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { readConfiguration, requireConfiguration } from "./files.ts";
import { openServiceManager } from "./service-manager/service-manager.ts";
import { statusLine } from "./service-manager/status-line.ts";
import { openLog, startDaemon } from "./start.ts";
import { statusOf } from "./surface.ts";

export function runCommand(context: CliContext): Command {
  return command("run", "run the gateway in the foreground (systemd starts it so)", [
    "stadsnod run",
    "stadsnod run /etc/stadsnod/gateway.yaml",
    "kill -HUP <pid>     # apply a changed configuration",
  ])
    .argument(...configArgument)
    .action(async (path: string) => {
      const config = await requireConfiguration(context, path);
      const log = openLog(config.log.level);
      for (const { kind, id, diagnostics } of config.quarantined) {
        const reason = diagnostics.find(({ severity }) => severity === "error")?.message;
        log.error({ kind, id, reason }, "does not start: its configuration is wrong");
      }
      await using daemon = await startDaemon(config, log, () => readConfiguration(context, path), {
        path: inFolder(context, path),
        load: (text) => readConfiguration(context, path, text),
      });
      using manager = openServiceManager({
        env: context.env,
        pid: process.pid,
        clock: daemon.gateway.clock,
        log,
      });
      manager.ready({ pulse: () => daemon.pulse(), status: () => statusLine(statusOf(daemon.gateway)) });
      context.onReload(() => {
        manager
          .reloading(() => daemon.gateway.reload())
          .then(
            (result) => {
              if (!result.applied)
                log.error({ reasons: result.changes }, "the configuration was not applied");
            },
            (error: unknown) => log.error({ err: error }, "reload failed"),
          );
      });
      await ended(context.signal);
      manager.stopping();
      log.info({}, "the gateway stops");
    });
}

export function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
