import { describe, expect, it } from "vitest";
import { isOne, isZero, linear } from "./decimal.ts";
import { engineeringUnits, primaryUnits } from "./unit-table.ts";
import { similarUnits, unitOf, unitSymbols } from "./units.ts";

const every = unitSymbols().map((symbol) => unitOf(symbol)!);

describe("the table of units", () => {
  it("names no symbol twice", () => {
    expect(unitSymbols().length).toBe(primaryUnits.length + engineeringUnits.length);
  });

  it.each(every.map((unit) => [unit.symbol, unit] as const))("%s goes out in a primary unit", (_, unit) => {
    const primary = unitOf(unit.primary)!;
    expect(primary.primary).toBe(primary.symbol);
    expect(isOne(primary.factor) && isZero(primary.offset)).toBe(true);
    expect(primary.quantity).toBe(unit.quantity);
    expect(unit.factor.numerator > 0n).toBe(true);
    expect(unit.symbol).toMatch(/^[A-Za-z0-9%/]+$/);
    expect(unit.title.en).not.toBe("");
    expect(unit.title.sv).not.toBe("");
  });

  it("has the primary units of RFC 8428 and 8798 that are recommended, and NTU", () => {
    const registered = `m kg s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 m/s
      m/s2 m3/s W/m2 cd/m2 bit bit/s lat lon pH dB dBW count / %RH %EL EL 1/s S/m B VA VAs var vars J/m kg/m3 NTU`;
    for (const symbol of registered.split(/\s+/)) expect(unitOf(symbol)?.primary, symbol).toBe(symbol);
  });

  it("has every secondary unit of the IANA registry (RFC 8798 section 3 and later)", () => {
    const registered = `ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV mA dBm ug/m3
      mm/h m/h ppm /100 /1000 hPa mm cm km km/h ppb ppt VAh mg/l ug/l g/l`;
    for (const symbol of registered.split(/\s+/)) {
      expect(unitOf(symbol), symbol).toBeDefined();
      expect(unitOf(symbol)?.primary).not.toBe(symbol);
    }
  });

  it("converts what the registry discourages instead of sending it", () => {
    for (const symbol of ["g", "l", "l/s", "1/min", "%"]) expect(unitOf(symbol)?.primary).not.toBe(symbol);
  });
});

describe("conversion to the primary unit", () => {
  it.each([
    [1, "kWh", 3_600_000, "J"],
    [123_456_789, "Wh", 444_444_440_400, "J"],
    [1013, "hPa", 101_300, "Pa"],
    [1013, "mbar", 101_300, "Pa"],
    [3, "bar", 300_000, "Pa"],
    [412, "ppm", 0.000412, "/"],
    [40, "ppb", 4e-8, "/"],
    [55, "%", 0.55, "/"],
    [55, "%RH", 55, "%RH"],
    [36, "km/h", 10, "m/s"],
    [90, "km/h", 25, "m/s"],
    [18, "m3/h", 0.005, "m3/s"],
    [3, "mm/h", 3 / 3_600_000, "m/s"],
    [25, "ug/m3", 2.5e-8, "kg/m3"],
    [1500, "rpm", 25, "1/s"],
    [212, "degF", 100, "Cel"],
    [-40, "degF", -40, "Cel"],
    [10, "dBm", -20, "dBW"],
    [2, "Ah", 7200, "C"],
    [7, "kvarh", 25_200_000, "vars"],
    [7, "kVAh", 25_200_000, "VAs"],
    [2, "d", 172_800, "s"],
    [10, "Wh/km", 36, "J/m"],
    [10, "kn", 5.144444444444445, "m/s"],
    [1, "psi", 6894.757293168362, "Pa"],
    [1, "MB/s", 8_000_000, "bit/s"],
    [500, "uS/cm", 0.05, "S/m"],
  ])("%d %s = %d %s", (value, symbol, expected, primary) => {
    const unit = unitOf(symbol)!;
    expect(unit.primary).toBe(primary);
    expect(linear(unit.factor, unit.offset)(value)).toBe(expected);
  });

  it("tells mW from MW", () => {
    expect(unitOf("mW")?.factor).toEqual({ numerator: 1n, denominator: 1000n });
    expect(unitOf("MW")?.factor).toEqual({ numerator: 1_000_000n, denominator: 1n });
    expect(unitOf("mw")).toBeUndefined();
  });
});

describe("similarUnits", () => {
  it.each([
    ["°C", "Cel"],
    ["degC", "Cel"],
    ["KWH", "kWh"],
    ["kwh", "kWh"],
    ["kVAr", "kvar"],
    ["kVArh", "kvarh"],
    ["VAr", "var"],
    ["m³", "m3"],
    ["m^3/h", "m3/h"],
    ["m⋅s⁻¹", "m/s"],
    ["W⋅m⁻²", "W/m2"],
    ["l⋅h⁻¹", "l/h"],
    ["µg/m³", "ug/m3"],
    ["Ω", "Ohm"],
    ["ohms", "Ohm"],
    ["lux", "lx"],
    ["Secs", "s"],
    ["Pct", "%"],
    ["°", "deg"],
    ["dB(A)", "dB"],
    ["kWhh", "kWh"],
    ["hPA", "hPa"],
    ["khW", "kWh"],
  ])("%s: did you mean %s?", (text, meant) => {
    expect(similarUnits(text)[0]).toBe(meant);
    expect(unitOf(meant)).toBeDefined();
  });

  it("offers both where only the case tells", () => {
    expect(similarUnits("mw")).toEqual(expect.arrayContaining(["mW", "MW"]));
  });

  it("offers nothing for something else, and never more than three", () => {
    expect(similarUnits("temperature")).toEqual([]);
    for (const text of ["", "x", "kk", "m", "mA", "1"])
      expect(similarUnits(text).length).toBeLessThanOrEqual(3);
  });
});
