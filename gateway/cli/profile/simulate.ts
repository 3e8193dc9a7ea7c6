import { createServer, type Socket } from "node:net";
import type { Command } from "commander";
import type { Wire } from "../../../simulators/wire.ts";
import type { Clock } from "../../model/clock.ts";
import { parseDuration } from "../../model/duration.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Value } from "../../model/value.ts";
import { replay } from "../../profiles/example.ts";
import type { LoadedProfile } from "../../profiles/load.ts";
import { specimen } from "../../profiles/specimen.ts";
import type { SimulatedDevice, Specimen } from "../../southbound/protocol.ts";
import { openClock } from "../../store/clock.ts";
import { type CliContext, ExitError, exit, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import { ended } from "../run.ts";
import { load, protocolOf, replayContext } from "./named.ts";

interface SimulateOptions {
  readonly tcp?: string;
  readonly pty?: string;
  readonly host: string;
  readonly unit: string;
  readonly for?: string;
}

export function simulateCommand(context: CliContext): Command {
  return command("simulate", "make a device out of a profile, to try flows and screens without hardware", [
    "stadsnod profile simulate device-profiles/eastron/sdm630.yaml",
    "stadsnod profile simulate device-profiles/eastron/sdm630.yaml --tcp 1502 --unit 3",
    "stadsnod profile simulate device-profiles/senseair/s8.yaml --pty ./ttySENSOR",
  ])
    .argument("<path>", "the profile")
    .option("--tcp <port>", "listen on this TCP port (any free one when neither is given)")
    .option("--pty <path>", "open a serial line of its own, with a link to it at this path")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--unit <id>", "Modbus unit id", "1")
    .option("--for <duration>", "end after this time, e.g. 30s")
    .action(async (path: string, options: SimulateOptions) => {
      if (options.tcp !== undefined && options.pty !== undefined)
        throw new ConfigError("--tcp and --pty exclude each other", { code: "bad-option" });
      const loaded = load(context, path);
      showDiagnostics(context, loaded.diagnostics);
      if (!loaded.profile) throw new ExitError(exit.failed);
      await using stack = new AsyncDisposableStack();
      const where = await open(context, loaded, options, stack);
      const { id, title } = loaded.profile;
      context.err(`${title.en} (${id}), simulated: plausible values, no evidence of anything\n`);
      context.out(snippet(loaded.profile.protocol, id, where, options.unit));
      context.err("Ctrl-C ends it.\n");
      const limit = options.for === undefined ? [] : [AbortSignal.timeout(parseDuration(options.for))];
      await ended(AbortSignal.any([context.signal, ...limit]));
    });
}

/** A request is over after so many ms without a byte. */
const requestOverMs = 3;
const mostAsked = 4096;

/** Where the simulated device can be reached. */
type Where = { readonly port: number; readonly host: string } | { readonly pty: string };

async function open(
  context: CliContext,
  loaded: LoadedProfile,
  options: SimulateOptions,
  stack: AsyncDisposableStack,
): Promise<Where> {
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  const port = portOf(options.tcp);
  const pty =
    options.pty === undefined ? undefined : stack.use(await openLine(inFolder(context, options.pty)));
  const values = await exampleValues(context, loaded, clock);
  const device = simulatedDevice(loaded, pty !== undefined, unitOf(options.unit), (point, seconds, reading) =>
    specimen(point, seconds, values.get(reading)),
  );
  if (pty) {
    stack.use(live(pty, device, clock));
    return { pty: pty.path };
  }
  return { port: await listenTcp(options.host, port, device, clock, stack), host: options.host };
}

function simulatedDevice(
  loaded: LoadedProfile,
  serial: boolean,
  unit: number,
  specimen: Specimen,
): SimulatedDevice {
  const { profile, examples } = loaded;
  const protocol = protocolOf(loaded);
  if (!profile || !protocol.simulate)
    throw new ConfigError(`devices of the protocol ${protocol.name} cannot be simulated`, {
      code: "cannot-simulate",
    });
  const device = protocol.sample?.device ?? {};
  const written = typeof device === "object" && device !== null && "unit" in device ? { unit } : {};
  const line = serial
    ? { serial: { port: "simulated", baud: 9600 } }
    : { tcp: { host: "simulated", port: 1 } };
  return protocol.simulate(profile, {
    given: examples.map(({ given }) => given),
    specimen,
    settings: protocol.device.parse({ ...device, ...written }),
    connection: protocol.connection.parse(line),
  });
}

function unitOf(text: string): number {
  const unit = Number(text);
  if (Number.isInteger(unit) && unit >= 0 && unit <= 255) return unit;
  throw new ConfigError(`--unit ${text}: not a unit id`, { code: "bad-option", hint: "0 to 255" });
}

async function openLine(link: string): Promise<Wire & AsyncDisposable & { readonly path: string }> {
  const { openPty } = await import("../../../simulators/pty.ts");
  return openPty({ link });
}

/** Speaks and answers on a wire until disposed. */
function live(wire: Wire, device: SimulatedDevice, clock: Clock): AsyncDisposable {
  const opened = clock.monotonic();
  let asked: Uint8Array = new Uint8Array();
  let pause: Disposable | undefined;
  // A request may come in pieces: it is over when no more come.
  wire.receive((chunk) => {
    pause?.[Symbol.dispose]();
    asked = Buffer.concat([asked, chunk]).subarray(-mostAsked);
    pause = clock.timer(requestOverMs, () => {
      const answer = device.answer?.(asked, (clock.monotonic() - opened) / 1000);
      asked = new Uint8Array();
      if (answer) wire.send(answer);
    });
  });
  const words = device.words ?? [];
  let next = 0;
  let timer: Disposable | undefined;
  const speak = () => {
    const word = words[next++ % words.length];
    if (word) wire.send(word);
    timer = clock.timer(device.everyMs ?? 1000, speak);
  };
  if (words.length > 0) timer = clock.timer(1, speak);
  return {
    [Symbol.asyncDispose]: async () => {
      timer?.[Symbol.dispose]();
      pause?.[Symbol.dispose]();
      wire.receive(() => {});
    },
  };
}

async function listenTcp(
  host: string,
  port: number,
  device: SimulatedDevice,
  clock: Clock,
  stack: AsyncDisposableStack,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    const speaking = live(
      {
        send: (bytes) => {
          if (!socket.destroyed) socket.write(bytes);
        },
        receive: (receiver) => {
          socket.removeAllListeners("data");
          socket.on("data", receiver);
        },
      },
      device,
      clock,
    );
    socket.on("close", () => {
      sockets.delete(socket);
      void speaking[Symbol.asyncDispose]();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new ConfigError(`cannot listen on ${host}:${port}: ${cause.message}`, { code: "port", cause })),
    );
    server.listen(port, host, resolve);
  });
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function exampleValues(
  context: CliContext,
  loaded: LoadedProfile,
  clock: Clock,
): Promise<Map<string, Value>> {
  const values = new Map<string, Value>();
  const { profile, examples } = loaded;
  if (!profile) return values;
  // The first example that says something about a point counts: usually the nominal one.
  for (const example of examples.toReversed()) {
    const { readings } = await replay(profile, example, protocolOf(loaded), replayContext(context, clock));
    for (const { name, value } of readings.values()) if (value !== undefined) values.set(name, value);
  }
  return values;
}

function portOf(text: string | undefined): number {
  const port = Number(text ?? 0);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new ConfigError(`--tcp ${text}: not a port`, { code: "bad-option", hint: "1 to 65535" });
}

/** What gateway.yaml says to read it. */
function snippet(protocol: string, id: string, where: Where, unit: string): string {
  const line =
    "pty" in where
      ? `serial: {port: ${JSON.stringify(where.pty)}, baud: 9600}`
      : `tcp: {host: ${where.host}, port: ${where.port}}`;
  const settings = protocol === "modbus" ? `, unit: ${unit}` : "";
  return `connections:
  simulated: {protocol: ${protocol}, ${line}}
devices:
  simulated-1: {profile: ${id}, connection: simulated${settings}, audience: open}
`;
}
