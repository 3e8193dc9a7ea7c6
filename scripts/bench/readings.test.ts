import { describe, expect, it } from "vitest";
import { cityReadings, cityUnits } from "./readings.ts";

describe("city readings", () => {
  const readings = cityReadings(10_000);

  it("are the same for the same seed, and others for another", () => {
    expect(cityReadings(10_000)).toEqual(readings);
    expect(cityReadings(10_000, 2)).not.toEqual(readings);
  });

  it("come from 20 devices, in every kind of value", () => {
    expect(cityUnits.length).toBe(20);
    expect(new Set(readings.map(({ base }) => base)).size).toBe(20);
    expect(new Set(readings.map(({ value }) => typeof value))).toEqual(
      new Set(["number", "boolean", "string"]),
    );
  });

  it("have counters that only grow, and do", () => {
    const energy = readings.filter(({ name }) => name === "active_energy");
    const bases = new Set(energy.map(({ base }) => base));
    expect(bases.size).toBe(5);
    for (const base of bases) {
      const values = energy.filter((reading) => reading.base === base).map(({ value }) => Number(value));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(values.at(-1)).toBeGreaterThan(values[0]!);
    }
  });

  it("stand at the resolution of their sensor", () => {
    const resolutions = new Map(
      cityUnits.flatMap(({ base, points }) =>
        points.map(({ name, resolution }) => [base + name, resolution]),
      ),
    );
    for (const { base, name, value } of readings) {
      const resolution = resolutions.get(base + name);
      if (typeof value !== "number" || resolution === undefined) continue;
      const steps = value / resolution;
      expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-6);
    }
  });
});
