import { type Command, Option } from "commander";
import { lineSettingsJob, scanCost, scanJob } from "../commissioning/scan.ts";
import { type ScanWhat, scanWhat } from "../commissioning/scan-input.ts";
import type { Finding } from "../model/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import type { CliContext } from "./context.ts";
import { command, socketOption } from "./daemon.ts";
import { daemonJob, Found, ownContext, progressOn } from "./line-job.ts";
import { deviceTable, duration, settingsTable, yamlOf } from "./scan-words.ts";

interface ScanOptions {
  readonly connection?: string;
  readonly port?: string;
  readonly host?: string;
  readonly protocol?: string;
  readonly thorough?: boolean;
  readonly addresses?: string;
  readonly settings?: boolean;
  readonly profiles?: string[];
  readonly direct?: boolean;
  readonly socket?: string;
  readonly json?: boolean;
}

export function scanCommand(context: CliContext): Command {
  return command(
    "scan",
    "look which devices are on a line, and what they may be; writes nothing to any of them",
    [
      "stadsnod scan --port /dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
      "stadsnod scan --port /dev/ttyUSB0 --settings",
      "stadsnod scan --host 192.168.1.20:502",
      "stadsnod scan --connection meters --addresses 1-40",
      "stadsnod scan --port /dev/ttyUSB0 --protocol mbus --thorough",
    ],
  )
    .option("--port <port>", "serial port to look at")
    .option("--host <host:port>", "device or converter on the network")
    .option("--connection <name>", "connection of gateway.yaml")
    .option("--protocol <name>", "how the devices speak (default: modbus; with --thorough all)")
    .option("--addresses <list>", "unit ids or addresses to ask: 1-32,100 (default: what is usual)")
    .option("--thorough", "all addresses and all line settings; takes long")
    .option("--settings", "find only the line settings (baud rate, parity) of --port")
    .option("--direct", "open the line from here, even though a gateway runs (that must not have it)")
    .addOption(
      new Option(
        "--profiles <folder...>",
        "profile folders (default: those of gateway.yaml, else the shipped ones)",
      ),
    )
    .addOption(socketOption())
    .option("--json", "one finding per line as JSON")
    .action((options: ScanOptions) => scan(context, options));
}

async function scan(context: CliContext, options: ScanOptions): Promise<void> {
  const what = whatOf(options);
  const port = options.settings === true ? what.port : undefined;
  if (options.settings === true && port === undefined)
    throw new ConfigError("--settings needs --port", { code: "bad-option" });
  const found = new Found(context, options.json);
  const say = progressOn(context);
  const asked =
    port === undefined
      ? { kind: "scan", ...what }
      : { kind: "line-settings", port, ...(what.protocol && { protocol: what.protocol }) };
  const daemon = options.direct ? undefined : await daemonJob(context, options, asked);
  if (daemon)
    for await (const job of daemon) {
      for (const finding of job.findings) found.take(finding);
      say(job.progress);
    }
  else {
    await using stack = new AsyncDisposableStack();
    const own = await ownContext(context, options, what, stack);
    if (port === undefined)
      context.err(
        `at most ${duration((await scanCost(what, own)).worstMs / 1000)}; nothing is written to any device\n`,
      );
    const steps =
      port === undefined
        ? scanJob(what, own, context.signal)
        : lineSettingsJob({ port, protocol: what.protocol }, own, context.signal);
    for await (const { progress, finding } of steps) {
      if (finding) found.take(finding);
      if (progress) say(progress);
    }
  }
  say(undefined);
  if (!options.json) show(context, found.all);
}

function show(context: CliContext, findings: readonly Finding[]): void {
  const devices = findings.filter((one) => one.kind === "device");
  const settings = findings.filter((one) => one.kind === "settings");
  if (settings.length > 0) context.out(`${settingsTable(settings)}\n`);
  if (devices.length > 0)
    context.out(`${settings.length > 0 ? "\n" : ""}${deviceTable(devices, context.columns)}\n`);
  const yaml = yamlOf(devices);
  if (yaml !== "") context.out(`\nFor gateway.yaml (look over names and profiles):\n\n${yaml}`);
  if (findings.length === 0)
    context.out(
      "nobody answered: is the power on, are A and B the right way round, is it the right port? --thorough tries everything\n",
    );
}

function whatOf(options: ScanOptions): ScanWhat {
  const [, host, tcpPort] = /^(.+?)(?::(\d{1,5}))?$/.exec(options.host ?? "") ?? [];
  const { connection, port, protocol, addresses } = options;
  const given = {
    connection,
    port,
    host,
    tcpPort: tcpPort === undefined ? undefined : Number(tcpPort),
    protocol,
    addresses,
  };
  return scanWhat({
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    effort: options.thorough ? "thorough" : "quick",
  });
}
