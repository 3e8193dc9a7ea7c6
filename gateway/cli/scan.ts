import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { lineSettingsJob, type ScanContext, scanCost, scanJob } from "../commissioning/scan.ts";
import { type ScanWhat, scanWhat } from "../commissioning/scan-input.ts";
import type { Finding } from "../model/commissioning.ts";
import { ConfigError, GatewayError } from "../model/errors.ts";
import type { Job, JobProgress } from "../model/job.ts";
import { silentLog } from "../model/log.ts";
import { loadProfiles } from "../profiles/library.ts";
import { loadProtocols } from "../southbound/index.ts";
import { openClock } from "../store/clock.ts";
import { connectBy } from "../transport/connect.ts";
import { type CliContext, inFolder } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { files, readConfiguration } from "./files.ts";
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
  const findings = new Map<string, Finding>();
  const take = (finding: Finding): void => {
    const key = JSON.stringify(
      "connection" in finding
        ? [finding.kind, finding.connection, "settings" in finding && finding.settings]
        : finding,
    );
    const before = JSON.stringify(findings.get(key));
    findings.set(key, finding);
    if (options.json && before !== JSON.stringify(finding)) context.out(`${JSON.stringify(finding)}\n`);
  };
  const say = progressOn(context);
  const daemon = options.direct ? undefined : await daemonJob(context, options, what, port);
  if (daemon)
    for await (const job of daemon) {
      for (const finding of job.findings) take(finding);
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
      if (finding) take(finding);
      if (progress) say(progress);
    }
  }
  say(undefined);
  if (!options.json) show(context, [...findings.values()]);
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

/** The job at the running gateway as it changes; undefined where none runs. Ctrl-C stops it there as well. */
async function daemonJob(
  context: CliContext,
  options: ScanOptions,
  what: ScanWhat,
  port: string | undefined,
): Promise<AsyncIterable<Job> | undefined> {
  const daemon = await daemonOf(context, options);
  const asked =
    port === undefined
      ? { kind: "scan", ...what }
      : { kind: "line-settings", port, ...(what.protocol && { protocol: what.protocol }) };
  let job: Job;
  try {
    job = await daemon.post<Job>("/v1/jobs", asked);
  } catch (error) {
    const nobody = error instanceof GatewayError && error.code === "daemon-unreachable";
    if (nobody && options.socket === undefined) return undefined;
    throw error;
  }
  const path = `/v1/jobs/${job.id}`;
  return (async function* () {
    let last = job;
    try {
      for await (const { data } of daemon.events<Job>(`${path}/events`, context.signal)) {
        last = data;
        yield data;
        if (data.state !== "running") break;
      }
    } finally {
      if (context.signal.aborted) await daemon.delete(path);
    }
    if (last.error) throw new GatewayError(last.error.message, last.error);
  })();
}

/** Everything that the gateway would give, with lines opened from here. */
async function ownContext(
  context: CliContext,
  options: ScanOptions,
  what: ScanWhat,
  stack: AsyncDisposableStack,
): Promise<ScanContext> {
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  const hasFile = existsSync(inFolder(context, "gateway.yaml"));
  const config = hasFile ? (await readConfiguration(context, "gateway.yaml")).config : undefined;
  if (what.connection !== undefined && !config)
    throw new ConfigError("there is no gateway.yaml here to take the connection from", {
      code: "unknown-connection",
    });
  const protocols = await loadProtocols();
  const folders =
    options.profiles?.map((folder) => inFolder(context, folder)) ??
    config?.profiles.map((folder) => resolve(dirname(inFolder(context, "gateway.yaml")), folder)) ??
    shippedProfiles(context);
  return {
    clock,
    random: Math.random,
    log: silentLog,
    connect: connectBy(clock),
    protocols: async () => protocols,
    profiles: async () =>
      Array.from(loadProfiles(folders, files, protocols).profiles.values()).flatMap(
        ({ profile }) => profile ?? [],
      ),
    connections: async () =>
      Array.from(config?.connections.values() ?? [], ({ name, protocol, settings }) => ({
        id: name,
        protocol: protocol.name,
        settings,
        devices: (config?.devices ?? []).filter(({ connection }) => connection === name),
      })),
  };
}

/** Those of this folder, else those that came with the program. */
function shippedProfiles(context: CliContext): string[] {
  const name = "device-profiles";
  const places = [
    inFolder(context, name),
    ...["..", "../.."].map((up) => resolve(import.meta.dirname, up, name)),
  ];
  return places.filter((folder) => existsSync(folder)).slice(0, 1);
}

/** One line that is written over on a terminal, else a line every ten seconds. */
function progressOn(context: CliContext): (progress: JobProgress | undefined) => void {
  const { columns } = context;
  let said = Number.POSITIVE_INFINITY;
  return (progress) => {
    if (!progress) {
      if (columns !== undefined) context.err("\r\u001b[K");
      return;
    }
    const { done, total, leftS, doing } = progress;
    const text = `${done}${total === undefined ? "" : `/${total}`} ${doing.en}${leftS === undefined ? "" : `, at most ${duration(leftS)} more`}`;
    if (columns !== undefined) context.err(`\r\u001b[K${text.slice(0, columns - 1)}`);
    else if (leftS === undefined || said - leftS >= 10) {
      said = leftS ?? said;
      context.err(`${text}\n`);
    }
  };
}
