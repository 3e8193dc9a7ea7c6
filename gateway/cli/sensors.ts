import * as z from "zod";
import type { GatewayConfig } from "../config/config.ts";
import { type Position, sentPoints } from "../model/device.ts";
import { unitOf } from "../model/units.ts";
import { quantityOf } from "./catalogue-graph.ts";

/** One point of one device, as far as finding sensors that double each other needs it. */
export interface Sensor {
  readonly gateway: string;
  readonly device: string;
  readonly point: string;
  readonly category: string;
  /** Of the unit; `state` without one. */
  readonly quantity: string;
  readonly owner?: string | undefined;
  readonly position: Position;
}

/** What an inventory has: sensors with a place, and how many devices have none. */
export interface Inventory {
  readonly sensors: readonly Sensor[];
  readonly without: number;
}

/** Sensors of a gateway.yaml. A device without a position of its own stands at its gateway. */
export function sensorsOf({ gateway, devices }: GatewayConfig): Inventory {
  let without = 0;
  const sensors = devices.flatMap((device): Sensor[] => {
    const position = device.position ?? gateway.position;
    if (!position) {
      without++;
      return [];
    }
    const own = sentPoints(device).filter(({ view }) => !view);
    return own.map((point) => ({
      gateway: gateway.id,
      device: device.id,
      point: point.name,
      category: device.profile.category,
      quantity: quantityOf(point),
      owner: device.record?.owner,
      position,
    }));
  });
  return { sensors, without };
}

const described = z.looseObject({
  id: z.string(),
  "geo:lat": z.number().min(-90).max(90).optional(),
  "geo:long": z.number().min(-180).max(180).optional(),
  "stadsnod:category": z.string().optional(),
  "stadsnod:owner": z.string().optional(),
  properties: z.record(
    z.string(),
    z.looseObject({ unit: z.string().optional(), "stadsnod:madeFrom": z.array(z.string()).optional() }),
  ),
  links: z.array(z.looseObject({ href: z.string() })).optional(),
});
const descriptions = z.union([z.array(described).max(100_000), described.transform((one) => [one])]);

/** Sensors of exported descriptions: one Thing Description or a list. Undefined when it is neither. */
export function describedSensors(value: unknown): Inventory | undefined {
  const { data } = descriptions.safeParse(value);
  if (!data) return undefined;
  let without = 0;
  const sensors = data.flatMap((thing): Sensor[] => {
    const { "geo:lat": lat, "geo:long": lon } = thing;
    if (lat === undefined || lon === undefined) {
      without++;
      return [];
    }
    // The first link is the state of the gateway: {root}/v1/{gateway}/state.
    const gateway = thing.links?.[0]?.href.split("/").at(-2) ?? "?";
    return Object.entries(thing.properties)
      .filter(([, property]) => property["stadsnod:madeFrom"] === undefined)
      .map(([point, { unit }]) => ({
        gateway,
        device: thing.id.split("-").slice(2).join("-") || thing.id,
        point,
        category: thing["stadsnod:category"] ?? "?",
        quantity: unit === undefined ? "state" : (unitOf(unit)?.quantity ?? unit),
        owner: thing["stadsnod:owner"],
        position: { lat, lon },
      }));
  });
  return { sensors, without };
}

export interface Duplicate {
  readonly quantity: string;
  readonly metres: number;
  readonly one: Sensor;
  readonly other: Sensor;
}

/** What every device tells of itself; two of them are no doubled sensor. */
const housekeeping = /(^|_)(battery|rssi|snr|signal|uptime|firmware|fault|error|status|serial)(_|$)/;

/**
 * Pairs of sensors of different gateways that measure the same within `metres` of each other, the
 * nearest first: same quantity, and the same category of device or the same point name. Points that
 * devices tell of themselves (battery, signal) are left out.
 */
export function duplicatesIn(sensors: readonly Sensor[], metres: number): readonly Duplicate[] {
  const sorted = sensors
    .filter(({ point }) => !housekeeping.test(point))
    .sort((a, b) => a.position.lat - b.position.lat);
  const degrees = metres / 110_000;
  const found: Duplicate[] = [];
  for (const [index, one] of sorted.entries()) {
    for (let next = index + 1; next < sorted.length; next++) {
      const other = sorted[next]!;
      if (other.position.lat - one.position.lat > degrees) break;
      if (one.gateway === other.gateway || !sameKind(one, other)) continue;
      const apart = distance(one.position, other.position);
      if (apart > metres) continue;
      const [a, b] = one.gateway < other.gateway ? [one, other] : [other, one];
      found.push({ quantity: one.quantity, metres: Math.round(apart * 10) / 10, one: a, other: b });
    }
  }
  return found.sort((a, b) => a.metres - b.metres || order(a).localeCompare(order(b)));
}

function sameKind(one: Sensor, other: Sensor): boolean {
  if (one.quantity !== other.quantity) return false;
  if (one.point === other.point) return true;
  // A state has no unit that says what it is about.
  return one.quantity !== "state" && one.category === other.category && one.category !== "?";
}

function order({ one, other }: Duplicate): string {
  return [one, other].map(({ gateway, device, point }) => `${gateway}/${device}/${point}`).join(" ");
}

/** Metres along the great circle (haversine, mean radius of the Earth). */
export function distance(a: Position, b: Position): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const lat = radians(b.lat - a.lat);
  const lon = radians(b.lon - a.lon);
  const h =
    Math.sin(lat / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(lon / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)));
}
