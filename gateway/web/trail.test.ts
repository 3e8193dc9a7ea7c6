import { describe, expect, it } from "vitest";
import { pauseMs } from "./pause.ts";
import { parseHash } from "./router.ts";
import { Trail } from "./trail.ts";

describe("Trail", () => {
  it("draws the last two minutes, the newest to the right", () => {
    const trail = new Trail();
    for (let second = 0; second <= 300; second++) trail.push(second * 1000, second % 2);
    const path = trail.path(300_000, 120, 32);
    expect(path.startsWith("M0.0 ")).toBe(true);
    expect(path.endsWith("L120.0 31.0")).toBe(true);
    expect(path.match(/[ML]/g)).toHaveLength(121);
  });

  it("stays bounded, however fast values come", () => {
    const trail = new Trail();
    for (let index = 0; index < 10_000; index++) trail.push(index, index);
    expect(trail.length).toBeLessThanOrEqual(240);
    expect(trail.bounds?.[1]).toBe(9999);
  });

  it("draws nothing of a single number or of old ones", () => {
    const trail = new Trail();
    trail.push(0, 1.25);
    expect(trail.path(0, 120, 32)).toBe("");
    trail.push(1, 2);
    expect(trail.path(500_000, 120, 32)).toBe("");
    expect(trail.decimals).toBe(2);
  });
});

describe("parseHash", () => {
  it("takes an address apart", () => {
    expect(parseHash("#/devices/lamp%2F1?state=x").path).toEqual(["devices", "lamp/1"]);
    expect(parseHash("#/devices?state=x").query.get("state")).toBe("x");
    expect(parseHash("").path).toEqual([]);
    expect(parseHash("#/%E0%A4%A").path).toEqual(["%E0%A4%A"]);
  });
});

describe("pauseMs", () => {
  it("doubles up to 15 s, a little apart from others", () => {
    expect([0, 1, 2].map((failures) => pauseMs(failures, 0.5))).toEqual([500, 1000, 2000]);
    expect(pauseMs(50, 1)).toBeLessThanOrEqual(18_750);
    expect(pauseMs(50, 0)).toBeGreaterThan(11_000);
  });
});
