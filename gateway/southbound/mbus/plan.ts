import type { Device, Point } from "../../model/device.ts";
import type { ReadPlan } from "../protocol.ts";
import {
  characterBits,
  type MbusAddress,
  type MbusConnection,
  type MbusDevice,
  type MbusHead,
  type MbusRequest,
  meterName,
} from "./settings.ts";

/** Between the 11 bits and the 330 bits and 50 ms that a meter may take, this is usual. */
const usualResponseBits = 170;
const usualResponseMs = 25;
const restBits = 33;
const shortBytes = 5;
const selectBytes = 17;
/** What a telegram with a dozen records has; the loop measures the rest. */
const usualTelegramBytes = 150;

/** One request reads the whole meter, whatever points are wanted. Pure. */
export function planMbus(
  connection: MbusConnection,
  device: Device<MbusAddress, MbusDevice, MbusHead>,
  points: readonly Point<MbusAddress>[],
): ReadPlan<MbusAddress> {
  if (points.length === 0) return { requests: [] };
  const { settings, profile } = device;
  const request: MbusRequest = {
    meter: true,
    points,
    costMs: readCostMs(connection, settings, profile.protocolSettings),
    label: `${settings.secondary ? "select and " : ""}REQ_UD2 ${meterName(settings)}`,
  };
  return { requests: [request] };
}

/** Line time of one reading of one telegram, ms. */
export function readCostMs(connection: MbusConnection, { secondary }: MbusDevice, head: MbusHead): number {
  const bits = (count: number) => (count * 1000) / connection.baud;
  const turnaround =
    head.timing.turnaround ?? connection.timing.turnaround ?? bits(usualResponseBits) + usualResponseMs;
  const exchange = (sent: number, received: number) =>
    bits((sent + received) * characterBits + restBits) + turnaround;
  const wake = (head.wakeUp ?? connection.wakeUp)?.forMs ?? 0;
  const prepare = secondary ? exchange(selectBytes, 1) : head.reset === "none" ? 0 : exchange(shortBytes, 1);
  return wake + prepare + exchange(shortBytes, usualTelegramBytes);
}
