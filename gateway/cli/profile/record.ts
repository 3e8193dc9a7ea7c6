import type { Command } from "commander";
import type { Device, DeviceProfile, Point } from "../../model/device.ts";
import { parseDuration } from "../../model/duration.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";
import { valueToJson } from "../../model/json.ts";
import type { Reading } from "../../model/reading.ts";
import type { Value } from "../../model/value.ts";
import { type Example, replay } from "../../profiles/example.ts";
import { momentReadings } from "../../southbound/derivation.ts";
import type { PointResult, Protocol, SouthboundContext } from "../../southbound/protocol.ts";
import { tap } from "../../southbound/tap.ts";
import { type CliContext, ExitError, exit } from "../context.ts";
import { command } from "../daemon.ts";
import { type LineOptions, lineOf, lineOptions, liveContext, settingsOf } from "./line.ts";
import { good, protocolOf, replayContext } from "./named.ts";

interface RecordOptions extends LineOptions {
  readonly name?: string;
  readonly for: string;
}

export function recordCommand(context: CliContext): Command {
  const record = command("record", "read a live device once and print it as an example for its profile", [
    "stadsnod profile record my-meter.yaml --tcp 192.168.1.20:502 --device unit=1 >> my-meter.yaml",
    "stadsnod profile record my-meter.yaml --serial /dev/ttyUSB0 --baud 9600 --device unit=1",
  ]);
  return lineOptions(record.argument("<path>", "the profile"))
    .option("--name <text>", "name of the example (default: recorded, and today's date)")
    .option("--for <duration>", "how long to listen to a device that speaks first", "15s")
    .action(async (path: string, options: RecordOptions) => {
      const { profile } = good(context, path);
      const protocol = protocolOf({ profile });
      if (!protocol.record)
        throw new ConfigError(`devices of the protocol ${protocol.name} cannot be recorded`, {
          code: "cannot-record",
        });
      const { connection, settings } = lineOf(protocol, options);
      await using stack = new AsyncDisposableStack();
      const device = deviceOf(profile, settings);
      const recorder = new Recorder(device);
      const live = liveContext(context, stack, async (_device, results) => recorder.take(results));
      const tapped = tap(live.connect);
      await readOnce(
        protocol,
        { ...live, connect: tapped.connect },
        device,
        connection,
        parseDuration(options.for),
        recorder,
        (text) => context.err(`${text}\n`),
      );
      const bad = recorder.readings.filter(({ quality }) => quality !== "good");
      for (const { name, quality, detail } of bad) context.err(`${name}: ${quality} ${detail ?? ""}\n`);
      const title = options.name ?? `recorded ${new Date(live.clock.now()).toISOString().slice(0, 10)}`;
      const given = protocol.record(tapped.turns(), connection, profile);
      const written = { title, given, device: settingsOf(options.device) };
      const kept = await reproduced(context, profile, written, recorder.readings, live.clock);
      for (const name of kept.lost)
        context.err(`${name}: was read, but does not come out of what was recorded; left out\n`);
      if (!kept.readings.some(({ quality }) => quality === "good")) {
        context.err("nothing was read that can be repeated: there is nothing to record\n");
        throw new ExitError(exit.failed);
      }
      context.err(
        "Below the word examples: of the profile goes what follows; look at every value before you trust it.\n",
      );
      context.out(exampleText({ ...written, device: kept.device }, kept.readings));
    });
}

class Recorder {
  readonly #device: Device;
  readonly #results = new Map<Point, PointResult>();
  #told: (() => void) | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  get readings(): readonly Reading[] {
    return momentReadings(this.#device, this.#results.values());
  }

  take(results: readonly PointResult[]): void {
    for (const result of results) this.#results.set(result.point, result);
    this.#told?.();
  }

  /** Resolves when each of these points was heard, or the signal aborts. */
  heard(points: readonly Point[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (points.every((point) => this.#results.has(point)) || signal.aborted) resolve();
      };
      this.#told = look;
      signal.addEventListener("abort", look, { once: true });
      look();
    });
  }
}

async function readOnce(
  protocol: Protocol,
  live: SouthboundContext,
  device: Device,
  connection: unknown,
  listenMs: number,
  recorder: Recorder,
  say: (text: string) => void,
): Promise<void> {
  await using driver = await protocol.open(connection, live);
  await driver.listen?.([device]);
  const { requests, heard = [] } = protocol.plan(connection, device, device.profile.points, {});
  for (const request of requests) {
    try {
      recorder.take((await driver.read?.(device, request, live.signal)) ?? []);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      say(`${request.label}: ${error.message} [${error.code}]`);
    }
  }
  if (heard.length > 0)
    await recorder.heard(heard, AbortSignal.any([live.signal, AbortSignal.timeout(listenMs)]));
}

interface Written {
  readonly title: string;
  readonly given: unknown;
  /** As gateway.yaml has it. */
  readonly device: Readonly<Record<string, unknown>> | undefined;
}

interface Kept {
  readonly readings: readonly Reading[];
  /** Names of readings that cannot be repeated. */
  readonly lost: readonly string[];
  readonly device: Written["device"];
}

/**
 * The readings that come out of the record again, as `profile test` will see them; said to be of this
 * very device only where more come out that way. What was good has to be the same; what was not (a
 * sensor that warms up) is what the record makes of it.
 */
async function reproduced(
  context: CliContext,
  profile: DeviceProfile,
  { title, given, device }: Written,
  live: readonly Reading[],
  clock: SouthboundContext["clock"],
): Promise<Kept> {
  const protocol = protocolOf({ profile });
  const named = device !== undefined && Object.keys(device).length > 0;
  let best: Kept = { readings: [], lost: live.map(({ name }) => name), device: undefined };
  for (const one of named ? [undefined, device] : [undefined]) {
    const example: Example = {
      name: title,
      given: protocol.given.parse(given),
      device: one && protocol.device.parse(one),
      expect: new Map(live.map(({ name }) => [name, { quality: "good" }])),
      counters: new Map(),
    };
    const again = await replayed(profile, example, protocol, replayContext(context, clock));
    const readings = live.flatMap(({ name, quality, value }) => {
      const found = again.get(name);
      const same = found && (quality !== "good" || (found.quality === "good" && isSame(found.value, value)));
      return same ? [found] : [];
    });
    const kept = new Set(readings.map(({ name }) => name));
    if (readings.length > best.readings.length)
      best = { readings, lost: live.map(({ name }) => name).filter((name) => !kept.has(name)), device: one };
  }
  return best;
}

async function replayed(
  profile: DeviceProfile,
  example: Example,
  protocol: Protocol,
  context: SouthboundContext,
): Promise<ReadonlyMap<string, Reading>> {
  try {
    return (await replay(profile, example, protocol, context)).readings;
  } catch (error) {
    if (error instanceof GatewayError) return new Map();
    throw error;
  }
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  return one !== undefined && other !== undefined && valueToJson(one) === valueToJson(other);
}

/** YAML, two spaces in, as it stands below `examples:`. What is personal has no place in a public file. */
function exampleText({ title, given, device }: Written, readings: readonly Reading[]): string {
  const expect = readings
    .filter(({ point }) => !point.personal)
    .map(({ name: reading, quality, value }) => {
      const said = quality === "good" && value !== undefined ? valueToJson(value) : { quality };
      return `      ${/^[a-z0-9_]+$/.test(reading) ? reading : JSON.stringify(reading)}: ${JSON.stringify(said)}`;
    });
  const lines = [
    `  - name: ${JSON.stringify(title)}`,
    ...(device ? [`    device: ${JSON.stringify(device)}`] : []),
    `    given: ${JSON.stringify(given)}`,
    expect.length === 0 ? "    expect: {}" : "    expect:",
    ...expect,
  ];
  return `${lines.join("\n")}\n`;
}

function deviceOf(profile: DeviceProfile, settings: unknown): Device {
  return {
    id: "recorded",
    profile,
    connection: "recorded",
    settings,
    urn: "urn:dev:ops:32473-recorded-recorded:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 1000, slow: 1000 },
  };
}
