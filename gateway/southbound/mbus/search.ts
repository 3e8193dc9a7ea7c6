import type { DeviceFound } from "../../model/commissioning.ts";
import { type DeviceProfile, type Text, toldPoints } from "../../model/device.ts";
import { ConfigError, GatewayError, LinkError, TransientError } from "../../model/errors.ts";
import { momentReadings } from "../derivation.ts";
import { Exchange } from "../exchange.ts";
import { likeness, matchOf, namedIn, ranked, stranger } from "../profile-fit.ts";
import type { ScanInput, ScanPlan, ScanStep, SouthboundContext } from "../protocol.ts";
import { type Received, resultsOf } from "./address.ts";
import { MbusDeframer } from "./deframer.ts";
import { encodeShort, sendInitialise, testAddress } from "./frame.ts";
import { MbusLine, serialQuietMs, tcpQuietMs } from "./line.ts";
import { isMakerOf } from "./makers.ts";
import { MbusMaster, newMeterState } from "./master.ts";
import { mediumText } from "./probe-records.ts";
import { scanSecondary } from "./scan.ts";
import {
  characterBits,
  type MbusAddress,
  type MbusConnection,
  type MbusDevice,
  type MbusHead,
  meterName,
  type SecondaryAddress,
} from "./settings.ts";
import type { Header } from "./telegram.ts";

type MbusProfile = DeviceProfile<MbusAddress, MbusHead>;

/** Telegrams that tell what a meter is. */
const mostTelegrams = 4;
const head: MbusHead = { telegrams: mostTelegrams, reset: "link", timing: {} };
/** Primary addresses of a quick look: installers count from 1, and 0 was never set. The secondary search finds the others. */
const quickLast = 32;
const highest = 250;
/** Questions of the secondary search, for which it has the time at the speed of its line: ten for every digit that meters share. */
const searchAsks = { quick: 80, thorough: 1000 } as const;
/** For the meters that are found, ms. */
const readMs = { quick: 60_000, thorough: 600_000 } as const;

/** 2400, 300 and 9600 baud are what meters speak (EN 13757-2); through TCP the converter knows. Pure. */
export function mbusLineSettings(connection: MbusConnection): readonly MbusConnection[] {
  const { endpoint } = connection;
  if (endpoint.kind === "tcp") return [connection];
  return [2400, 300, 9600, 1200, 4800, 19_200].map((baud) => ({
    ...connection,
    baud,
    endpoint: { ...endpoint, baud, dataBits: 8, parity: "even", stopBits: 1 },
  }));
}

/** As `Protocol.scanPlan`. Pure. */
export function planMbusScan(connection: MbusConnection, what: ScanInput): ScanPlan {
  const lines = linesOf(connection, what);
  const addresses = addressesOf(what).length;
  const worstMs = lines.reduce((sum, line) => sum + (addresses + 4) * askMs(line), 0);
  return {
    asks: lines.length * (addresses + 4),
    worstMs: Math.ceil(
      worstMs + readMs[what.effort] + Math.max(...lines.map((line) => searchMs(line, what))),
    ),
  };
}

/**
 * As `Protocol.scan`: per line whether anybody hears the test address, then meters by secondary address, then by
 * primary address those that have no other. A meter is asked for its telegrams once or twice: every reading
 * costs battery. Nothing is set: initialising and selecting are of the link layer (EN 13757-2).
 */
export async function* searchMbus(
  connection: MbusConnection,
  what: ScanInput,
  context: SouthboundContext,
): AsyncGenerator<ScanStep> {
  const plan = planMbusScan(connection, what);
  const lines = linesOf(connection, what);
  const endsAt = context.clock.monotonic() + plan.worstMs;
  let asked = 0;
  for (const line of lines) {
    const search = new LineSearch(line, what, context, endsAt);
    for await (const step of search.run()) {
      if (!("kind" in step)) asked++;
      yield "kind" in step
        ? step
        : {
            ...step,
            asked: Math.min(asked, plan.asks),
            of: plan.asks,
            leftMs: Math.max(0, endsAt - context.clock.monotonic()),
          };
    }
    // A bus has one speed.
    if (search.found) break;
  }
}

class LineSearch {
  found = false;
  readonly #connection: MbusConnection;
  readonly #what: ScanInput;
  readonly #context: SouthboundContext;
  readonly #endsAt: number;
  readonly #profiles: readonly MbusProfile[];
  readonly #numbers = new Set<string>();

  constructor(connection: MbusConnection, what: ScanInput, context: SouthboundContext, endsAt: number) {
    this.#connection = connection;
    this.#what = what;
    this.#context = context;
    this.#endsAt = endsAt;
    this.#profiles = what.profiles.filter(isMbusProfile);
  }

  get #isOver(): boolean {
    return this.#context.clock.monotonic() >= this.#endsAt;
  }

  async *run(): AsyncGenerator<ScanStep> {
    const { clock, signal, connect } = this.#context;
    const { endpoint } = this.#connection;
    const transport = await connect(endpoint, signal);
    const deframer = new MbusDeframer(endpoint.kind === "serial" ? serialQuietMs : tcpQuietMs);
    await using exchange = new Exchange(transport, deframer, clock);
    const line = new MbusLine(exchange, this.#connection, clock);
    const master = new MbusMaster(exchange, this.#connection, clock);
    yield this.#doing(`anybody at ${this.#connection.baud} baud?`, `någon på ${this.#connection.baud} baud?`);
    // Some meters know the test address, and some only a selection that fits all.
    const anybody =
      (await this.#presence(line, testAddress)) !== "nobody" ||
      (await master.probe({ id: "FFFFFFFF" }, signal)) !== "nobody";
    if (!anybody && this.#what.effort === "quick" && this.#what.addresses === undefined) return;
    if (this.#what.addresses === undefined) yield* this.#secondary(master);
    for (const address of addressesOf(this.#what)) {
      if (this.#isOver) break;
      yield this.#doing(`asking meter ${address}`, `frågar mätare ${address}`);
      const presence = await this.#presence(line, address);
      if (presence === "somebody") yield* this.#study(master, { address });
    }
    if (this.found)
      yield {
        kind: "settings",
        protocol: "mbus",
        connection: this.#written,
        whole: this.#numbers.size,
        damaged: 0,
      };
  }

  async *#secondary(master: MbusMaster): AsyncGenerator<ScanStep> {
    const { signal } = this.#context;
    yield this.#doing("searching by secondary address", "söker på sekundäradress");
    const { clock } = this.#context;
    const endsAt = clock.monotonic() + searchMs(this.#connection, this.#what);
    const { found } = await scanSecondary((address) => {
      signal.throwIfAborted();
      // What is not found in this time is found by a longer look.
      return this.#isOver || clock.monotonic() >= endsAt
        ? Promise.resolve("nobody" as const)
        : master.probe(address, signal);
    });
    for (const meter of found) yield* this.#study(master, { secondary: meter });
  }

  async *#study(master: MbusMaster, device: MbusDevice): AsyncGenerator<ScanStep> {
    const name = meterName(device);
    yield this.#doing(`reading ${name}`, `läser ${name}`);
    const received = await this.#read(master, device);
    const header = received[0]?.telegram.header;
    const number = header?.id === undefined ? name : `${header.id} ${header.manufacturer}`;
    // By its other address it was found already; one that cannot be read then is one of them too, or several.
    if (this.#numbers.has(number) || (!header && device.address !== undefined && this.found)) return;
    this.#numbers.add(number);
    this.found = true;
    yield this.#device(device, header, received);
  }

  /** Nothing where it does not answer now: it was there. */
  async #read(master: MbusMaster, device: MbusDevice): Promise<readonly Received[]> {
    try {
      return await master.read(device, head, newMeterState(), this.#context.signal);
    } catch (error) {
      if (error instanceof LinkError || !(error instanceof GatewayError)) throw error;
      return [];
    }
  }

  #device(device: MbusDevice, header: Header | undefined, received: readonly Received[]): DeviceFound {
    const { id, manufacturer, version, medium } = header ?? {};
    const words = [
      manufacturer,
      id,
      version === undefined ? undefined : `version ${version}`,
      medium === undefined ? undefined : mediumText(medium),
    ].filter((word) => word !== undefined);
    return {
      kind: "device",
      protocol: "mbus",
      connection: this.#written,
      settings: device.secondary
        ? { secondary: secondaryText(device.secondary) }
        : { address: device.address },
      ...(words.length === 0 ? {} : { says: words.join(", ") }),
      profiles: received.length === 0 ? [] : this.#matches(device, manufacturer, received),
    };
  }

  #matches(device: MbusDevice, manufacturer: string | undefined, received: readonly Received[]) {
    return ranked(
      this.#profiles.map((profile) => {
        const results = resultsOf(toldPoints(profile), received.slice(0, profile.protocolSettings.telegrams));
        const like = likeness(profile, momentReadings(stranger(profile, device), results));
        const isMaker = manufacturer !== undefined && isMakerOf(profile, manufacturer);
        const named = isMaker ? 0.5 : namedIn(profile, manufacturer === undefined ? [] : [manufacturer]);
        const evidence = isMaker ? [`manufacturer ${manufacturer}`] : [];
        return like.telling === 0
          ? undefined
          : matchOf(profile, like, { identified: false, named, evidence });
      }),
    );
  }

  async #presence(line: MbusLine, address: number): Promise<"nobody" | "somebody" | "noise"> {
    const { signal } = this.#context;
    const ask = { name: `meter ${address}`, timeout: undefined, signal, repeats: 0 };
    try {
      await line.request(encodeShort(sendInitialise, address), (frame) => frame.kind === "ack", ask, false);
      return "somebody";
    } catch (error) {
      if (signal.aborted || !(error instanceof TransientError)) throw error;
      return error.code === "timeout" ? "nobody" : "noise";
    }
  }

  get #written(): Readonly<Record<string, unknown>> {
    const { endpoint, baud } = this.#connection;
    if (endpoint.kind === "tcp")
      return { tcp: { host: endpoint.host, port: endpoint.port }, ...(baud === 2400 ? {} : { baud }) };
    return { serial: { port: endpoint.port, baud } };
  }

  #doing(en: string, sv: string): ScanStep {
    const doing: Text = { en, sv };
    return { asked: 0, of: 0, leftMs: 0, doing };
  }
}

/** Each is repeated once before it counts as unanswered. */
function searchMs(line: MbusConnection, { addresses, effort }: ScanInput): number {
  return addresses === undefined ? 2 * searchAsks[effort] * askMs(line) : 0;
}

function askMs({ baud, endpoint }: MbusConnection): number {
  const slack = endpoint.kind === "serial" ? 100 : 500;
  // A selection has 17 characters: 330 bits of waiting and 33 of rest come to it (EN 13757-2).
  return ((330 + 33 + 17 * characterBits) * 1000) / baud + 50 + slack;
}

function linesOf(connection: MbusConnection, what: ScanInput): readonly MbusConnection[] {
  const lines = what.lines?.filter(isMbusConnection);
  return lines && lines.length > 0 ? lines : [connection];
}

function addressesOf({ addresses, effort }: ScanInput): readonly number[] {
  const last = effort === "thorough" ? highest : quickLast;
  if (addresses === undefined) return Array.from({ length: last + 1 }, (_, index) => index);
  return addresses.split(",").flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part) ?? [];
    const [first, end] = [Number(from ?? Number.NaN), Number(to ?? from ?? Number.NaN)];
    if (!(first <= end && end <= highest))
      throw new ConfigError(`"${part.trim()}" is no primary address`, {
        code: "bad-addresses",
        hint: "write numbers from 0 to 250, and ranges: 1-32,100",
      });
    return Array.from({ length: end - first + 1 }, (_, index) => first + index);
  });
}

/** As `deviceSchema` reads it. */
function secondaryText({ id, manufacturer, version, medium }: SecondaryAddress): string {
  return [id, manufacturer, version, medium].filter((part) => part !== undefined).join(" ");
}

function isMbusProfile(profile: DeviceProfile): profile is MbusProfile {
  return profile.protocol === "mbus";
}

function isMbusConnection(line: unknown): line is MbusConnection {
  return typeof line === "object" && line !== null && "endpoint" in line && "retries" in line;
}
