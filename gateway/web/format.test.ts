import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decimalsOf,
  formatAge,
  formatBytes,
  formatDuration,
  formatFingerprint,
  formatHex,
  formatMoment,
  formatNumber,
  formatPercent,
  formatUnit,
  shownDecimals,
} from "./format.ts";

/** Groups of digits are set apart by spaces that do not break. */
const plain = (text: string) => text.replaceAll(/\s/g, " ");

describe("formatNumber", () => {
  it("shows the decimals that a number has, in the language's way", () => {
    expect(formatNumber(231.4, "en")).toBe("231.4");
    expect(plain(formatNumber(231.4, "sv"))).toBe("231,4");
    expect(plain(formatNumber(1_234_567, "sv"))).toBe("1 234 567");
    expect(formatNumber(0.0213, "en")).toBe("0.0213");
    expect(formatNumber(-0.1, "en")).toBe("-0.1");
  });

  it("shows no binary fractions", () => {
    expect(formatNumber(0.1 + 0.2, "en")).toBe("0.3");
    expect(formatNumber(231.39999389648438, "en")).toBe("231.4");
  });

  it("keeps the decimals that others of the point have", () => {
    expect(formatNumber(231, "en", 1)).toBe("231.0");
  });

  it("never shows another number than its first six digits say, or four below 1", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (value) => {
        const shown = Number(formatNumber(value, "en").replaceAll(",", ""));
        // Half a step of the last digit that is shown.
        expect(Math.abs(shown - value)).toBeLessThanOrEqual(
          Math.abs(value) * (Math.abs(value) < 1 ? 5.01e-4 : 5.01e-6) + 1e-8,
        );
      }),
    );
  });

  it("counts decimals of steps and values", () => {
    expect(decimalsOf(0.05)).toBe(2);
    expect(decimalsOf(1e-7)).toBe(7);
    expect(decimalsOf(25)).toBe(0);
    expect(shownDecimals(12.5)).toBe(1);
  });
});

describe("times", () => {
  it("tells an age in its greatest unit", () => {
    expect([0, 3000, 125_000, 7_200_000, 200_000_000].map((ms) => formatAge(ms, "en"))).toEqual([
      "now",
      "3 s",
      "2 min",
      "2 h",
      "2 d",
    ]);
    expect(formatAge(7_200_000, "sv")).toBe("2 tim");
  });

  it("tells a duration in its two greatest units", () => {
    expect(
      [350, 1000, 65_000, 600_000, 4_800_000, 100_800_000].map((ms) => formatDuration(ms, "en")),
    ).toEqual(["350 ms", "1 s", "1 min 5 s", "10 min", "1 h 20 min", "1 d 4 h"]);
  });

  it("leaves what is no time as it is", () => {
    expect(formatMoment("soon")).toBe("soon");
    expect(formatMoment(0)).toMatch(/^(1970-01-01|1969-12-31) \d\d:\d\d:\d\d$/);
  });
});

describe("the rest", () => {
  it("tells bytes, parts, frames, fingerprints and units", () => {
    expect(formatBytes(512, "en")).toBe("512 B");
    expect(formatBytes(21_500_000_000, "en")).toBe("21.5 GB");
    expect(formatPercent(0.0312, "en")).toBe("3.1%");
    expect(plain(formatPercent(0.31, "sv"))).toBe("31 %");
    expect(formatHex("0103000a0001a408")).toBe("01 03 00 0a 00 01 a4 08");
    expect(formatHex("00".repeat(17)).split("\n")).toHaveLength(2);
    expect(formatFingerprint("ab:cd 01")).toBe("AB:CD:01");
    expect([undefined, "1", "Cel", "m3/s", "%"].map(formatUnit)).toEqual(["", "", "°C", "m³/s", "%"]);
  });
});
