import { type Command, Option } from "commander";
import { listenJob } from "../commissioning/listen.ts";
import { type ListenWhat, listenWhat } from "../commissioning/scan-input.ts";
import type { Finding } from "../model/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import type { CliContext } from "./context.ts";
import { command, socketOption } from "./daemon.ts";
import { daemonJob, Found, type LineJobOptions, ownContext, progressOn } from "./line-job.ts";
import { checkText, proposed, settingsTable, trafficTable, yamlOf } from "./scan-words.ts";

interface ListenOptions extends LineJobOptions {
  readonly seconds: string;
  readonly protocol?: string;
  readonly direct?: boolean;
}

export function listenCommand(context: CliContext): Command {
  return command(
    "listen",
    "listen to another master and its devices on a serial line, and say what they are; sends nothing",
    [
      "stadsnod listen /dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
      "stadsnod listen meters --seconds 300",
      "stadsnod listen /dev/ttyUSB0 --direct --json",
    ],
  )
    .argument("<port|connection>", "serial port (a path), or connection of gateway.yaml")
    .option("--seconds <n>", "how long to listen", "60")
    .option("--protocol <name>", "how they speak (default: modbus; of a connection its own)")
    .option("--direct", "open the line from here, even though a gateway runs (that must not have it)")
    .addOption(
      new Option(
        "--profiles <folder...>",
        "profile folders (default: those of gateway.yaml, else the shipped ones)",
      ),
    )
    .addOption(socketOption())
    .option("--json", "one finding per line as JSON, as it comes")
    .action((place: string, options: ListenOptions) => listen(context, place, options));
}

async function listen(context: CliContext, place: string, options: ListenOptions): Promise<void> {
  const what = whatOf(place, options);
  const found = new Found(context, options.json);
  const say = progressOn(context);
  const daemon = options.direct ? undefined : await daemonJob(context, options, { kind: "listen", ...what });
  if (daemon)
    for await (const job of daemon) {
      for (const finding of job.findings) found.take(finding);
      say(job.progress);
    }
  else {
    await using stack = new AsyncDisposableStack();
    const own = { ...(await ownContext(context, options, what, stack)), anyPort: true };
    context.err(`listens for ${what.seconds} s; nothing is sent\n`);
    for await (const { progress, finding } of listenJob(what, own, context.signal)) {
      if (finding) found.take(finding);
      if (progress) say(progress);
    }
  }
  say(undefined);
  if (!options.json) show(context, found.all);
}

function whatOf(place: string, { seconds, protocol }: ListenOptions): ListenWhat {
  if (!/^\d+$/.test(seconds))
    throw new ConfigError(`--seconds wants a number, not ${seconds}`, { code: "bad-option" });
  return listenWhat({
    ...(place.includes("/") ? { port: place } : { connection: place }),
    ...(protocol !== undefined && { protocol }),
    seconds: Number(seconds),
  });
}

function show(context: CliContext, findings: readonly Finding[]): void {
  const settings = findings.filter((one) => one.kind === "settings");
  const heard = findings.filter((one) => one.kind === "traffic");
  const checks = findings.filter((one) => one.kind === "check");
  const parts = [
    ...(settings.length > 0 ? [settingsTable(settings)] : []),
    ...(heard.length > 0 ? [trafficTable(heard, context.columns)] : []),
    ...checks.map(checkText),
  ];
  context.out(`${parts.join("\n\n")}\n`);
  const yaml = yamlOf(proposed(heard));
  if (yaml !== "")
    context.out(
      `\nFor gateway.yaml (look over names and profiles; two masters never share a line):\n\n${yaml}`,
    );
}
