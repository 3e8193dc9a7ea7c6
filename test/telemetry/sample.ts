import type { Instant } from "../../gateway/model/clock.ts";
import { one, rational, zero } from "../../gateway/model/decimal.ts";
import type { Device, Point } from "../../gateway/model/device.ts";
import type { Quality } from "../../gateway/model/quality.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import type { Value } from "../../gateway/model/value.ts";
import type { UnitConversion } from "../../gateway/telemetry/conversion.ts";

/** A few units, so that these tests do not hang on the table of all. */
export function sampleUnitOf(symbol: string): UnitConversion | undefined {
  const factors: Record<string, [string, string, string?]> = {
    V: ["V", "1"],
    Cel: ["Cel", "1"],
    kWh: ["J", "3600000"],
    hPa: ["Pa", "100"],
    ppm: ["/", "0.000001"],
    degF: ["Cel", "5/9", "-160/9"],
    EVs: ["V", "1e18"],
  };
  const found = factors[symbol];
  if (!found) return undefined;
  const [primary, factor, offset] = found;
  const minus = offset?.startsWith("-");
  const shift = offset === undefined ? zero : rational(minus ? offset.slice(1) : offset);
  return {
    primary,
    factor: rational(factor),
    offset: minus ? { ...shift, numerator: -shift.numerator } : shift,
  };
}

export function samplePoint(name: string, change: Partial<Point> = {}): Point {
  return {
    name,
    address: 0,
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass: "normal",
    absent: [],
    personal: false,
    ...change,
  };
}

export function sampleDevice(id: string, change: Partial<Device> = {}): Device {
  return {
    id,
    profile: {
      id: "acme/meter",
      version: "1",
      title: { en: "Meter" },
      manufacturer: "Acme",
      models: ["M"],
      category: "meter",
      status: "draft",
      protocol: "modbus",
      protocolSettings: {},
      points: [],
      hash: "0".repeat(64),
    },
    connection: "line",
    settings: {},
    urn: `urn:dev:ops:32473-stadsnod-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1_000, normal: 10_000, slow: 60_000 },
    ...change,
  };
}

export function good(device: Device, point: Point, value: Value, time: Instant, name = point.name): Reading {
  return { device, point, name, quality: "good", value, time };
}

export function bad(device: Device, point: Point, quality: Quality, time: Instant): Reading {
  return { device, point, name: point.name, quality, time };
}
