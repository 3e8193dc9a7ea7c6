import { type Command, Option } from "commander";
import { parseDocument } from "yaml";
import { ConfigError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { record } from "../../profiles/import/fields.ts";
import type { Protocol, SouthboundContext } from "../../southbound/protocol.ts";
import { openClock } from "../../store/clock.ts";
import { connectBy } from "../../transport/connect.ts";
import type { CliContext } from "../context.ts";
import { protocols } from "./protocols.ts";

/** How a tool reaches one device by itself; no gateway may be on the line at the same time. */
export interface LineOptions {
  readonly tcp?: string;
  readonly serial?: string;
  readonly baud?: string;
  readonly parity?: string;
  readonly connection?: string;
  readonly device?: string;
}

export function lineOptions(to: Command): Command {
  return to
    .option("--tcp <host:port>", "the device, or a converter, on the network")
    .option("--serial <port>", "the serial port that it hangs on")
    .option("--baud <rate>", "of the serial port")
    .addOption(new Option("--parity <parity>", "of the serial port").choices(["none", "even", "odd"]))
    .option("--device <settings>", "what gateway.yaml says of the device: unit=3, address=5")
    .option("--connection <settings>", "what else it says of the connection: framing=rtu");
}

/** The line and the device that the options name, as the protocol's schemas hand them on. Throws ConfigError. */
export function lineOf(protocol: Protocol, options: LineOptions): { connection: unknown; settings: unknown } {
  return {
    connection: connectionOf(protocol, options),
    settings: parsed("the device", protocol.device, settingsOf(options.device)),
  };
}

function connectionOf(protocol: Protocol, options: LineOptions): unknown {
  const written: Record<string, unknown> = { ...settingsOf(options.connection) };
  if (options.tcp !== undefined) {
    const [, host, port] = /^(.+?)(?::(\d{1,5}))?$/.exec(options.tcp) ?? [];
    written.tcp = { host, ...(port === undefined ? {} : { port: Number(port) }) };
  }
  if (options.serial !== undefined)
    written.serial = {
      ...record(written.serial),
      port: options.serial,
      ...(options.baud === undefined ? {} : { baud: Number(options.baud) }),
      ...(options.parity === undefined ? {} : { parity: options.parity }),
    };
  return parsed("the line", protocol.connection, written);
}

/** As `lineOf`; the device undefined where nobody says which, and the protocol needs to know. Throws ConfigError. */
export function lineTo(protocol: Protocol, options: LineOptions): { connection: unknown; settings: unknown } {
  const unsaid = options.device === undefined && !protocol.device.safeParse({}).success;
  return unsaid
    ? { connection: connectionOf(protocol, options), settings: undefined }
    : lineOf(protocol, options);
}

/** Settings as their schema hands them on. Throws ConfigError. */
export function parsed(
  what: string,
  schema: Protocol["connection"],
  written: unknown,
  hint = "say --tcp host:port, or --serial port --baud rate; and --device unit=1 where a line has several devices",
): unknown {
  const result = schema.safeParse(written);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ConfigError(`${what}: ${[...(issue?.path ?? []), issue?.message].join(": ")}`, {
    code: "bad-option",
    hint,
  });
}

/** `unit=3,address=5` as a mapping, numbers as numbers; or a mapping as gateway.yaml has it. Throws ConfigError. */
export function settingsOf(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  if (text.trimStart().startsWith("{")) return written(text);
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [key = "", value = ""] = pair.split("=", 2);
      return [key.trim(), /^-?\d+$/.test(value) ? Number(value) : value.trim()];
    }),
  );
}

function written(text: string): Record<string, unknown> {
  const document = parseDocument(text, { logLevel: "silent" });
  const [error] = document.errors;
  if (error)
    throw new ConfigError(`${text} is no mapping: ${error.message.split("\n")[0]}`, { code: "bad-option" });
  return record(document.toJS({ maxAliasCount: 0 }));
}

export function protocolNamed(name: string): Protocol {
  const protocol = protocols.find((one) => one.name === name);
  if (protocol) return protocol;
  throw new ConfigError(`unknown protocol "${name}"`, {
    code: "unknown-protocol",
    hint: `one of ${protocols.map((one) => one.name).join(", ")}`,
  });
}

/** Real wires and real time, for one command. */
export function liveContext(
  context: CliContext,
  stack: AsyncDisposableStack,
  emit: SouthboundContext["emit"] = () => Promise.resolve(),
): SouthboundContext {
  const clock = stack.use(openClock({ trust: "always", floor: 0 }));
  return {
    clock,
    random: Math.random,
    log: silentLog,
    connect: connectBy(clock),
    emit,
    signal: context.signal,
  };
}
