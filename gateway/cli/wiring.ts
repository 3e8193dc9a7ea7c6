import { type Command, InvalidArgumentError } from "commander";
import { wiringJob } from "../commissioning/wiring/index.ts";
import type { LocalClient } from "../local/client.ts";
import type { Finding, WiringFound } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";
import { ConfigError, GatewayError } from "../model/errors.ts";
import type { Job, JobProgress } from "../model/job.ts";
import { openClock } from "../store/clock.ts";
import { connectBy } from "../transport/connect.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";
import { languageOption } from "./language.ts";

interface WiringOptions {
  readonly seconds: number;
  readonly config: string;
  readonly direct?: boolean;
  readonly language: "en" | "sv";
  readonly socket?: string;
  readonly json?: boolean;
}

export function wiringCommand(context: CliContext): Command {
  return command(
    "wiring",
    "find out what is wrong with the wiring of a line: A and B, termination, parity, speed, ground and more; reads only",
    [
      "stadsnod wiring meters",
      "stadsnod wiring meters --seconds 60 --language sv",
      "stadsnod wiring meters --direct --config /etc/stadsnod/gateway.yaml",
    ],
  )
    .argument("<connection>", "connection of gateway.yaml")
    .option("--seconds <count>", "how long to look, 10 to 300", secondsOf, 20)
    .option("--direct", "open the line from here; no gateway may run on it meanwhile")
    .option("--config <file>", "configuration for --direct, and where no gateway runs", "gateway.yaml")
    .addOption(languageOption(context))
    .addOption(socketOption())
    .option("--json", "one finding per line as JSON")
    .action((connection: string, options: WiringOptions) => wiring(context, connection, options));
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 10 || seconds > 300)
    throw new InvalidArgumentError("write whole seconds from 10 to 300");
  return seconds;
}

async function wiring(context: CliContext, connection: string, options: WiringOptions): Promise<void> {
  let said = "";
  const say = ({ doing, leftS }: JobProgress): void => {
    const text = `${inWords(doing, options.language)}${leftS === undefined ? "" : ` (${leftS} s)`}`;
    if (context.columns === undefined || options.json || text === said) return;
    said = text;
    context.err(`\r\x1b[K${text}`);
  };
  const daemon = options.direct ? undefined : await begun(context, connection, options);
  const findings = daemon
    ? await followed(context, daemon, say)
    : await looked(context, connection, options, say);
  if (said !== "") context.err("\r\x1b[K");
  context.out(
    options.json
      ? findings.map((one) => `${JSON.stringify(one)}\n`).join("")
      : findings.map((one, index) => shown(one, index, options.language)).join("\n"),
  );
  if (findings[0]?.fault !== "none") throw new ExitError(exit.failed);
}

interface Begun {
  readonly daemon: LocalClient;
  readonly job: Job;
}

/** The job at the running gateway; undefined where none runs. */
async function begun(
  context: CliContext,
  connection: string,
  options: WiringOptions,
): Promise<Begun | undefined> {
  const daemon = await daemonOf(context, options);
  try {
    const job = await daemon.post<Job>("/v1/jobs", { kind: "wiring", connection, seconds: options.seconds });
    return { daemon, job };
  } catch (error) {
    const isAway = error instanceof GatewayError && error.code === "daemon-unreachable";
    if (!isAway || options.socket !== undefined) throw error;
    return undefined;
  }
}

/** Follows it to its end; Ctrl-C stops it there as well. */
async function followed(
  context: CliContext,
  { daemon, job }: Begun,
  say: (progress: JobProgress) => void,
): Promise<readonly WiringFound[]> {
  let last = job;
  try {
    for await (const { data } of daemon.events<Job>(`/v1/jobs/${job.id}/events`, context.signal)) {
      last = data;
      say(data.progress);
    }
  } finally {
    if (context.signal.aborted) await daemon.delete(`/v1/jobs/${job.id}`).catch(() => {});
  }
  if (last.error) throw new GatewayError(last.error.message, last.error);
  return wiringOf(last.findings);
}

async function looked(
  context: CliContext,
  connection: string,
  options: WiringOptions,
  say: (progress: JobProgress) => void,
): Promise<readonly WiringFound[]> {
  const config = await requireConfiguration(context, options.config);
  const line = config.connections.get(connection);
  if (!line)
    throw new ConfigError(`gateway.yaml has no connection ${connection}`, {
      code: "unknown-connection",
      hint: `one of ${[...config.connections.keys()].join(", ")}`,
    });
  await using stack = new AsyncDisposableStack();
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  const steps = wiringJob(
    {
      name: connection,
      protocol: line.protocol,
      connection: line.settings,
      devices: config.devices.filter((device) => device.connection === connection),
      seconds: options.seconds,
    },
    { clock, random: Math.random, connect: connectBy(clock) },
    context.signal,
  );
  const findings: WiringFound[] = [];
  for await (const { progress, finding } of steps) {
    if (progress) say(progress);
    if (finding) findings.push(finding);
  }
  return findings;
}

function wiringOf(findings: readonly Finding[]): readonly WiringFound[] {
  return findings.filter((finding) => finding.kind === "wiring");
}

function inWords(text: Text, language: "en" | "sv"): string {
  return (language === "sv" ? text.sv : undefined) ?? text.en;
}

/** The likeliest with what to do; of the others only what they would be. */
function shown(
  { message, likely, fixes, evidence, fault }: WiringFound,
  index: number,
  language: "en" | "sv",
): string {
  const words = (text: Text) => inWords(text, language);
  const [why, what] =
    language === "sv" ? ["Tyder på det", "Gör så här"] : ["What speaks for it", "What to do"];
  const head = `${words(message)} (${Math.round(100 * likely)} %)\n`;
  const isSmall = index > 0 && likely < 0.3;
  if (isSmall) return head;
  const list = (title: string, texts: readonly Text[]) =>
    texts.length === 0 ? "" : `  ${title}:\n${texts.map((text) => `    - ${words(text)}\n`).join("")}`;
  return head + list(why, evidence) + (fault === "none" ? "" : list(what, fixes));
}
