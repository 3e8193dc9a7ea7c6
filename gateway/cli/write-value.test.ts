import { describe, expect, it } from "vitest";
import type { ConfigError } from "../model/errors.ts";
import { type PointJson, pointToWrite, takenBy, valueTyped } from "./write-value.ts";

const level: PointJson = {
  name: "level",
  unit: "%",
  write: { takes: "number", range: [0, 100], step: 0.5, confirm: "none" },
};
const lock: PointJson = {
  name: "lock",
  labels: [{ en: "locked" }, { en: "unlocked" }],
  write: {
    takes: "label",
    labels: [
      { en: "locked", sv: "låst" },
      { en: "unlocked", sv: "upplåst" },
    ],
    confirm: "two-step",
  },
};
const run: PointJson = { name: "run", write: { takes: "boolean", confirm: "none" } };
const total: PointJson = { name: "total", write: { takes: "number", confirm: "none" } };
const key: PointJson = { name: "key", write: { takes: "bytes", confirm: "none" } };
const display: PointJson = { name: "display", write: { takes: "text", confirm: "none" } };
const power: PointJson = { name: "power", unit: "W" };

function said(action: () => unknown): { code?: string; hint?: string | undefined } {
  try {
    action();
  } catch (error) {
    const { code, hint } = error as ConfigError;
    return { code, hint };
  }
  return {};
}

describe("what is typed for a value", () => {
  it.each<[PointJson, string, number | string | boolean]>([
    [level, "80", 80],
    [level, " 80 % ", 80],
    [level, "80%", 80],
    [level, "-2.5", -2.5],
    [level, "1e1", 10],
    [total, "9007199254740993", "9007199254740993"],
    [total, "+9007199254740993", "9007199254740993"],
    [total, "12", 12],
    [lock, "unlocked", "unlocked"],
    [lock, "Unlocked", "unlocked"],
    [lock, "upplåst", "unlocked"],
    [run, "on", true],
    [run, "TRUE", true],
    [run, "0", false],
    [run, "off", false],
    [key, "01fF", "01fF"],
    [display, "80", "80"],
  ])("%o takes %j as %j", (point, typed, value) => {
    expect(valueTyped(point, typed)).toBe(value);
  });

  it.each<[PointJson, string, string]>([
    [level, "80 W", "it is in %"],
    [total, "80 kWh", "it has no unit: write the number alone"],
    [level, "2,5", "did you mean 2.5?"],
    [level, "half", "it takes 0 to 100 %, in steps of 0.5"],
    [level, "", "it takes 0 to 100 %, in steps of 0.5"],
    [level, "1e999", "it takes 0 to 100 %, in steps of 0.5"],
    [lock, "unlokced", 'did you mean "unlocked"? it takes "locked" or "unlocked"'],
    [lock, "ajar", 'it takes "locked" or "unlocked"'],
    [run, "start", "it takes on or off"],
    [key, "1ff", "write bytes in hexadecimal, such as 01ff"],
  ])("%o does not take %j: %s", (point, typed, hint) => {
    expect(said(() => valueTyped(point, typed))).toEqual({ code: "bad-value", hint });
  });

  it("tells the only values that are taken", () => {
    const mode: PointJson = { name: "mode", write: { takes: "number", allowed: [1, 2, 4], confirm: "none" } };
    expect(takenBy(mode)).toBe("it takes 1, 2 or 4");
    expect(takenBy(display)).toBe("it takes a text");
  });
});

describe("the point that is to be written", () => {
  const points = [level, lock, power];
  it("is found, or what was meant is told", () => {
    expect(pointToWrite("lamp-1", points, "level")).toBe(level);
    expect(said(() => pointToWrite("lamp-1", points, "levle"))).toEqual({
      code: "unknown-point",
      hint: 'did you mean "level"?',
    });
    expect(said(() => pointToWrite("lamp-1", points, "brightness"))).toEqual({
      code: "unknown-point",
      hint: "lamp-1 takes writes of level or lock",
    });
    expect(said(() => pointToWrite("lamp-1", points, "power"))).toEqual({
      code: "read-only",
      hint: "lamp-1 takes writes of level or lock",
    });
    expect(said(() => pointToWrite("meter-1", [power], "power"))).toEqual({
      code: "read-only",
      hint: "nothing of meter-1 can be written",
    });
  });
});
