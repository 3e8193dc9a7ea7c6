import { describe, expect, it } from "vitest";
import { inWindow, isWindow } from "./window.ts";

const at = (text: string) => Date.parse(text);

describe("times of day", () => {
  it.each([
    ["01:00-04:00", "2026-11-22T00:30:00Z", true],
    ["01:00-04:00", "2026-11-22T02:59:59Z", true],
    ["01:00-04:00", "2026-11-22T03:00:00Z", false],
    ["01:00-04:00", "2026-07-22T00:30:00Z", true],
    ["01:00-04:00", "2026-07-22T02:30:00Z", false],
    ["22:00-04:00", "2026-11-22T22:30:00Z", true],
    ["22:00-04:00", "2026-11-22T20:59:00Z", false],
    ["00:00-00:00", "2026-11-22T12:00:00Z", true],
  ])("%s at %s in Stockholm: %s", (window, time, wanted) => {
    expect(inWindow(window, at(time), "Europe/Stockholm")).toBe(wanted);
  });

  it.each(["1:00-4:00", "24:00-01:00", "01:00", "01:00-04:60", ""])("are not written as %o", (text) => {
    expect(isWindow(text)).toBe(false);
  });
});
