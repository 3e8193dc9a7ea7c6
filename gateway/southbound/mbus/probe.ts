import { ConfigError, TransientError } from "../../model/errors.ts";
import { Exchange } from "../exchange.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { MbusDeframer } from "./deframer.ts";
import { encodeShort, sendInitialise } from "./frame.ts";
import { MbusLine, serialQuietMs, tcpQuietMs } from "./line.ts";
import { MbusMaster, newMeterState } from "./master.ts";
import { mediumText, meterFindings } from "./probe-records.ts";
import { scanSecondary } from "./scan.ts";
import {
  type MbusConnection,
  type MbusDevice,
  type MbusHead,
  mostTelegrams,
  type SecondaryAddress,
} from "./settings.ts";

const head: MbusHead = { telegrams: mostTelegrams, reset: "link", timing: {} };

/**
 * Everything that a meter says, as a profile would write it; without an address, or with `scan` as the
 * place, which meters there are, as gateway.yaml would write them.
 */
export async function* probeMbus(
  connection: MbusConnection,
  { settings, at }: ProbeInput<MbusDevice>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const scan = scanOf(settings === undefined ? (at ?? "scan") : at);
  const { clock, signal } = context;
  const transport = await context.connect(connection.endpoint, signal);
  const quietMs = connection.endpoint.kind === "serial" ? serialQuietMs : tcpQuietMs;
  await using exchange = new Exchange(transport, new MbusDeframer(quietMs), clock);
  const master = new MbusMaster(exchange, connection, clock);
  if (scan) {
    const line = new MbusLine(exchange, connection, clock);
    let silent = true;
    for (const findings of [scanPrimary(line, master, scan, signal), scanAll(master, scan, signal)])
      for await (const finding of findings) {
        silent = false;
        yield finding;
      }
    if (silent)
      throw new TransientError("no meter answered", {
        code: "silent",
        hint: "check the bus voltage (about 36 V), the two wires, and the baud rate: 2400 and 300 are usual",
      });
    return;
  }
  if (settings === undefined) throw new ConfigError("which meter?", { code: "bad-place" });
  const received = await master.read(settings, head, newMeterState(), signal);
  yield* meterFindings(received);
}

interface Scan {
  /** Primary addresses, first and last; undefined: none. */
  readonly primary: readonly [number, number] | undefined;
  /** Where the search by secondary address begins; undefined: there is none. */
  readonly mask: string | undefined;
}

function scanOf(at: string | undefined): Scan | undefined {
  if (at === undefined) return undefined;
  const match = /^\s*scan(?:\s+(\d{1,3})(?:\.\.(\d{1,3}))?|\s+([0-9A-Fa-f]{8}))?\s*$/.exec(at);
  if (!match) throw badPlace(at);
  const [, from, to, mask] = match;
  if (mask !== undefined) return { primary: undefined, mask: mask.toUpperCase() };
  if (from === undefined) return { primary: [1, 250], mask: "FFFFFFFF" };
  const [first, last] = [Number(from), Number(to ?? from)];
  if (first > last || last > 250) throw badPlace(at);
  return { primary: [first, last], mask: undefined };
}

function badPlace(at: string): ConfigError {
  return new ConfigError(`"${at}" is no place on an M-Bus line`, {
    code: "bad-place",
    hint: 'write --at "scan", "scan 1..20" (primary addresses) or "scan 12FFFFFF" (secondary); or --device address=5',
  });
}

async function* scanPrimary(
  line: MbusLine,
  master: MbusMaster,
  { primary }: Scan,
  signal: AbortSignal,
): AsyncIterable<ProbeFinding> {
  if (!primary) return;
  for (let address = primary[0]; address <= primary[1]; address++) {
    const ask = { name: `meter ${address}`, timeout: undefined, signal, repeats: 0 };
    try {
      const request = encodeShort(sendInitialise, address);
      await line.request(request, (frame) => frame.kind === "ack", ask, false);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      // Silence is nobody; bytes that make no sense are somebody, and perhaps several.
      if (error.code === "timeout") continue;
    }
    yield { at: `{address: ${address}}`, ...(await whoIs(master, { address }, signal)) };
  }
}

async function whoIs(
  master: MbusMaster,
  device: MbusDevice,
  signal: AbortSignal,
): Promise<{ readonly value: string; readonly note?: string }> {
  try {
    const [first] = await master.read(device, { ...head, telegrams: 1 }, newMeterState(), signal);
    const { id, manufacturer, version, medium } = first?.telegram.header ?? {};
    return {
      value: [manufacturer, id].filter(Boolean).join(" "),
      note: [
        version === undefined ? "" : `version ${version}`,
        medium === undefined ? "" : `medium ${mediumText(medium)}`,
      ]
        .filter(Boolean)
        .join(", "),
    };
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    return { value: "somebody", note: `${error.message}: several with one address?` };
  }
}

async function* scanAll(
  master: MbusMaster,
  { mask }: Scan,
  signal: AbortSignal,
): AsyncIterable<ProbeFinding> {
  if (mask === undefined) return;
  const { found, unresolved } = await scanSecondary((address) => master.probe(address, signal), { id: mask });
  for (const one of found) yield secondaryFinding(one);
  for (const one of unresolved)
    yield { ...secondaryFinding(one), note: "several meters answer here and cannot be told apart" };
}

function secondaryFinding({ id, manufacturer, version, medium }: SecondaryAddress): ProbeFinding {
  const parts = [
    `id: "${id}"`,
    ...(manufacturer === undefined ? [] : [`manufacturer: ${manufacturer}`]),
    ...(version === undefined ? [] : [`version: ${version}`]),
    ...(medium === undefined ? [] : [`medium: ${medium}`]),
  ];
  return {
    at: `{secondary: {${parts.join(", ")}}}`,
    value: [manufacturer, id].filter(Boolean).join(" "),
    ...(medium === undefined ? {} : { note: mediumText(medium) }),
  };
}
