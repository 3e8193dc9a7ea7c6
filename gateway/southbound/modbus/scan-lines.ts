import { ConfigError } from "../../model/errors.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { ModbusConnection } from "./settings.ts";

type Serial = Extract<Endpoint, { kind: "serial" }>;
type Style = Pick<Serial, "baud" | "dataBits" | "parity" | "stopBits">;

const style = (baud: number, parity: Serial["parity"], dataBits: 7 | 8 = 8): Style => ({
  baud,
  dataBits,
  parity,
  stopBits: 1,
});

/**
 * As devices are delivered, the commonest first: 9600 8N1 of most makers, 19200 8E1 of the standard
 * (MODBUS over Serial Line V1.02, 2.2 and 2.5.1), then their mixtures, 2400 of small meters and the fast
 * ones of sensors. No two stop bits: a line with one stop bit understands those that send two.
 */
const usualRtu: readonly Style[] = [
  style(9600, "none"),
  style(19_200, "even"),
  style(19_200, "none"),
  style(9600, "even"),
  style(115_200, "none"),
  style(38_400, "none"),
  style(2400, "none"),
  style(4800, "none"),
];
/** 7 data bits are what ASCII is for (V1.02, 2.5.2). */
const usualAscii: readonly Style[] = [
  style(9600, "even", 7),
  style(19_200, "even", 7),
  style(9600, "none"),
  style(19_200, "none"),
];
const bauds = [9600, 19_200, 38_400, 115_200, 57_600, 4800, 2400, 1200];
const parities = ["none", "even", "odd"] as const;

/** All settings that devices are found with, the likeliest first; over TCP the framings. Pure. */
export function modbusLineSettings(connection: ModbusConnection): readonly ModbusConnection[] {
  const { endpoint, framing } = connection;
  if (endpoint.kind === "tcp") {
    const others = (["tcp", "rtu"] as const).filter((other) => other !== framing);
    return [connection, ...others.map((other) => ({ ...connection, framing: other, concurrency: 1 }))];
  }
  const usual = framing === "ascii" ? usualAscii : usualRtu;
  const dataBits = framing === "ascii" ? [7 as const, 8 as const] : [8 as const];
  const all = dataBits.flatMap((bits) =>
    bauds.flatMap((baud) => parities.map((parity) => style(baud, parity, bits))),
  );
  const key = ({ baud, dataBits: bits, parity }: Style) => `${baud} ${bits}${parity}`;
  const styles = new Map([...usual, ...all].map((one) => [key(one), one] as const));
  return Array.from(styles.values(), (one) => ({ ...connection, endpoint: { ...endpoint, ...one } }));
}

/** What `lineSettings` gave comes back. */
export function isModbusConnection(line: unknown): line is ModbusConnection {
  return typeof line === "object" && line !== null && "endpoint" in line && "framing" in line;
}

/** Settings that no device is delivered with: who answers even then has a port without a speed (USB, a virtual one). */
export function absurdLine(connection: ModbusConnection): ModbusConnection | undefined {
  const { endpoint } = connection;
  if (endpoint.kind !== "serial") return undefined;
  return { ...connection, endpoint: { ...endpoint, baud: endpoint.baud === 600 ? 1200 : 600 } };
}

/** A connection as gateway.yaml writes it, without what goes without saying. */
export function writtenLine({ endpoint, framing }: ModbusConnection): Readonly<Record<string, unknown>> {
  if (endpoint.kind === "tcp") {
    const { host, port } = endpoint;
    return { tcp: { host, ...(port === 502 ? {} : { port }) }, ...(framing === "tcp" ? {} : { framing }) };
  }
  const { port, baud, dataBits, parity, stopBits } = endpoint;
  return {
    serial: {
      port,
      baud,
      ...(parity === "none" ? {} : { parity }),
      ...(dataBits === 8 ? {} : { dataBits }),
      ...(stopBits === 1 ? {} : { stopBits }),
    },
    ...(framing === "rtu" ? {} : { framing }),
  };
}

/** `9600 8N1` and the like, for people. */
export function lineText({ endpoint, framing }: ModbusConnection): string {
  if (endpoint.kind === "tcp")
    return framing === "tcp" ? "Modbus TCP" : `Modbus ${framing.toUpperCase()} over TCP`;
  const { baud, dataBits, parity, stopBits } = endpoint;
  const letter = parity.charAt(0).toUpperCase();
  return `${baud} ${dataBits}${letter}${stopBits}${framing === "ascii" ? " ASCII" : ""}`;
}

/**
 * Unit ids in the order in which they are asked. `first`: where devices come from the factory and where
 * installers begin to count; `rest`: the others.
 */
export interface Addresses {
  readonly first: readonly number[];
  readonly rest: readonly number[];
}

/** Factories deliver with 1 (a few with 2, 3, 100, 126 or 247), and whoever sets them by hand counts on from there. */
const usualFirst = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 126, 247];
/** A loaded RS-485 line carries 32 devices (TIA-485: 32 unit loads): ids beyond are rare. */
const usualLast = 32;
/**
 * Of a device that listens itself 255 stands for it, and 0 (MODBUS Messaging on TCP/IP V1.0b, 4.4.2.1): but what a
 * gateway hands on to unit 0 is a broadcast on the line behind it, so that is asked only where somebody wants it.
 */
const usualTcp = [1, 255, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Throws ConfigError (`bad-addresses`) for what is no list of unit ids on this line. */
export function addressesOf(
  connection: Pick<ModbusConnection, "endpoint" | "framing">,
  effort: "quick" | "thorough",
  written: string | undefined,
): Addresses {
  const tcp = connection.framing === "tcp";
  if (written !== undefined) return { first: unitIds(written, tcp), rest: [] };
  const first = tcp ? usualTcp : usualFirst;
  const last = effort === "thorough" ? 247 : usualLast;
  const rest = Array.from({ length: last }, (_, index) => index + 1).filter((unit) => !first.includes(unit));
  return { first, rest };
}

/** `1-32,100` as numbers, each once. Throws ConfigError. */
export function unitIds(written: string, tcp: boolean): number[] {
  const [least, most] = tcp ? [0, 255] : [1, 247];
  const wrong = (part: string) =>
    new ConfigError(`"${part.trim()}" is no unit id on this line`, {
      code: "bad-addresses",
      hint: `write numbers from ${least} to ${most}, and ranges: 1-32,100`,
    });
  const found = new Set<number>();
  for (const part of written.split(",")) {
    const [, from, to] = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part) ?? [];
    const [first, last] = [Number(from ?? Number.NaN), Number(to ?? from ?? Number.NaN)];
    if (!(first >= least && last <= most && first <= last)) throw wrong(part);
    for (let unit = first; unit <= last; unit++) found.add(unit);
  }
  return [...found];
}
