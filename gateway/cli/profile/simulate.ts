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
import { live } from "./live-device.ts";
import { load, protocolOf, replayContext } from "./named.ts";
import { type Placement, type PlacementOptions, placementOf, snippet, type Where } from "./placement.ts";

interface SimulateOptions extends PlacementOptions {
  readonly tcp?: string;
  readonly host: string;
  readonly for?: string;
}

export function simulateCommand(context: CliContext): Command {
  return command("simulate", "make a device out of a profile, to try flows and screens without hardware", [
    "stadsnod profile simulate device-profiles/eastron/sdm630.yaml",
    "stadsnod profile simulate device-profiles/eastron/sdm630.yaml --tcp 1502 --unit 3",
    "stadsnod profile simulate device-profiles/kamstrup/multical-601.yaml --pty ./ttyBUS --device address=5",
  ])
    .argument("<path>", "the profile")
    .option("--tcp <port>", "listen on this TCP port (any free one when neither is given)")
    .option("--pty <path>", "open a serial line of its own, with a link to it at this path")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--device <settings>", "what gateway.yaml shall say of the device: unit=3, address=5")
    .option("--connection <settings>", "what else it shall say of the connection: framing=rtu")
    .option("--unit <id>", "short for --device unit=<id>")
    .option("--for <duration>", "end after this time, e.g. 30s")
    .action(async (path: string, options: SimulateOptions) => {
      if (options.tcp !== undefined && options.pty !== undefined)
        throw new ConfigError("--tcp and --pty exclude each other", { code: "bad-option" });
      const loaded = load(context, path);
      showDiagnostics(context, loaded.diagnostics);
      if (!loaded.profile) throw new ExitError(exit.failed);
      await using stack = new AsyncDisposableStack();
      const placement = placementOf(loaded, protocolOf(loaded), options);
      const where = await open(context, loaded, { options, placement }, stack);
      const { id, title } = loaded.profile;
      context.err(`${title.en} (${id}), simulated: plausible values, no evidence of anything\n`);
      context.out(snippet(loaded.profile, where, placement));
      context.err("Ctrl-C ends it.\n");
      const limit = options.for === undefined ? [] : [AbortSignal.timeout(parseDuration(options.for))];
      await ended(AbortSignal.any([context.signal, ...limit]));
    });
}

async function open(
  context: CliContext,
  loaded: LoadedProfile,
  { options, placement }: { options: SimulateOptions; placement: Placement },
  stack: AsyncDisposableStack,
): Promise<Where> {
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  const port = portOf(options.tcp);
  const pty =
    options.pty === undefined ? undefined : stack.use(await openLine(inFolder(context, options.pty)));
  const values = await exampleValues(context, loaded, clock);
  const device = simulatedDevice(loaded, placement, (point, seconds, reading) =>
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
  { settings, connection }: Placement,
  specimen: Specimen,
): SimulatedDevice {
  const { profile, examples } = loaded;
  const protocol = protocolOf(loaded);
  if (!profile || !protocol.simulate)
    throw new ConfigError(`devices of the protocol ${protocol.name} cannot be simulated`, {
      code: "cannot-simulate",
    });
  return protocol.simulate(profile, {
    given: examples.map(({ given }) => given).filter((given) => given !== undefined),
    specimen,
    settings,
    connection,
  });
}

async function openLine(link: string): Promise<Wire & AsyncDisposable & { readonly path: string }> {
  const { openPty } = await import("../../../simulators/pty.ts");
  return openPty({ link });
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
