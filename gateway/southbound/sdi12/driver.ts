import type { Instant } from "../../model/clock.ts";
import type { Device, Point } from "../../model/device.ts";
import { ConfigError, LinkError } from "../../model/errors.ts";
import type { Transport } from "../../transport/transport.ts";
import type { Driver, PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { numberOf } from "./codec.ts";
import { identify, type Measured, measure, type Recorder } from "./dialogue.ts";
import { breakMs, SensorWire } from "./line.ts";
import type { Sdi12Request } from "./plan.ts";
import type { Sdi12Address, Sdi12Connection, Sdi12Device, Sdi12Head } from "./settings.ts";

export type Sdi12Driver = Driver<Sdi12Address, Sdi12Device, Sdi12Head>;

/** A connected driver. Rejects with LinkError, or ConfigError `no-break`. */
export async function openSdi12(
  connection: Sdi12Connection,
  context: SouthboundContext,
): Promise<Sdi12Driver> {
  const { clock } = context;
  const transport = await context.connect(connection.endpoint, context.signal);
  try {
    const wire = new SensorWire(transport, connection, clock);
    if (connection.break === "line") await tryBreak(transport);
    return {
      concurrency: 1,
      lost: wire.lost,
      get statistics() {
        return wire.statistics;
      },
      read: (device, request, signal) =>
        readSensor(wire, device, request, signal, (at) => {
          const { base, ms } = clock.stamp();
          return { base, ms: ms - (clock.monotonic() - at) };
        }),
      [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
    };
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
}

/** A port that cannot make a break never will: better said at once than at every command. */
async function tryBreak(transport: Transport): Promise<void> {
  try {
    await transport.break?.(breakMs);
  } catch (error) {
    if (!(error instanceof LinkError) || error.code !== "no-break") throw error;
    throw new ConfigError(error.message, {
      code: error.code,
      hint: "with an adapter that makes the break by itself say break: adapter",
      cause: error,
    });
  }
}

/** One request as a dialogue with the sensor. Rejects like `measure`. */
export async function readSensor(
  recorder: Recorder,
  device: Device<Sdi12Address, Sdi12Device, Sdi12Head>,
  request: ReadRequest<Sdi12Address>,
  signal: AbortSignal,
  instant: (monotonicMs: number) => Instant,
): Promise<PointResult<Sdi12Address>[]> {
  if (!isSdi12(request))
    throw new ConfigError(`${request.label} is no SDI-12 request`, { code: "foreign-request" });
  const { address } = device.settings;
  const { points, command, longestMs } = request;
  if (command === "I") {
    const { value, at } = await identify(recorder, address, signal);
    return points.map((point) => ({
      point,
      at: instant(at),
      raw: "identity" in point.address ? value[point.address.identity] : "",
    }));
  }
  const measured = await measure(recorder, address, command, longestMs, signal);
  return points.map((point) => resultOf(point, command, measured, instant(measured.at)));
}

function resultOf(
  point: Point<Sdi12Address>,
  command: string,
  { values, announced }: Measured,
  at: Instant,
): PointResult<Sdi12Address> {
  const number = "value" in point.address ? point.address.value : 0;
  const text = values[number - 1];
  if (text !== undefined) return { point, at, raw: numberOf(text) };
  const said =
    announced === undefined || announced === values.length ? "" : ` of ${announced} that it promised`;
  return {
    point,
    at,
    problem: "sentinel",
    detail: `${command} gave ${values.length} values${said}: there is no number ${number}`,
  };
}

function isSdi12(request: ReadRequest<Sdi12Address>): request is Sdi12Request {
  return "command" in request && "longestMs" in request;
}
