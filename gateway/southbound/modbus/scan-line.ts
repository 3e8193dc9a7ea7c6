import type { Clock } from "../../model/clock.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { SouthboundContext } from "../protocol.ts";
import { ascii } from "./ascii.ts";
import type { Client } from "./client.ts";
import { paceOf } from "./driver.ts";
import { LineClient } from "./line-client.ts";
import { rtu } from "./rtu.ts";
import { patientMs, type ScanRequest } from "./scan-reader.ts";
import type { ModbusConnection } from "./settings.ts";
import { TcpClient } from "./tcp-client.ts";

/** Wait for an empty address, ms, beyond the time that the frames take: several times what devices usually need (2 to 50 ms). */
const shortMs = 100;
/** Through TCP, where a segment may be lost, and a gateway waits for its own line first. */
const shortTcpMs = 600;
/** Asks one after the other that met noise: nothing can be understood with these settings. */
const mostNoise = 6;
/** Units that are asked again, patiently, because something came that could have been theirs. */
const mostSuspects = 4;

/** One question to see whether a unit is there: any answer will do. */
export interface Ask {
  readonly unit: number;
  readonly request: ScanRequest;
}

/** Some units are silent to what they do not have: a second way is tried with those that the first did not wake. */
export const firstWay: ScanRequest = { function: 3, start: 0, count: 1 };
export const secondWay: ScanRequest = { function: 4, start: 0, count: 1 };
/** The patient ask has another length, so that a late answer to the first cannot be mistaken for its own. */
const patientAsks: readonly ScanRequest[] = [
  { function: 3, start: 0, count: 2 },
  { function: 4, start: 0, count: 2 },
  { function: 3, start: 0, count: 3 },
];

/** Whether the unit is there. */
export type Presence = "there" | "nobody" | "noise";

/**
 * Ms that so many questions take which nobody answers, with the wait for late answers at the end. Noise takes
 * longer: the whole scan keeps to its time all the same. Pure.
 */
export function sweepMs(connection: ModbusConnection, asks: number): number {
  return asks * emptyMs(connection) + openMs + patientMs;
}

/** Opening a port and letting the line fall silent. */
const openMs = 150;

function emptyMs(connection: ModbusConnection): number {
  const { character, silence, slack } = paceOf(connection);
  if (connection.framing === "tcp") return shortTcpMs;
  const bytes = connection.framing === "ascii" ? 17 + 15 : 8 + 7;
  return Math.ceil(bytes * character + silence + slack + shortOf(connection)) + 2;
}

function shortOf({ endpoint, framing }: ModbusConnection): number {
  return framing === "tcp" || endpoint.kind === "tcp" ? shortTcpMs : shortMs;
}

/** One line with one set of settings, open. */
export class ScanLine implements AsyncDisposable {
  readonly client: Client;
  readonly connection: ModbusConnection;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** Units that were heard after their time was over. */
  readonly #late = new Set<number>();

  private constructor(client: Client, connection: ModbusConnection, clock: Clock, signal: AbortSignal) {
    this.client = client;
    this.connection = connection;
    this.#clock = clock;
    this.#signal = signal;
    if (client instanceof LineClient) client.onStray = (unit) => this.#late.add(unit);
  }

  /** Rejects with LinkError. */
  static async open(
    connection: ModbusConnection,
    { connect, clock, signal }: Pick<SouthboundContext, "connect" | "clock" | "signal">,
  ): Promise<ScanLine> {
    const transport = await connect(connection.endpoint, signal);
    const { framing } = connection;
    const client =
      framing === "tcp"
        ? new TcpClient(transport, 1, clock)
        : new LineClient(transport, framing === "ascii" ? ascii : rtu, paceOf(connection), clock);
    const line = new ScanLine(client, connection, clock, signal);
    const { connectDelay = 0 } = connection.timing;
    if (connectDelay > 0) await clock.sleep(connectDelay, signal);
    return line;
  }

  /** Frames that were whole, and those that were not, since it was opened. */
  get heard(): { readonly whole: number; readonly damaged: number } {
    const { replies, exceptions, bad, late, damaged } = this.client.statistics;
    return { whole: replies + exceptions + bad + late, damaged };
  }

  /**
   * Asks all of this, but no unit again that is there; at the end patiently those whose answer may have come
   * too late. A device is found when it answers within a second, however short the wait was: nothing is
   * missed that comes while others are asked. Rejects with LinkError, or the signal's reason.
   */
  async *sweep(
    asks: readonly Ask[],
    there: Set<number>,
  ): AsyncGenerator<{ readonly unit: number; readonly found: boolean }> {
    const suspects = new Set<number>();
    yield* this.#askAll(asks, there, suspects);
    // Through TCP every wait is long enough.
    if (this.connection.framing === "tcp") return;
    await this.#clock.sleep(patientMs, this.#signal);
    const wanted = new Set(asks.map(({ unit }) => unit));
    for (const unit of this.#late) {
      if (!wanted.has(unit) || there.has(unit)) continue;
      there.add(unit);
      yield { unit, found: true };
    }
    const again = [...suspects].filter((unit) => !there.has(unit)).slice(0, mostSuspects);
    for (const unit of again) {
      const request = patientAsks.find((one) => !this.client.holds(unit, one));
      if (!request || (await this.ask(unit, request, patientMs)) !== "there") continue;
      there.add(unit);
      yield { unit, found: true };
    }
  }

  async *#askAll(
    asks: readonly Ask[],
    there: Set<number>,
    suspects: Set<number>,
  ): AsyncGenerator<{ readonly unit: number; readonly found: boolean }> {
    let before: number | undefined;
    let noise = 0;
    for (const { unit, request } of asks) {
      if (there.has(unit)) {
        yield { unit, found: false };
        continue;
      }
      const presence = await this.ask(unit, request, shortOf(this.connection));
      if (presence === "there") there.add(unit);
      noise = presence === "noise" ? noise + 1 : 0;
      // What came may be the late answer of the one before.
      if (presence === "noise") for (const one of [unit, before]) if (one !== undefined) suspects.add(one);
      yield { unit, found: presence === "there" };
      before = unit;
      if (noise >= mostNoise) return;
    }
  }

  /** Rejects with LinkError, or the signal's reason. */
  async ask(unit: number, request: ScanRequest, limitMs: number): Promise<Presence> {
    try {
      await this.client.request(unit, request, limitMs, this.#signal);
      return "there";
    } catch (error) {
      if (this.#signal.aborted || error instanceof LinkError) throw error;
      if (error instanceof UnsupportedPointError) return "there";
      if (!(error instanceof TransientError)) throw error;
      return presenceOf(error.code);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

function presenceOf(code: string): Presence {
  // A gateway says that nobody answered behind it: that is no device.
  if (code === "exception-10" || code === "exception-11") return "nobody";
  if (code.startsWith("exception-") || code === "bad-reply") return "there";
  return code === "crc" || code === "line-busy" ? "noise" : "nobody";
}
