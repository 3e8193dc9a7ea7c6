import { isBitTable, type ModbusConnection, type Table, type UnitTiming } from "./settings.ts";

/** What a unit needs before it answers when nobody says, ms. */
const defaultTurnaroundMs = 5;
/** One exchange with a TCP device when nobody says, ms. */
const defaultRoundTripMs = 5;
/** Small TCP stacks copy byte by byte, ms. */
const tcpByteMs = 0.01;
/** A line behind a transparent converter is not known to us: taken as 19200 baud with 11 bits per character. */
const hiddenLine = { baud: 19_200, characterBits: 11 };

/**
 * Line time in ms of one read of so many registers or bits, by the frames of Modbus over Serial Line
 * V1.02 (RTU: request 8 characters, answer 5 plus data, 3.5 characters of silence, 1.75 ms above 19200
 * baud; ASCII: a colon, two characters per byte, CR LF, no silence) or by the round trip of TCP.
 */
export function readCostMs(
  connection: ModbusConnection,
  unit: UnitTiming,
  table: Table,
): (units: number) => number {
  const { endpoint, framing, timing } = connection;
  const dataBytes = (units: number) => (isBitTable(table) ? Math.ceil(units / 8) : units * 2);
  const pause = unit.minInterval ?? 0;
  if (framing === "tcp") {
    const roundTrip = unit.turnaround ?? timing.turnaround ?? defaultRoundTripMs;
    // 12 bytes there, 9 plus data back (MBAP header and PDU).
    return (units) => pause + roundTrip + (21 + dataBytes(units)) * tcpByteMs;
  }
  const turnaround = unit.turnaround ?? timing.turnaround ?? defaultTurnaroundMs;
  const { baud, characterBits } =
    endpoint.kind === "serial"
      ? {
          baud: endpoint.baud,
          characterBits: 1 + endpoint.dataBits + (endpoint.parity === "none" ? 0 : 1) + endpoint.stopBits,
        }
      : hiddenLine;
  const characterMs = (characterBits * 1000) / baud;
  const network = endpoint.kind === "tcp" ? defaultRoundTripMs : 0;
  if (framing === "ascii") {
    // Colon, address, function, data, LRC, CR LF: 17 characters there, 11 plus two per data byte back.
    return (units) => {
      const characters = 17 + 11 + 2 * dataBytes(units);
      return characters * characterMs + turnaround + network + Math.max(pause, timing.silence ?? 0);
    };
  }
  const shortest = baud > 19_200 ? 1.75 : 3.5 * characterMs;
  // A unit cannot know that the request is over before the silence has passed.
  const answerAfter = Math.max(turnaround, shortest);
  const silence = Math.max(timing.silence ?? 0, shortest, pause);
  return (units) => (8 + 5 + dataBytes(units)) * characterMs + answerAfter + silence + network;
}

/** The serial speeds above the present one that are worth asking for, slowest first. */
export function fasterLines(
  connection: ModbusConnection,
): { readonly change: string; readonly connection: ModbusConnection }[] {
  const { endpoint } = connection;
  if (endpoint.kind !== "serial") return [];
  return [9600, 19_200, 38_400, 57_600, 115_200]
    .filter((baud) => baud > endpoint.baud)
    .map((baud) => ({
      change: `raise baud to ${baud}`,
      connection: { ...connection, endpoint: { ...endpoint, baud } },
    }));
}
