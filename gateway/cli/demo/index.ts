import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { GatewayConfig } from "../../config/config.ts";
import { parseDuration } from "../../model/duration.ts";
import { ConfigError } from "../../model/errors.ts";
import { type ReadingJson, valueToJson } from "../../model/json.ts";
import type { Value } from "../../model/value.ts";
import { type CliContext, ExitError, exit } from "../context.ts";
import { command } from "../daemon.ts";
import { readConfiguration, requireConfiguration } from "../files.ts";
import { ended } from "../run.ts";
import { openLog, startDaemon } from "../start.ts";
import { configuration, type DemoPorts, gatewayId, issuer, keyFile, keyName } from "./configuration.ts";
import { nodeRedMissing, startNodeRed } from "./node-red.ts";
import { portNear } from "./ports.ts";
import { openScreen } from "./screen.ts";

/** How long the platform may take for the last packs. */
const lastPacksMs = 5000;
/** How long the last commands may take; a lamp on the radio answers after a few seconds. */
const lastWordsMs = 5000;
const httpsPort = 8443;
const editorPort = 1880;
/** Of the LoRaWAN city, and how much faster than their makers' intervals they speak: the lamp every 10 s. */
export const radioDevices = [
  "square-bin",
  "quay-parking",
  "quay-parking-13",
  "quay-parking-14",
  "flat-climate",
  "library-cellar",
  "square-noise",
  "hornsgatan-traffic",
  "park-lamp",
];
const radioHurry = 180;

export function demoCommand(context: CliContext): Command {
  return command(
    "demo",
    "run a whole gateway on simulated city devices, with a broker, a platform, the technician's page and Node-RED",
    ["npm start", "npm start -- --for 30s --json", "npm start -- --no-node-red"],
  )
    .option("--for <duration>", "end after this time, e.g. 30s")
    .option("--json", "no table; the last line is a summary as JSON")
    .option(
      "--https",
      `the technician's page on port ${httpsPort} and no other; left out with --json unless asked for`,
    )
    .option("--node-red", "Node-RED beside it; left out with --json unless asked for")
    .option("--no-node-red", "without Node-RED")
    .option("--verbose", "show the gateway's own log")
    .action(async (options: DemoOptions & { for?: string }) => {
      const limit = options.for === undefined ? undefined : durationOf(options.for);
      const folder = mkdtempSync(join(tmpdir(), "stadsnod-demo-"));
      try {
        await demonstrate(context, folder, limit, options);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}

interface DemoOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly https?: boolean;
  readonly nodeRed?: boolean;
}

async function demonstrate(
  context: CliContext,
  folder: string,
  limitMs: number | undefined,
  options: DemoOptions,
): Promise<void> {
  const say = (text: string) => context.err(`${text}\n`);
  // Loaded here only: a gateway in the field has no use for simulators.
  const [
    { openCity },
    { openNeighbourhood },
    { openRadioQuarter, openStreet },
    { openControlRoom },
    { openBroker },
    { formatSummary, openPlatform },
  ] = await Promise.all([
    import("../../../simulators/scenes/city.ts"),
    import("../../../simulators/scenes/neighbourhood.ts"),
    import("../../../simulators/scenes/street.ts"),
    import("../../../simulators/scenes/control-room.ts"),
    import("../../../simulators/broker.ts"),
    import("../../../simulators/platform.ts"),
  ]);
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await openBroker({ port: 0 }));
  const nature = { now: Date.now, random: Math.random };
  const quarters = [
    stack.use(await openCity({ link: join(folder, "ttyCITY") })),
    stack.use(await openStreet({ link: join(folder, "ttyDOOR") })),
    stack.use(await openNeighbourhood({ nature, link: join(folder, "ttyCITY") })),
  ];
  const radio = stack.use(
    await openRadioQuarter({
      url: broker.url,
      nature,
      ids: radioDevices,
      hurry: radioHurry,
    }),
  );
  const city = {
    connections: [...quarters, radio].flatMap(({ connections }) => connections),
    devices: [...quarters, radio].flatMap(({ devices }) => devices),
  };
  say(`Simulated city: ${city.devices.length} devices`);
  for (const { id, model, connection, where } of city.devices)
    say(`  ${id.padEnd(18)} ${model.padEnd(24)} on ${connection}: ${where}`);
  say(`MQTT broker (embedded, for this demonstration only): ${broker.url}`);

  // Of the demonstration alone: the private half never leaves this process.
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(folder, keyFile), publicKey.export({ type: "spki", format: "pem" }));
  const file = join(folder, "gateway.yaml");
  const ports = await portsFor(options, say);
  writeFileSync(file, configuration(city, broker.url, ports));
  const config = await requireConfiguration(context, file);

  using screen = openScreen(context, { quiet: options.json === true, rank: rankBy(config) });
  const room = stack.use(
    await openControlRoom({
      url: broker.url,
      gateway: gatewayId,
      key: { kid: keyName, privateKey },
      issuer,
      onChange: (asked) => screen.command(asked),
    }),
  );
  const platform = stack.use(
    await openPlatform({
      url: broker.url,
      onReading: (reading) => {
        // The gateway has reached the broker: it hears commands.
        room.start();
        screen.reading(platformReading(reading));
      },
    }),
  );
  const log = openLog("info", { quiet: !options.verbose });
  let page: string | undefined;
  const daemon = await startDaemon(
    config,
    log,
    () => readConfiguration(context, file),
    { path: file, load: (text) => readConfiguration(context, file, text) },
    (user, password) => {
      page = `Technician's page: https://localhost:${ports.https}/ User ${user}, password ${password} (to be changed at the first login)`;
    },
  );
  await using beside = new AsyncDisposableStack();
  try {
    radio.network.start();
    const { socket } = config.local;
    say(
      `Gateway ${config.gateway.id}: ${config.devices.length} devices on ${config.connections.size} connections, run ${daemon.gateway.run}`,
    );
    if (page !== undefined) {
      say(page);
      say("The browser warns of the certificate: the gateway has made it itself, for this run only");
    }
    say(`Look around from another terminal: npm run -s stadsnod -- status --socket ${socket}`);
    say("Below: what the city's platform decoded from MQTT, and what it commands. Ctrl-C ends it.\n");
    const advice = `Try: npm run -s stadsnod -- write lamp-1 level 60 --socket ${socket}`;
    // The table covers what was said above.
    const shown = screen.live && page !== undefined ? `${page}\n${advice}` : advice;
    screen.footer(shown);
    if (ports.nodeRed !== undefined) {
      const onChange = (text: string) =>
        options.json || !screen.live ? say(text) : screen.footer(`${text}\n${shown}`);
      beside.use(await startNodeRed(config, { log, env: context.env, onChange }));
    }
    const time =
      limitMs === undefined
        ? context.signal
        : AbortSignal.any([context.signal, AbortSignal.timeout(limitMs)]);
    await ended(time);
    // Who waits for the end of it may wait for the last words; who pressed Ctrl-C does not.
    const finished = room.finish();
    await Promise.race([
      finished,
      ended(AbortSignal.any([context.signal, AbortSignal.timeout(lastWordsMs)])),
    ]);
  } finally {
    await beside.disposeAsync();
    await daemon[Symbol.asyncDispose]();
  }
  const produced = daemon.gateway.builder.accounting();
  const packs = produced.reduce((sum, audience) => sum + audience.lastSeq, 0);
  await Promise.race([
    platform.until(() => platform.summary().packs >= packs),
    ended(AbortSignal.timeout(lastPacksMs)),
  ]);
  const summary = platform.summary();
  const commands = room.summary();
  const readings = produced.reduce((sum, audience) => sum + audience.readings, 0);
  // What was produced and never came counts as missing too, not only holes between packs that came.
  const missing = Math.max(summary.missing, packs - summary.packs - summary.lost);
  screen[Symbol.dispose]();
  if (options.json) {
    context.out(`${JSON.stringify({ ...summary, missing, produced: { readings, packs }, commands })}\n`);
  } else {
    const { sent, succeeded, refused, failed, expired } = commands;
    say(`\nWhat the platform received:\n${formatSummary(platform)}`);
    say(`The gateway produced ${readings} readings in ${packs} packs; ${missing} packs are missing.`);
    say(
      `The city sent ${sent} commands: ${succeeded} succeeded, ${refused} refused (on purpose), ${failed} failed, ${expired} expired.`,
    );
  }
  if (missing > 0) throw new ExitError(exit.failed);
}

/** Free ports of what else is opened. Node-RED's users are those of the HTTPS door. */
async function portsFor(options: DemoOptions, say: (text: string) => void): Promise<DemoPorts> {
  const wanted = options.nodeRed ?? !options.json;
  const https = options.https ? httpsPort : options.json && !wanted ? undefined : await portNear(httpsPort);
  if (!wanted) return { https };
  const missing = nodeRedMissing();
  if (missing === undefined) return { https, nodeRed: await portNear(editorPort) };
  if (options.nodeRed) throw new ConfigError(`there is no Node-RED: ${missing}`, { code: "no-node-red" });
  say(`Without Node-RED: ${missing}`);
  return { https };
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

/** A profile names the important points first. */
function rankBy({ devices }: GatewayConfig): (reading: ReadingJson) => number {
  const ranks = new Map(
    devices.map(({ id, profile }) => [
      id,
      new Map([...profile.points, ...(profile.computed ?? [])].map(({ name }, index) => [name, index])),
    ]),
  );
  return ({ device, point }) => {
    const [name = point] = point.split("/");
    return ranks.get(device)?.get(name) ?? Number.MAX_SAFE_INTEGER;
  };
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
