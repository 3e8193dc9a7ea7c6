// The one set of readings that every figure of size and speed is measured on: 20 devices of a city
// quarter over a day, from a seed. Values stand at the sensor's resolution, as devices give them.
import { bell, hourOfDay, seededRandom } from "../../simulators/scenes/nature.ts";

export interface CityPoint {
  readonly name: string;
  /** SenML unit; undefined for states and texts. */
  readonly unit?: string;
  readonly kind: "gauge" | "counter" | "state" | "text";
  /** Smallest step of a number. */
  readonly resolution?: number;
  /** Seconds between two polls. */
  readonly everyS: number;
}

export interface CityUnit {
  /** `[a-z0-9-]+` */
  readonly id: string;
  /** SenML base name (RFC 9039, the enterprise number for documentation of RFC 5612). */
  readonly base: string;
  readonly points: readonly CityPoint[];
}

export interface CityReading {
  readonly base: string;
  readonly name: string;
  readonly unit?: string | undefined;
  readonly value: number | boolean | string;
  /** Unix ms. All points of one poll of a device share it. */
  readonly time: number;
}

// Poll periods as a city uses them: loads fast, grid quality and states calmly, climate by the minute.
// Every poll is a reading, as without report rules.
const fastS = 2;
const calmS = 10;
const slowS = 60;
const rareS = 900;

const meterPoints: readonly CityPoint[] = [
  ...[1, 2, 3].map((phase) => gauge(`current_l${phase}`, "A", 0.01, fastS)),
  gauge("active_power", "W", 1, fastS),
  ...[1, 2, 3].map((phase) => gauge(`voltage_l${phase}`, "V", 0.1, calmS)),
  gauge("power_factor", "/", 0.001, calmS),
  gauge("frequency", "Hz", 0.01, calmS),
  { name: "active_energy", unit: "J", kind: "counter", resolution: 36_000, everyS: slowS },
];
const climatePoints: readonly CityPoint[] = [
  gauge("temperature", "Cel", 0.1, slowS),
  gauge("humidity", "%RH", 0.1, slowS),
  gauge("carbon_dioxide", "/", 0.000001, slowS),
];
const lampPoints: readonly CityPoint[] = [
  { name: "lit", kind: "state", everyS: calmS },
  gauge("level", "/", 0.01, calmS),
  gauge("active_power", "W", 0.1, slowS),
  { name: "burning_time", unit: "s", kind: "counter", resolution: 3600, everyS: rareS },
];
const doorPoints: readonly CityPoint[] = [
  { name: "open", kind: "state", everyS: calmS },
  { name: "tamper", kind: "state", everyS: calmS },
  gauge("battery", "V", 0.01, rareS),
];
const controllerPoints: readonly CityPoint[] = [
  { name: "status", kind: "text", everyS: calmS },
  gauge("level", "m", 0.001, fastS),
  gauge("flow", "m3/s", 0.0001, fastS),
];

/** 5 energy meters, 5 climate sensors, 5 lamps, 3 doors, 2 pump controllers. */
export const cityUnits: readonly CityUnit[] = [
  ...units("meter", 5, meterPoints),
  ...units("climate", 5, climatePoints),
  ...units("lamp", 5, lampPoints),
  ...units("door", 3, doorPoints),
  ...units("pump", 2, controllerPoints),
];

function gauge(name: string, unit: string, resolution: number, everyS: number): CityPoint {
  return { name, unit, kind: "gauge", resolution, everyS };
}

function units(kind: string, count: number, points: readonly CityPoint[]): CityUnit[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `${kind}-${index + 1}`;
    return { id, base: `urn:dev:ops:32473-stadsnod-${id}:`, points };
  });
}

/** Monday 21 September 2026, 04:00 UTC: early, so that a few thousand readings see lamps go out and loads rise. */
export const firstReading = Date.UTC(2026, 8, 21, 4);

/** The first `count` readings in order of polling; the same for the same seed. */
export function cityReadings(count: number, seed = 1): CityReading[] {
  const random = seededRandom(seed);
  const state = new Map<string, Walk>();
  const readings: CityReading[] = [];
  for (let second = 0; readings.length < count; second += fastS) {
    for (const { id, base, points } of cityUnits) {
      const due = points.filter(({ everyS }) => second % everyS === 0);
      if (due.length === 0) continue;
      // A poll takes its time on the line: some ms after the full second, the same for its points.
      const time = firstReading + second * 1000 + Math.floor(random() * 400);
      for (const point of due) {
        const key = `${base}${point.name}`;
        let walk = state.get(key);
        if (!walk) {
          walk = { at: random(), since: time, total: Math.floor(random() * 5e4) };
          state.set(key, walk);
        }
        readings.push({
          base,
          name: point.name,
          unit: point.unit,
          value: value(id, point, walk, time, random),
          time,
        });
        if (readings.length === count) return readings;
      }
    }
  }
  return readings;
}

/** What a point remembers: where its own share of chance stands, and what a counter has counted. */
interface Walk {
  at: number;
  since: number;
  total: number;
}

function value(
  id: string,
  { name, kind, resolution = 1 }: CityPoint,
  walk: Walk,
  time: number,
  random: () => number,
): number | boolean | string {
  const hour = hourOfDay(time);
  const dark = hour < 6.5 || hour > 18.5;
  walk.at = Math.min(1, Math.max(0, walk.at + (random() - 0.5) * 0.05));
  const load = 0.3 + 0.4 * bell(hour, 8, 2.5) + 0.4 * bell(hour, 18, 3) + 0.2 * walk.at;
  const seconds = (time - walk.since) / 1000;
  walk.since = time;
  if (kind === "counter") {
    walk.total +=
      name === "active_energy" ? (load * 12_000 * seconds) / resolution : dark ? seconds / resolution : 0;
    return Math.floor(walk.total) * resolution;
  }
  if (kind === "text") return walk.at > 0.9 ? "pump 2 blocked" : dark ? "standby" : "running";
  if (kind === "state") return name === "lit" ? dark : name === "open" ? walk.at > 0.95 : false;
  return step(gaugeValue(id, name, walk.at, load, hour, dark), resolution);
}

function gaugeValue(id: string, name: string, at: number, load: number, hour: number, dark: boolean): number {
  switch (name) {
    case "active_power":
      return id.startsWith("lamp") ? (dark ? 78 + at : 0.4) : load * 12_000;
    case "power_factor":
      return 0.93 + 0.05 * at;
    case "frequency":
      return 49.96 + 0.08 * at;
    case "temperature":
      return 6 + 9 * bell(hour, 15, 5) + at;
    case "humidity":
      return 85 - 30 * bell(hour, 15, 5) + 3 * at;
    case "carbon_dioxide":
      return (430 + 500 * bell(hour, 11, 3) + 40 * at) * 1e-6;
    case "level":
      return id.startsWith("lamp") ? (dark ? 0.8 : 0) : 0.6 + 0.3 * at;
    case "flow":
      return 0.02 + 0.01 * at;
    case "battery":
      return 3.6 + 0.02 * at;
    default:
      return name.startsWith("voltage") ? 229 + 4 * at : (load * 12_000) / 3 / 231;
  }
}

/** To the nearest step, as the shortest decimal. */
function step(number: number, resolution: number): number {
  return Number((Math.round(number / resolution) * resolution).toPrecision(12));
}
