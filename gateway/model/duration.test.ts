import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationPattern, formatDuration, parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  it.each([
    ["0s", 0],
    ["200ms", 200],
    ["7s", 7_000],
    ["1.5s", 1_500],
    ["1.1s", 1_100],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["0.5h", 1_800_000],
    ["7d", 604_800_000],
    ["36500d", 3_153_600_000_000],
  ])("%s is %d ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
    expect(text).toMatch(new RegExp(durationPattern));
  });

  it.each([
    "",
    "7",
    "s",
    "7 s",
    "7S",
    "-7s",
    "+7s",
    "7min",
    "1h30m",
    "1e3s",
    ".5s",
    "1.s",
    "0x7s",
    "7s\n",
    "∞",
  ])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
    expect(text).not.toMatch(new RegExp(durationPattern));
  });

  it.each(["1.0001s", "0.5ms", "36501d", "999999999999999d"])("refuses %s, which is a duration", (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0ms"],
    [1_500, "1500ms"],
    [90_000, "90s"],
    [3_600_000, "1h"],
    [172_800_000, "2d"],
  ])("%d ms is %s", (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

  it("is read back as the same", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});
