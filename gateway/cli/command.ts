import type { Command } from "commander";
import type { LocalClient } from "../local/client.ts";
import type { Priority } from "../model/command.ts";
import { type Asked, endWith, followed, type ResultJson, tell } from "./command-follow.ts";
import type { CliContext } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";
import { priorityOption } from "./write.ts";

interface Options {
  readonly socket?: string;
  readonly device?: string;
  readonly point?: string;
  readonly open?: boolean;
  readonly limit?: string;
  readonly reason?: string;
  readonly priority?: Priority;
  readonly json?: boolean;
}

interface HoldJson {
  readonly device: string;
  readonly point: string;
  readonly priority: string;
  readonly issuer: string;
  readonly value: number | boolean | string;
  readonly until?: string;
}

export function commandCommand(context: CliContext): Command {
  return command("command", "look at commands, confirm them, and release what is held", [
    "stadsnod command list --open",
    "stadsnod command confirm cli-0c1d2e3f-4a5b",
    "stadsnod command release lamp-1 level",
  ])
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(confirmCommand(context))
    .addCommand(releaseCommand(context))
    .addCommand(watchCommand(context));
}

function listCommand(context: CliContext): Command {
  return command("list", "the latest commands, the newest first, and who holds what", [
    "stadsnod command list",
    "stadsnod command list --device lamp-1 --open",
  ])
    .addOption(socketOption())
    .option("-d, --device <id>", "only of this device")
    .option("-p, --point <name>", "only of this point")
    .option("--open", "only those without a last word")
    .option("--limit <count>", "at most so many", "30")
    .option("--json", "one command per line as JSON")
    .action(async (options: Options) => {
      const daemon = await daemonOf(context, options);
      const query = queryOf(options);
      if (options.open) query.set("open", "true");
      if (options.limit !== undefined) query.set("limit", options.limit);
      const results = await daemon.get<ResultJson[]>(`/v1/commands?${query}`);
      if (options.json) return context.out(results.map((one) => `${JSON.stringify(one)}\n`).join(""));
      const holds = (await daemon.get<HoldJson[]>("/v1/holds")).filter(
        ({ device, point }) => (options.device ?? device) === device && (options.point ?? point) === point,
      );
      context.out(`${results.length === 0 ? "no commands" : commandTable(results, context.columns)}\n`);
      if (holds.length > 0) context.out(`\n${holdTable(holds, context.columns)}\n`);
    });
}

function showCommand(context: CliContext): Command {
  return command("show", "what became of one command", ["stadsnod command show cli-0c1d2e3f-4a5b"])
    .argument("<id>", "id of the command")
    .addOption(socketOption())
    .option("--json", "as JSON")
    .action(async (id: string, options: Options) => {
      const result = await one(await daemonOf(context, options), id);
      if (options.json) return context.out(`${JSON.stringify(result)}\n`);
      const lines = Object.entries(result).map(([key, value]) => [key, String(value)]);
      context.out(`${table(["", id], lines)}\n`);
    });
}

function confirmCommand(context: CliContext): Command {
  return command("confirm", "confirm a two-step command, and wait for what becomes of it", [
    "stadsnod command confirm cli-0c1d2e3f-4a5b",
  ])
    .argument("<id>", "id of the command that waits")
    .addOption(socketOption())
    .addOption(priorityOption())
    .option("--reason <text>", "why, for the audit log")
    .option("--json", "every result as JSON, one per line")
    .action(async (id: string, options: Options) => {
      const daemon = await daemonOf(context, options);
      const { device, point } = await one(daemon, id);
      const { priority, reason } = options;
      let refused: ResultJson | undefined;
      const begin = async () => {
        const asked: Asked = { device, point, action: "confirm", confirms: id, priority, reason };
        const answer = await daemon.post<ResultJson>("/v1/commands", asked);
        if (answer.state !== "succeeded") refused = answer;
        return refused ? { ...answer, id } : await one(daemon, id);
      };
      let last: ResultJson | undefined;
      for await (const result of followed(daemon, { id, device, point }, begin, context.signal)) {
        last = refused ?? result;
        tell(context, last, options.json);
      }
      endWith(last);
    });
}

function releaseCommand(context: CliContext): Command {
  return command("release", "give up what is held on a point, so that weaker ones may command it", [
    "stadsnod command release lamp-1 level",
  ])
    .argument("<device>", "device id of gateway.yaml")
    .argument("<point>", "point that is held")
    .addOption(socketOption())
    .addOption(priorityOption())
    .option("--reason <text>", "why, for the audit log")
    .option("--json", "the result as JSON")
    .action(async (device: string, point: string, { priority, reason, ...options }: Options) => {
      const daemon = await daemonOf(context, options);
      const asked: Asked = { device, point, action: "release", priority, reason };
      const result = await daemon.post<ResultJson>("/v1/commands", asked);
      if (options.json || result.state !== "succeeded") tell(context, result, options.json);
      else context.out(result.unchanged ? "nobody held it\n" : "released\n");
      endWith(result);
    });
}

function watchCommand(context: CliContext): Command {
  return command("watch", "results of all commands as they come", [
    "stadsnod command watch",
    "stadsnod command watch --device lamp-1 --json",
  ])
    .addOption(socketOption())
    .option("-d, --device <id>", "only of this device")
    .option("-p, --point <name>", "only of this point")
    .option("--json", "one result per line as JSON")
    .action(async (options: Options) => {
      const path = `/v1/results?${queryOf(options)}`;
      const stream = (await daemonOf(context, options)).events<ResultJson | number>(path, context.signal);
      for await (const { data } of stream) {
        if (typeof data === "number") context.err(`stadsnod: too slow, ${data} results were left out\n`);
        else context.out(`${options.json ? JSON.stringify(data) : row(data).join("  ").trimEnd()}\n`);
      }
    });
}

function queryOf({ device, point }: Options): URLSearchParams {
  const query = new URLSearchParams();
  if (device !== undefined) query.set("device", device);
  if (point !== undefined) query.set("point", point);
  return query;
}

function one(daemon: LocalClient, id: string): Promise<ResultJson> {
  return daemon.get<ResultJson>(`/v1/commands/${encodeURIComponent(id)}`);
}

function commandTable(results: readonly ResultJson[], width?: number): string {
  return table(
    ["time (UTC)", "id", "device", "point", "state", "value", "issuer", ""],
    results.map(row),
    width,
  );
}

function row({ id, device, point, state, stage, code, value, issuer, text, ...when }: ResultJson): string[] {
  const time = when.time ?? `boot+${((when.bootMs ?? 0) / 1000).toFixed(0)} s`;
  const how = code ?? stage;
  const what = how === undefined ? state : `${state} (${how})`;
  return [time, id, device, point, what, value === undefined ? "" : String(value), issuer, text ?? ""];
}

function holdTable(holds: readonly HoldJson[], width?: number): string {
  const rows = holds.map(({ device, point, value, priority, issuer, until }) => [
    device,
    point,
    String(value),
    priority,
    issuer,
    until ?? "it is released",
  ]);
  return table(["held device", "point", "value", "as", "by", "until (UTC)"], rows, width);
}
