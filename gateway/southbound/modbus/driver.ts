import type { Instant } from "../../model/clock.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { Driver, DriverWrite, PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { unsent } from "../protocol.ts";
import { ascii } from "./ascii.ts";
import type { Client } from "./client.ts";
import { decodeAnswer } from "./decode.ts";
import { LineClient, type LinePace } from "./line-client.ts";
import type { Request } from "./pdu.ts";
import { type Ask, prepareRequest } from "./prepare-request.ts";
import { rtu } from "./rtu.ts";
import {
  isBitTable,
  type ModbusAddress,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusHead,
  type ModbusRequest,
  readFunction,
  type Span,
} from "./settings.ts";
import { isSunspec } from "./sunspec-plan.ts";
import { type ReadHolding, SunspecUnit } from "./sunspec-read.ts";
import { placeSunspecWrite } from "./sunspec-write.ts";
import { TcpClient } from "./tcp-client.ts";
import { UnitTurns } from "./unit-turns.ts";

export type ModbusDriver = Driver<ModbusAddress, ModbusDevice, ModbusHead>;

/** Wait for the first byte of an answer where nobody says, ms. */
const defaultTimeoutMs = 1000;
/** Shortest learned timeout on a serial line, and through TCP, where a lost segment costs 200 ms and more. */
const serialFloorMs = 100;
const tcpFloorMs = 500;
/** USB adapters hold bytes back for up to 16 ms. */
const serialSlackMs = 20;
/** Above 19200 baud the silence is fixed (Modbus over Serial Line V1.02, 2.5.1.1). */
const fastSilenceMs = 1.75;
/** A character of that standard: start, 8 data, parity or second stop, stop. */
const standardBits = 11;

/** How bytes lie in time on this line. */
export function paceOf({ endpoint, framing, timing }: ModbusConnection): LinePace {
  const wanted = timing.silence ?? 0;
  if (endpoint.kind === "tcp") return { character: 0, silence: wanted, slack: 0, floor: tcpFloorMs };
  const { baud, dataBits, parity, stopBits } = endpoint;
  const bits = 1 + dataBits + (parity === "none" ? 0 : 1) + stopBits;
  const { silentCharacters } = framing === "ascii" ? ascii : rtu;
  const needed = baud > 19_200 ? fastSilenceMs : (silentCharacters * standardBits * 1000) / baud;
  return {
    character: (bits * 1000) / baud,
    silence: silentCharacters === 0 ? wanted : Math.max(wanted, needed),
    slack: serialSlackMs,
    floor: serialFloorMs,
  };
}

/** A connected driver. Rejects with LinkError. */
export async function openModbus(
  connection: ModbusConnection,
  context: SouthboundContext,
): Promise<ModbusDriver> {
  const { clock, signal } = context;
  const transport = await context.connect(connection.endpoint, signal);
  const client =
    connection.framing === "tcp"
      ? new TcpClient(transport, connection.concurrency, clock)
      : new LineClient(transport, connection.framing === "ascii" ? ascii : rtu, paceOf(connection), clock);
  try {
    const { connectDelay = 0 } = connection.timing;
    if (connectDelay > 0) await clock.sleep(connectDelay, AbortSignal.any([signal, client.lost]));
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
  return new LiveDriver(connection, client, context);
}

class LiveDriver implements ModbusDriver {
  readonly #connection: ModbusConnection;
  readonly #client: Client;
  readonly #context: SouthboundContext;
  /** When each unit may be asked again, monotonic ms; only units that need a pause. */
  readonly #restUntil = new Map<number, number>();
  /** Requests whose unit did not give a value when it was asked for more: not tried again. */
  readonly #narrow = new WeakSet<ModbusRequest>();
  readonly #sunspecUnits = new Map<number, SunspecUnit>();
  readonly #turns = new UnitTurns();
  readonly #openedAt: number;

  constructor(connection: ModbusConnection, client: Client, context: SouthboundContext) {
    this.#connection = connection;
    this.#client = client;
    this.#context = context;
    this.#openedAt = context.clock.monotonic();
  }

  get concurrency(): number {
    return this.#client.concurrency;
  }

  get lost(): AbortSignal {
    return this.#client.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.#client.statistics;
  }

  async read(
    device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
    request: ReadRequest<ModbusAddress>,
    signal: AbortSignal,
  ): Promise<PointResult<ModbusAddress>[]> {
    const { unit } = device.settings;
    this.#checkUnit(unit);
    const turn = this.#turns.enter(unit, false);
    if (turn !== undefined) await turn;
    try {
      return await this.#read(unit, device.profile.protocolSettings, request, signal);
    } finally {
      this.#turns.leave(unit, false);
    }
  }

  /**
   * As `Driver.write`. The unit is its own for so long, also where other requests may be on their way at
   * the same time. Waits for the timeout that was configured, never for a learned one, and is sent once.
   * On a line that has not answered a read yet the place is read first: a line that gives our own bytes
   * back would confirm every write by itself.
   */
  async write(
    device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
    order: DriverWrite<ModbusAddress>,
    signal: AbortSignal,
  ): Promise<undefined> {
    const { unit } = device.settings;
    if (unit === 0)
      throw new ConfigError("unit 0 is everybody, and nobody confirms: nothing is written to it", {
        code: "broadcast",
        hint: "give the device's own unit id; on TCP the unit that listens is also 255",
      });
    this.#checkUnit(unit);
    const turn = this.#turns.enter(unit, true);
    if (turn !== undefined) await turn;
    try {
      await this.#write(unit, device.profile.protocolSettings, order, signal);
    } finally {
      this.#turns.leave(unit, true);
    }
  }

  async #write(
    unit: number,
    head: ModbusHead,
    order: DriverWrite<ModbusAddress>,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    this.lost.throwIfAborted();
    const ask: Ask = async (request) => (await this.#transact(unit, head, request, signal)).pdu;
    const request = await prepareRequest(order, head, {
      ask,
      knowsEcho: this.#client.knowsEcho,
      sunspec: (place) =>
        placeSunspecWrite(this.#sunspec(unit, head), place, order.raw, this.#holding(unit, head, signal)),
    });
    await ask(request);
  }

  #holding(unit: number, head: ModbusHead, signal: AbortSignal): ReadHolding {
    return async (start, count) => {
      const { pdu, at } = await this.#transact(unit, head, { function: 3, start, count }, signal);
      return { data: pdu.subarray(2), at };
    };
  }

  async #read(
    unit: number,
    head: ModbusHead,
    request: ReadRequest<ModbusAddress>,
    signal: AbortSignal,
  ): Promise<PointResult<ModbusAddress>[]> {
    if (isSunspec(request)) return this.#sunspec(unit, head).read(request, this.#holding(unit, head, signal));
    const read = asModbus(request);
    const form = this.#form(unit, read);
    try {
      const { pdu, at } = await this.#transact(unit, head, requestOf(form), signal);
      return decodeAnswer(read, head, pdu, 2 + bytesBefore(read, form), at);
    } catch (error) {
      if (form !== read) this.#notWider(unit, read, error);
      throw error;
    }
  }

  /** One transaction with a unit, with the pauses that it needs. */
  async #transact(
    unit: number,
    head: ModbusHead,
    request: Request,
    signal: AbortSignal,
  ): Promise<{ readonly pdu: Uint8Array; readonly at: Instant }> {
    const { clock } = this.#context;
    const limit = head.timing.timeout ?? this.#connection.timing.timeout ?? defaultTimeoutMs;
    const rest = this.#rest(unit, head);
    if (rest > 0) await clock.sleep(rest, AbortSignal.any([signal, this.lost]));
    try {
      const reply = await this.#client.request(unit, request, limit, signal);
      const stamp = clock.stamp();
      return { pdu: reply.pdu, at: { base: stamp.base, ms: stamp.ms - (clock.monotonic() - reply.at) } };
    } finally {
      const { minInterval } = head.timing;
      if (minInterval !== undefined) this.#restUntil.set(unit, clock.monotonic() + minInterval);
    }
  }

  /** What is known of a unit's SunSpec models, since the line was opened. */
  #sunspec(unit: number, { sunspecBases }: ModbusHead): SunspecUnit {
    let known = this.#sunspecUnits.get(unit);
    if (!known) {
      known = new SunspecUnit(sunspecBases);
      this.#sunspecUnits.set(unit, known);
    }
    return known;
  }

  /** Milliseconds until the unit may be asked: after opening, and after its last answer. */
  #rest(unit: number, { timing }: ModbusHead): number {
    const { minInterval, connectDelay } = timing;
    if (minInterval === undefined && connectDelay === undefined) return 0;
    const until = Math.max(this.#restUntil.get(unit) ?? 0, this.#openedAt + (connectDelay ?? 0));
    return until - this.#context.clock.monotonic();
  }

  /** The read as planned; while its answer could be mistaken for one that is owed, a wider one that cannot. */
  #form(unit: number, read: ModbusRequest): Span {
    if (!read.wider || this.#narrow.has(read) || !this.#client.holds(unit, requestOf(read))) return read;
    return read.wider.find((wider) => !this.#client.holds(unit, requestOf(wider))) ?? read;
  }

  /** A refusal of more than was planned says nothing about what was planned. */
  #notWider(unit: number, read: ModbusRequest, error: unknown): void {
    const unclear = error instanceof TransientError && error.code === "bad-reply";
    if (!unclear && !(error instanceof UnsupportedPointError)) return;
    this.#narrow.add(read);
    throw new TransientError(`unit ${unit} still owes an answer, and refuses a longer read`, {
      code: unsent,
      cause: error,
    });
  }

  /** On a line 0 is broadcast, which nobody answers, and 248 to 255 are reserved. */
  #checkUnit(unit: number): void {
    if (this.#connection.framing === "tcp" || (unit >= 1 && unit <= 247)) return;
    throw new ConfigError(`unit ${unit} cannot be asked on a serial line`, {
      code: "unit-out-of-range",
      hint: "units on a serial line are 1 to 247",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

function requestOf({ table, start, count }: Span): Request {
  return { function: readFunction[table], start, count };
}

/** Data bytes of an answer to `form` that lie before those of `read`. */
function bytesBefore(read: Span, form: Span): number {
  const distance = read.start - form.start;
  return isBitTable(read.table) ? distance >> 3 : 2 * distance;
}

/** The loop hands back what `plan` made. */
export function asModbus(request: ReadRequest<ModbusAddress>): ModbusRequest {
  if (isModbus(request)) return request;
  throw new ConfigError(`${request.label} is no Modbus request`, { code: "foreign-request" });
}

function isModbus(request: ReadRequest<ModbusAddress>): request is ModbusRequest {
  return "table" in request && "start" in request && "count" in request;
}
