import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { rational } from "../model/decimal.ts";
import type { Device, Point } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import { type DerivedValue, derivedReading } from "./derived-value.ts";

const point = (name: string, more: Partial<Point>): Point => ({
  name,
  address: undefined,
  scale: rational(1),
  offset: rational(0),
  kind: "gauge",
  rawKind: "float",
  pollClass: { everyMs: 20_000 },
  absent: [],
  personal: false,
  ...more,
});
const device: Device = {
  id: "gw-1",
  profile: {
    id: "stadsnod/derived",
    version: "1.0.0",
    title: { en: "Derived" },
    manufacturer: "Stadsnod",
    models: [],
    category: "gateway",
    status: "draft",
    protocol: "derived",
    protocolSettings: undefined,
    points: [
      point("occupancy", { unit: "%", range: [0, 100] }),
      point("flooded", { rawKind: "boolean", kind: "state" }),
      point("advice", { rawKind: "text", kind: "text" }),
    ],
    hash: "",
  },
  connection: "",
  settings: undefined,
  urn: "urn:dev:ops:32473-stadsnodderived-gw-1:",
  audience: "restricted",
  audiences: new Map([["occupancy", "open"]]),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
};

function codeOf(given: DerivedValue, clock = new VirtualClock()): string {
  try {
    derivedReading(device, given, clock);
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
  return "taken";
}

describe("derivedReading", () => {
  it("makes a good reading of the gateway's own device", () => {
    const clock = new VirtualClock();
    const time = clock.now() - 5000;
    expect(derivedReading(device, { point: "occupancy", value: 42.5, unit: "%", time }, clock)).toMatchObject(
      {
        device,
        name: "occupancy",
        quality: "good",
        value: 42.5,
        time: { base: "unix", ms: time },
      },
    );
    expect(derivedReading(device, { point: "flooded", value: true }, clock).time).toEqual(clock.stamp());
    expect(derivedReading(device, { point: "advice", value: "use P2" }, clock).value).toBe("use P2");
  });

  it.each<[string, Partial<DerivedValue>]>([
    ["unknown-point", { point: "other" }],
    ["wrong-type", { value: "42" }],
    ["wrong-type", { value: true }],
    ["wrong-type", { value: Number.NaN }],
    ["wrong-unit", { unit: "/" }],
    ["out-of-range", { value: 100.1 }],
    ["out-of-range", { point: "advice", value: "x".repeat(201) }],
    ["bad-time", { time: 1_790_000_000_000 + 60_001 }],
    ["bad-time", { time: 1_790_000_000_000 - 86_400_001 }],
    ["taken", { time: 1_790_000_000_000 + 60_000 }],
  ])("%s: %o", (code, given) => {
    expect(codeOf({ point: "occupancy", value: 1, ...given })).toBe(code);
  });

  it("takes no time while its own clock is not right, and counts from boot", () => {
    const clock = new VirtualClock({ trusted: false });
    expect(codeOf({ point: "occupancy", value: 1, time: clock.now() }, clock)).toBe("clock-untrusted");
    expect(derivedReading(device, { point: "occupancy", value: 1 }, clock).time.base).toBe("boot");
  });

  it("knows no point where none is declared", () => {
    const given = { point: "occupancy", value: 1 };
    expect(() => derivedReading(undefined, given, new VirtualClock())).toThrow("no derived point occupancy");
  });
});
