import { alternatives } from "../../codec/suggest.ts";
import { isOne, isZero } from "../../model/decimal.ts";
import type { DeviceProfile, Point } from "../../model/device.ts";
import { similarUnits, unitOf } from "../../model/units.ts";
import type { ProtocolFinding } from "../protocol.ts";
import type { MeterAddress, MeterHead } from "./settings.ts";

type MeterPoint = Point<MeterAddress>;

/** What the schemas of a smart-meter profile cannot see. Pure. */
export function checkMeter(profile: DeviceProfile<MeterAddress, MeterHead>): readonly ProtocolFinding[] {
  const head = profile.protocolSettings;
  return [
    ...profile.points.flatMap((point) => [...place(point, head), ...unit(point, head)]),
    ...twins(profile.points),
  ];
}

const at = (point: MeterPoint, key?: string) => ["points", point.name, "at", ...(key ? [key] : [])];

/** Codes where there are none, positions where there are codes. */
function place(point: MeterPoint, head: MeterHead): ProtocolFinding[] {
  const bare = head.codec === "dlms" && head.layout === "list";
  if ("ident" in point.address.where) return [];
  const byPosition = "positions" in point.address.where;
  if (bare && !byPosition)
    return [
      {
        path: at(point, "obis"),
        code: "no-codes",
        message: "a list of bare values has no OBIS codes",
        hint: "say at: {list: <length of the list>, index: <position from 0>}",
      },
    ];
  if (!bare && byPosition)
    return [
      {
        path: at(point, "list"),
        code: "no-positions",
        message: "values of this meter stand beside OBIS codes",
        hint: 'say at: {obis: "1-0:1.8.0"}',
      },
    ];
  return [];
}

function unit(point: MeterPoint, head: MeterHead): ProtocolFinding[] {
  const { address } = point;
  if (address.in === undefined) return [];
  if (unitOf(address.in) === undefined)
    return [
      {
        path: at(point, "in"),
        code: "unknown-unit",
        message: `unknown unit "${address.in}"`,
        hint: unitHint(address.in),
      },
    ];
  if (head.codec === "dlms" && head.layout !== "obis-scaler" && "positions" in address.where)
    return [
      {
        path: at(point, "in"),
        code: "no-units",
        message: "a list of bare values names no units",
        hint: "leave it out, and say unit and scale of the point",
      },
    ];
  if (point.unit !== undefined && point.unit !== address.in && isOne(point.scale) && isZero(point.offset))
    return [
      {
        path: ["points", point.name, "unit"],
        code: "unit-mismatch",
        message: `the number comes in ${address.in} and would be called ${point.unit}`,
        hint: `write "in: ${point.unit}": the meter's number is converted`,
      },
    ];
  return [];
}

function unitHint(written: string): string {
  const near = similarUnits(written).map((symbol) => `"${symbol}"`);
  return near.length > 0 ? `did you mean ${alternatives(near)}?` : "such as Wh, kWh, W, kW, V, A, m3";
}

/** Two points of one place: one of the two addresses is wrong. */
function twins(points: readonly MeterPoint[]): ProtocolFinding[] {
  const seen = new Map<string, string>();
  const findings: ProtocolFinding[] = [];
  for (const point of points) {
    const { where, value, type } = point.address;
    const key = `${placeOf(where)} ${value} ${type}`;
    const twin = seen.get(key);
    if (twin === undefined) seen.set(key, point.name);
    else
      findings.push({
        path: at(point),
        code: "overlapping-points",
        message: `"${point.name}" reads the same value as "${twin}"`,
        hint: "one of the two addresses is wrong",
      });
  }
  return findings;
}

function placeOf(where: MeterAddress["where"]): string {
  if ("obis" in where) return where.obis;
  return "ident" in where ? "ident" : JSON.stringify([...where.positions]);
}
