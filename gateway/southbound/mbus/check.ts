import type { DeviceProfile, Point } from "../../model/device.ts";
import { formatDuration } from "../../model/duration.ts";
import type { ProtocolFinding } from "../protocol.ts";
import { addressText, keyBytes, meaningOfKey, wantedKind } from "./address.ts";
import type { MbusAddress, MbusHead } from "./settings.ts";
import { agrees, converts } from "./units.ts";
import { quantities } from "./vif.ts";

type MbusPoint = Point<MbusAddress>;

/** What the classes mean where gateway.yaml does not say: a warning needs no more. */
const usualPeriods = { fast: 1000, normal: 10_000, slow: 60_000 } as const;

/** What the schemas of an M-Bus profile cannot see. Pure. */
export function checkMbus(profile: DeviceProfile<MbusAddress, MbusHead>): readonly ProtocolFinding[] {
  return [
    ...duplicates(profile.points),
    ...profile.points.flatMap(unitFindings),
    ...budget(profile.points, profile.protocolSettings),
  ];
}

const at = (point: MbusPoint, key?: string) => ["points", point.name, "at", ...(key ? [key] : [])];

function duplicates(points: readonly MbusPoint[]): ProtocolFinding[] {
  const seen = new Map<string, string>();
  const findings: ProtocolFinding[] = [];
  for (const point of points) {
    const text = addressText(point.address);
    const first = seen.get(text);
    // Bits and labels of one status are fairly two points.
    const coded = point.bits !== undefined || point.labels !== undefined;
    if (first === undefined) seen.set(text, point.name);
    else if (!coded)
      findings.push({
        path: at(point),
        code: "duplicate-record",
        message: `${text} is also ${first}`,
        hint: "check storage, tariff, subunit and function; nth tells equal records apart",
      });
  }
  return findings;
}

/** The unit that a raw value comes in when the profile does not say. */
function ownUnit(address: MbusAddress): string | undefined {
  if (address.by === "quantity") return quantities.get(address.quantity)?.unit;
  if (address.by === "key") return meaningOfKey(keyBytes(address.key)).info.unit;
  return undefined;
}

function unitFindings(point: MbusPoint): ProtocolFinding[] {
  const { address, unit, scale } = point;
  if (address.by === "header" || address.by === "text" || wantedKind(address) !== "float") return [];
  // An extension makes another quantity of it: Wh per hour.
  if (address.by === "quantity" && address.with.some((word) => /^(per|times)-|limit|duration/.test(word)))
    return [];
  const own = ownUnit(address) ?? "";
  if (address.in !== undefined && own !== "" && !converts(own, address.in))
    return [
      {
        path: at(point, "in"),
        code: "wrong-unit",
        message: `${addressText(address)} comes in ${own}, which is never ${address.in}`,
        hint: `name a unit that ${own} converts into, or another quantity`,
      },
    ];
  const raw = address.in ?? own;
  if (raw === "" || unit === undefined || agrees(raw, scale, unit) !== false) return [];
  return [
    {
      path: ["points", point.name, "unit"],
      code: "unit-and-scale",
      message: `the raw value comes in ${raw}, and with this scale it is not in ${unit}`,
      hint: converts(raw, unit)
        ? `write in: ${unit} under at, and no scale`
        : "check the quantity and the unit",
    },
  ];
}

/** Points that want more readings than the meter's battery allows. */
function budget(points: readonly MbusPoint[], { minInterval }: MbusHead): ProtocolFinding[] {
  if (minInterval === undefined) return [];
  return points.flatMap((point): ProtocolFinding[] => {
    const { pollClass } = point;
    if (pollClass === "once") return [];
    const period = typeof pollClass === "object" ? pollClass.everyMs : usualPeriods[pollClass];
    if (period >= minInterval) return [];
    return [
      {
        path: ["points", point.name, "class"],
        code: "faster-than-budget",
        severity: "warning",
        message: `${point.name} is wanted every ${formatDuration(period)}, and the meter may be read every ${formatDuration(minInterval)}`,
        hint: `write class: {every: ${formatDuration(minInterval)}} or longer`,
      },
    ];
  });
}
