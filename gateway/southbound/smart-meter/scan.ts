import type { DeviceProfile } from "../../model/device.ts";
import { momentReadings } from "../derivation.ts";
import { Exchange } from "../exchange.ts";
import { likeness, matchOf, ranked, stranger } from "../profile-fit.ts";
import type { PointResult, ScanInput, ScanPlan, ScanStep, SouthboundContext } from "../protocol.ts";
import { deframerOf } from "./framing.ts";
import { MeterListener } from "./listener.ts";
import type { MeterAddress, MeterConnection, MeterHead } from "./settings.ts";

type MeterProfile = DeviceProfile<MeterAddress, MeterHead>;

/** Meters say everything at least every 10 s (Swedish H1 and DSMR 2 to 4), the others more often. */
const listenMs = 12_000;
const openMs = 200;
/** What is kept of what is heard: several of the longest telegrams. */
const mostBytes = 65_536;
/** Bounds what is decoded. */
const mostMessages = 64;

/** P1 and H1 since DSMR 4; HAN ports of Kaifa, Aidon and Kamstrup; P1 of DSMR 2 and 3. Pure. */
export function meterLineSettings({ endpoint }: MeterConnection): readonly MeterConnection[] {
  if (endpoint.kind === "tcp") return [{ endpoint }];
  const styles = [
    { baud: 115_200, dataBits: 8, parity: "none" },
    { baud: 2400, dataBits: 8, parity: "even" },
    { baud: 2400, dataBits: 8, parity: "none" },
    { baud: 9600, dataBits: 7, parity: "even" },
  ] as const;
  return styles.map((style) => ({ endpoint: { ...endpoint, ...style, stopBits: 1 } }));
}

/** As `Protocol.scanPlan`: listening alone. Pure. */
export function planMeterScan(connection: MeterConnection, what: ScanInput): ScanPlan {
  const lines = linesOf(connection, what).length;
  return { asks: lines, worstMs: lines * (listenMs + openMs) };
}

/**
 * As `Protocol.scan`: listens with each of the settings until something whole was heard. A port has one meter.
 * Of one that encrypts only its framing can be told.
 */
export async function* scanMeter(
  connection: MeterConnection,
  what: ScanInput,
  context: SouthboundContext,
): AsyncGenerator<ScanStep> {
  const lines = linesOf(connection, what);
  const profiles = what.profiles.filter(isMeterProfile);
  const { worstMs } = planMeterScan(connection, what);
  const startedAt = context.clock.monotonic();
  for (const [asked, line] of lines.entries()) {
    const name = lineText(line);
    const doing = { en: `listening at ${name}`, sv: `lyssnar med ${name}` };
    const leftMs = Math.max(0, worstMs - (context.clock.monotonic() - startedAt));
    yield { asked, of: lines.length, leftMs, doing };
    const bytes = await listen(line, context);
    const heard = understood(bytes, profiles, context);
    if (heard.whole === 0) continue;
    const written = writtenLine(line);
    yield { kind: "settings", protocol: "smart-meter", connection: written, whole: heard.whole, damaged: 0 };
    yield {
      kind: "device",
      protocol: "smart-meter",
      connection: written,
      settings: {},
      ...(heard.says === undefined ? {} : { says: heard.says }),
      profiles: heard.profiles,
    };
    return;
  }
}

async function listen({ endpoint }: MeterConnection, context: SouthboundContext): Promise<Uint8Array> {
  const { clock, signal, connect } = context;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const transport = await connect(endpoint, signal);
  await using exchange = new Exchange<never>(
    transport,
    {
      statistics: {},
      push(chunk) {
        if (length < mostBytes) chunks.push(chunk.slice());
        length += chunk.length;
        return [];
      },
    },
    clock,
  );
  await clock.sleep(listenMs, AbortSignal.any([signal, exchange.lost]));
  return Buffer.concat(chunks).subarray(0, mostBytes);
}

/** Heads of what meters speak, for ports of which no profile is known. */
const bareHeads: readonly MeterHead[] = [
  { codec: "p1", crc: "optional", silentAfter: 60_000, standardTime: 60 },
  { codec: "dlms", layout: "obis", framing: "hdlc", silentAfter: 60_000, standardTime: 60 },
  { codec: "dlms", layout: "obis", framing: "mbus", silentAfter: 60_000, standardTime: 60 },
];

function understood(bytes: Uint8Array, profiles: readonly MeterProfile[], { clock }: SouthboundContext) {
  const at = clock.monotonic();
  const cut = (head: MeterHead) => {
    const deframer = deframerOf(head);
    return [...deframer.push(bytes, at), ...(deframer.quiet?.(at) ?? [])].slice(0, mostMessages);
  };
  const whole = Math.max(...bareHeads.map((head) => cut(head).length));
  const encrypted: string[] = [];
  const matches = profiles.map((profile) => {
    const listener = new MeterListener(stranger(profile, {}), (code) => encrypted.push(code));
    const results: PointResult[] = cut(profile.protocolSettings).flatMap(
      (message) => listener.results(message, clock.stamp()) ?? [],
    );
    if (results.length === 0) return undefined;
    const like = likeness(profile, momentReadings(stranger(profile, {}), results));
    return like.telling === 0 ? undefined : matchOf(profile, like);
  });
  const ident = /^\/([\x20-\x7e]{4,60})\r?$/m.exec(Buffer.from(bytes).toString("latin1"))?.[1];
  const says = ident ?? (encrypted.includes("encrypted") ? "encrypted: its key is needed" : undefined);
  return { whole, says, profiles: ranked(matches) };
}

function linesOf(connection: MeterConnection, what: ScanInput): readonly MeterConnection[] {
  const lines = what.lines?.filter(isMeterConnection);
  return lines && lines.length > 0 ? lines : [connection];
}

function lineText({ endpoint }: MeterConnection): string {
  if (endpoint.kind === "tcp") return `${endpoint.host}:${endpoint.port}`;
  const { baud, dataBits, parity, stopBits } = endpoint;
  return `${baud} ${dataBits}${parity.charAt(0).toUpperCase()}${stopBits}`;
}

function writtenLine({ endpoint }: MeterConnection): Readonly<Record<string, unknown>> {
  if (endpoint.kind === "tcp") return { tcp: { host: endpoint.host, port: endpoint.port } };
  const { port, baud, dataBits, parity } = endpoint;
  return {
    serial: {
      port,
      ...(baud === 115_200 ? {} : { baud }),
      ...(dataBits === 8 ? {} : { dataBits }),
      ...(parity === "none" ? {} : { parity }),
    },
  };
}

function isMeterProfile(profile: DeviceProfile): profile is MeterProfile {
  return profile.protocol === "smart-meter";
}

function isMeterConnection(line: unknown): line is MeterConnection {
  return typeof line === "object" && line !== null && "endpoint" in line;
}
