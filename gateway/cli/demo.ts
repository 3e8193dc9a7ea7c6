import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { parseDuration } from "../model/duration.ts";
import { ConfigError } from "../model/errors.ts";
import { type ReadingJson, valueToJson } from "../model/json.ts";
import type { Value } from "../model/value.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command } from "./daemon.ts";
import { readConfiguration, requireConfiguration } from "./files.ts";
import { ended } from "./run.ts";
import { openLog, startDaemon } from "./start.ts";
import { LiveTable, line } from "./watch.ts";

/** How long the platform may take for the last packs. */
const lastPacksMs = 5000;

export function demoCommand(context: CliContext): Command {
  return command(
    "demo",
    "run a whole gateway on simulated city devices, with a broker and a platform beside it",
    ["npm start", "npm start -- --for 30s --json"],
  )
    .option("--for <duration>", "end after this time, e.g. 30s")
    .option("--json", "no table; the last line is a summary as JSON")
    .option("--verbose", "show the gateway's own log")
    .action(async (options: { for?: string; json?: boolean; verbose?: boolean }) => {
      const limit = options.for === undefined ? undefined : durationOf(options.for);
      const folder = mkdtempSync(join(tmpdir(), "stadsnod-demo-"));
      try {
        await demonstrate(context, folder, limit, options);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}

async function demonstrate(
  context: CliContext,
  folder: string,
  limitMs: number | undefined,
  options: { json?: boolean; verbose?: boolean },
): Promise<void> {
  const say = (text: string) => context.err(`${text}\n`);
  // Loaded here only: a gateway in the field has no use for simulators.
  const [{ openCity }, { openBroker }, { formatSummary, openPlatform }] = await Promise.all([
    import("../../simulators/scenes/city.ts"),
    import("../../simulators/broker.ts"),
    import("../../simulators/platform.ts"),
  ]);
  await using stack = new AsyncDisposableStack();
  const city = stack.use(await openCity({ link: join(folder, "ttyCITY") }));
  say(`Simulated city: ${city.devices.length} devices`);
  for (const { id, model, connection, where } of city.devices)
    say(`  ${id.padEnd(18)} ${model.padEnd(24)} on ${connection}: ${where}`);
  const broker = stack.use(await openBroker({ port: 0 }));
  say(`MQTT broker (embedded, for this demonstration only): ${broker.url}`);

  const table = options.json || context.columns === undefined ? undefined : stack.use(new LiveTable(context));
  const platform = stack.use(
    await openPlatform({
      url: broker.url,
      onReading: (reading) => {
        const shown = platformReading(reading);
        if (table) table.add([shown]);
        else if (!options.json) context.out(`${line(shown)}\n`);
      },
    }),
  );
  const file = join(folder, "gateway.yaml");
  writeFileSync(file, configuration(city, broker.url));
  const config = await requireConfiguration(context, file);
  const log = openLog(options.verbose ? "info" : "fatal");
  const daemon = await startDaemon(config, log, () => readConfiguration(context, file));
  try {
    say(
      `Gateway ${config.gateway.id}: ${config.devices.length} devices on ${config.connections.size} connections, run ${daemon.gateway.run}`,
    );
    say(`Look around from another terminal: npm run -s stadsnod -- status --socket ${config.local.socket}`);
    say("Below: what the city's platform decoded from MQTT. Ctrl-C ends it.\n");
    const time =
      limitMs === undefined
        ? context.signal
        : AbortSignal.any([context.signal, AbortSignal.timeout(limitMs)]);
    await ended(time);
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
  const produced = daemon.gateway.builder.accounting();
  const packs = produced.reduce((sum, audience) => sum + audience.lastSeq, 0);
  await Promise.race([
    platform.until(() => platform.summary().packs >= packs),
    ended(AbortSignal.timeout(lastPacksMs)),
  ]);
  const summary = platform.summary();
  const readings = produced.reduce((sum, audience) => sum + audience.readings, 0);
  // What was produced and never came counts as missing too, not only holes between packs that came.
  const missing = Math.max(summary.missing, packs - summary.packs - summary.lost);
  if (options.json) {
    context.out(`${JSON.stringify({ ...summary, missing, produced: { readings, packs } })}\n`);
  } else {
    say(`\nWhat the platform received:\n${formatSummary(platform)}`);
    say(`The gateway produced ${readings} readings in ${packs} packs; ${missing} packs are missing.`);
  }
  if (missing > 0) throw new ExitError(exit.failed);
}

/** A record of the platform as a line of the table: its name is `urn:dev:ops:<PEN>-<product>-<device>:<point>`. */
function platformReading(record: {
  name: string;
  value: Value | undefined;
  unit?: string | undefined;
  time: number;
}): ReadingJson {
  const [, device = "", name = ""] = /^urn:dev:ops:[^-]+-[^-]+-([^:]+):(.*)$/.exec(record.name) ?? [
    undefined,
    "",
    record.name,
  ];
  const value = record.value === undefined ? undefined : valueToJson(record.value);
  const time = new Date(record.time).toISOString();
  const point = name.replace(/\/quality$/, "");
  if (point !== name) return { device, point, quality: String(value), time };
  return {
    device,
    point,
    ...(value === undefined ? {} : { value }),
    ...(record.unit === undefined ? {} : { unit: record.unit }),
    quality: "good",
    time,
  };
}

interface DemoCity {
  readonly connections: readonly {
    readonly id: string;
    readonly protocol: string;
    readonly settings: Readonly<Record<string, unknown>>;
  }[];
  readonly devices: readonly {
    readonly id: string;
    readonly model: string;
    readonly connection: string;
    readonly settings: Readonly<Record<string, number>>;
  }[];
}

/** The gateway.yaml of the demonstration: an ordinary one, on the lines that the simulators opened. */
function configuration(city: DemoCity, brokerUrl: string): string {
  const connections = city.connections.map(
    ({ id, protocol, settings }) => `  ${id}: ${JSON.stringify({ protocol, ...settings })}`,
  );
  const devices = city.devices.map(
    ({ id, model, connection, settings }) =>
      `  ${id}: ${JSON.stringify({ profile: model, connection, ...settings, audience: audienceOf(model) })}`,
  );
  return `gateway: {id: demo-gateway, pen: 32474, title: {en: Demonstration, sv: Demonstration}}
profiles: [${JSON.stringify(profileFolder())}]
connections:
${connections.join("\n")}
devices:
${devices.join("\n")}
poll: {fast: 1s, normal: 2s, slow: 5s}
audiences:
  energy: {title: {en: Energy department, sv: Energienheten}, personal: true}
northbound:
  city: {type: mqtt, url: ${JSON.stringify(brokerUrl)}}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 1s}
local: {socket: stadsnod.sock}
clock: {trust: always}
`;
}

function audienceOf(model: string): string {
  return /sdm|meter|multical/.test(model) ? "energy" : "open";
}

/** The profiles beside this program, in a checkout and in an installation. */
function profileFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const up of ["..", "../..", "."]) {
    const folder = resolve(here, up, "device-profiles");
    if (existsSync(folder)) return folder;
  }
  throw new ConfigError("device-profiles/ is not beside this program", { code: "no-profiles" });
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (cause) {
    throw new ConfigError(`--for ${text}: not a duration`, {
      code: "bad-duration",
      hint: "write 30s or 5m",
      cause,
    });
  }
}
