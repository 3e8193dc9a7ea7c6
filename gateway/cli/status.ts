import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { GatewayStatus } from "../local/surface.ts";
import { type CliContext, ExitError, exit, inFolder } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { type NodeRedStatus, nodeRedLine, readStatus } from "./node-red/status-file.ts";
import { table } from "./table.ts";

export function statusCommand(context: CliContext): Command {
  return command("status", "what a running gateway does: devices, lines, outbox, platform", [
    "stadsnod status",
    "stadsnod status --json | jq .devices",
  ])
    .addOption(socketOption())
    .option("--json", "the whole status as JSON")
    .action(async (options: { socket?: string; json?: boolean }) => {
      const status = await (await daemonOf(context, options)).get<GatewayStatus>("/v1/status");
      const nodeRed = options.socket === undefined ? await nodeRedHere(context) : undefined;
      if (options.json) context.out(`${JSON.stringify({ ...status, ...(nodeRed ? { nodeRed } : {}) })}\n`);
      else context.out(`${render(status)}${nodeRed ? `\n${nodeRedLine(nodeRed)}\n` : ""}`);
    });
}

/** The daemon knows nothing of Node-RED: its supervisor writes down how it is. */
async function nodeRedHere(context: CliContext): Promise<NodeRedStatus | undefined> {
  if (!existsSync(inFolder(context, "gateway.yaml"))) return undefined;
  const { readConfiguration } = await import("./files.ts");
  const { config } = await readConfiguration(context, "gateway.yaml");
  return config?.nodeRed.enabled ? readStatus(config.nodeRed.userDir) : undefined;
}

export function reloadCommand(context: CliContext): Command {
  return command("reload", "let a running gateway apply its changed gateway.yaml, device by device", [
    "stadsnod reload",
    "stadsnod reload --json",
  ])
    .addOption(socketOption())
    .option("--json", "the result as JSON")
    .action(async (options: { socket?: string; json?: boolean }) => {
      const result = await (await daemonOf(context, options)).post<{ applied: boolean; changes: string[] }>(
        "/v1/reload",
      );
      if (options.json) context.out(`${JSON.stringify(result)}\n`);
      else {
        context.out(`${result.applied ? "applied" : "refused, nothing was changed"}\n`);
        for (const change of result.changes) context.out(`  ${change}\n`);
      }
      if (!result.applied) throw new ExitError(exit.failed);
    });
}

function render(status: GatewayStatus): string {
  const parts = [
    `${status.gateway}, Stadsnod ${status.version}, up ${status.uptimeS} s, ${status.memoryMB} MB, clock ${
      status.clock.trusted ? "trusted" : "not trusted yet"
    }`,
    table(
      ["device", "profile", "connection", "state", "last seen", "errors", "problem"],
      status.devices.map((device) => [
        device.id,
        device.profile,
        device.connection,
        device.state,
        device.lastSeen?.slice(11, 19) ?? "never",
        Object.entries(device.errors)
          .map(([code, count]) => `${code} ${count}`)
          .join(", "),
        device.problem ?? "",
      ]),
    ),
    table(
      ["connection", "state", "used", "error"],
      status.connections.map((line) => [
        line.name,
        line.state,
        `${(line.utilisation * 100).toFixed(1)} %`,
        line.error ?? "",
      ]),
    ),
    table(
      ["northbound", "state", "peer", "outbox", "error"],
      status.northbound.map((side) => [
        side.name,
        side.connected ? "connected" : "away",
        side.peer,
        JSON.stringify(side.outbox),
        side.error ?? "",
      ]),
    ),
  ];
  const unknown = status.connections.flatMap(({ name, unknown: found = [] }) =>
    found.map(({ settings, name: called, model, heard, given }) => [
      name,
      JSON.stringify(settings),
      called ?? "",
      model ?? "",
      String(heard),
      JSON.stringify(given ?? null),
    ]),
  );
  if (unknown.length > 0)
    parts.push(table(["connection", "not configured", "name", "model", "heard", "last word"], unknown));
  if (status.quarantined.length > 0) {
    parts.push(
      `Not started:\n${status.quarantined.map(({ kind, id, reason }) => `  ${kind} ${id}: ${reason}`).join("\n")}`,
    );
  }
  return `${parts.join("\n\n")}\n`;
}
