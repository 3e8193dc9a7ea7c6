import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { rational } from "../model/decimal.ts";
import { outgoingNumber } from "./conversion.ts";

const convert = (unit: string, resolution: string | undefined, value: number | bigint) =>
  outgoingNumber(
    samplePoint("p", { unit, ...(resolution === undefined ? {} : { resolution: rational(resolution) }) }),
    sampleUnitOf,
  ).convert(value);

describe("outgoingNumber", () => {
  it.each<[number | bigint, string, string | undefined, number | bigint]>([
    [230.1, "V", "0.1", 230.1],
    [0.07, "kWh", "0.01", 252_000],
    [1234567.89, "kWh", "0.01", 4444444404000],
    [1013.25, "hPa", "0.01", 101325],
    [421, "ppm", "1", 0.000421],
    [0.1 + 0.2, "hPa", "0.1", 30],
    [32, "degF", "1", 0],
    [212, "degF", "1", 100],
    [70.7, "degF", "0.1", 21.5],
    [1.5, "kWh", undefined, 5_400_000],
    [2n ** 60n, "V", undefined, 2n ** 60n],
    [2n ** 60n, "hPa", undefined, Number(2n ** 60n * 100n)],
    [2n ** 54n, "hPa", undefined, 2n ** 54n * 100n],
  ])("%s %s (resolution %s) leaves as %s", (value, unit, resolution, expected) => {
    expect(convert(unit, resolution, value)).toBe(expected);
  });

  it("is exact for every count of hundredths of a kWh", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (hundredths) => {
        expect(convert("kWh", "0.01", hundredths / 100)).toBe(hundredths * 36_000);
      }),
    );
  });

  it("says which unit: that of the wire, or count and ratio for bare numbers", () => {
    expect(outgoingNumber(samplePoint("p", { unit: "kWh" }), sampleUnitOf).unit).toBe("J");
    expect(outgoingNumber(samplePoint("p", { kind: "counter" }), sampleUnitOf).unit).toBe("count");
    expect(outgoingNumber(samplePoint("p"), sampleUnitOf).unit).toBe("/");
  });

  it("refuses a unit that is not in the table", () => {
    expect(() => outgoingNumber(samplePoint("p", { unit: "furlong" }), sampleUnitOf)).toThrow(RangeError);
  });
});
