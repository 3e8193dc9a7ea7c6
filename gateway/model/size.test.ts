import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSize, parseSize, sizePattern } from "./size.ts";

describe("parseSize", () => {
  it.each([
    ["0B", 0],
    ["512B", 512],
    ["16kB", 16_000],
    ["64MB", 64_000_000],
    ["1.5GB", 1_500_000_000],
    ["2TB", 2_000_000_000_000],
    ["1KiB", 1_024],
    ["64MiB", 67_108_864],
    ["0.5GiB", 536_870_912],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
    expect(text).toMatch(new RegExp(sizePattern));
  });

  it.each(["", "64", "64M", "64mb", "64 MB", "64KB", "-1B", "1e3B", "MB", "64bytes", "64MB\n"])(
    "refuses %j",
    (text) => {
      expect(() => parseSize(text)).toThrow(RangeError);
      expect(text).not.toMatch(new RegExp(sizePattern));
    },
  );

  it.each(["1.5B", "0.0001kB", "999999999TB"])("refuses %s, which is a size", (text) => {
    expect(() => parseSize(text)).toThrow(RangeError);
  });
});

describe("formatSize", () => {
  it.each([
    [0, "0B"],
    [999, "999B"],
    [1_000, "1kB"],
    [1_530_000_000, "1.53GB"],
    [999_999, "1MB"],
    [64_000_000, "64MB"],
    [5_000_000_000_000_000, "5000TB"],
  ])("%d is %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));

  it("is within half a percent", () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (bytes) => {
        const text = formatSize(bytes);
        expect(text).toMatch(new RegExp(sizePattern));
        const [, number, unit] = /^([\d.]+)([a-zA-Z]+)$/.exec(text)!;
        expect(Math.abs(Number(number) * parseSize(`1${unit}`) - bytes)).toBeLessThanOrEqual(bytes * 0.0051);
      }),
    );
  });
});
