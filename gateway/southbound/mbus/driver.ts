import type { Device } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import { Exchange } from "../exchange.ts";
import type { Driver, PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { resultsOf } from "./address.ts";
import { MbusDeframer } from "./deframer.ts";
import { serialQuietMs, tcpQuietMs } from "./line.ts";
import { MbusMaster, type MeterState, newMeterState } from "./master.ts";
import type { MbusAddress, MbusConnection, MbusDevice, MbusHead } from "./settings.ts";

export type MbusDriver = Driver<MbusAddress, MbusDevice, MbusHead>;

/** A connected driver. Rejects with LinkError. */
export async function openMbus(connection: MbusConnection, context: SouthboundContext): Promise<MbusDriver> {
  const { clock, signal } = context;
  const transport = await context.connect(connection.endpoint, signal);
  const quietMs = connection.endpoint.kind === "serial" ? serialQuietMs : tcpQuietMs;
  const exchange = new Exchange(transport, new MbusDeframer(quietMs), clock);
  try {
    const { connectDelay = 0 } = connection.timing;
    if (connectDelay > 0) await clock.sleep(connectDelay, AbortSignal.any([signal, exchange.lost]));
  } catch (error) {
    await exchange[Symbol.asyncDispose]();
    throw error;
  }
  return new LiveDriver(exchange.lost, new MbusMaster(exchange, connection, clock));
}

class LiveDriver implements MbusDriver {
  readonly concurrency = 1;
  readonly lost: AbortSignal;
  readonly #master: MbusMaster;
  readonly #states = new WeakMap<Device, MeterState>();

  constructor(lost: AbortSignal, master: MbusMaster) {
    this.lost = lost;
    this.#master = master;
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.#master.statistics;
  }

  async read(
    device: Device<MbusAddress, MbusDevice, MbusHead>,
    request: ReadRequest<MbusAddress>,
    signal: AbortSignal,
  ): Promise<PointResult<MbusAddress>[]> {
    let state = this.#states.get(device);
    if (!state) {
      state = newMeterState();
      this.#states.set(device, state);
    }
    checkRequest(request);
    const head = device.profile.protocolSettings;
    return resultsOf(request.points, await this.#master.read(device.settings, head, state, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#master[Symbol.asyncDispose]();
  }
}

/** The loop hands back what `plan` made. */
export function checkRequest(request: ReadRequest<MbusAddress>): void {
  if (!("meter" in request))
    throw new ConfigError(`${request.label} is no M-Bus request`, { code: "foreign-request" });
}
