import type { Aggregation } from "./tally.ts";

const energies: ReadonlyMap<string, string> = new Map([
  ["W", "Wh"],
  ["kW", "kWh"],
  ["MW", "MWh"],
  ["VA", "VAh"],
  ["kVA", "kVAh"],
  ["var", "varh"],
  ["kvar", "kvarh"],
]);
const periods: ReadonlyMap<number, string> = new Map([
  [1000, "s"],
  [60_000, "min"],
  [3_600_000, "h"],
]);

/** The unit of what was made of readings in `unit`. */
export function unitOf(of: Aggregation, unit: string | undefined): string | undefined {
  if (of.kind === "count") return undefined;
  if (unit === undefined) return undefined;
  if (of.kind === "energy") return energies.get(unit) ?? `${unit}·h`;
  if (of.kind === "rate") return `${unit}/${periods.get(of.perMs) ?? "?"}`;
  return unit;
}
