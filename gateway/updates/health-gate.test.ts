import { describe, expect, it } from "vitest";
import { earliestMs, type HealthNow, judgeHealth, latestMs } from "./health-gate.ts";

const before = { lines: ["bus", "meter"], northbound: ["city"] };
const well: HealthNow = {
  ...before,
  configured: before,
  uptimeMs: earliestMs,
  active: true,
  runMs: earliestMs - 20_000,
  writable: true,
  time: 2000,
  buildTime: 1000,
  starts: 1,
};

describe("the health gate", () => {
  it("commits a system that works, not before two minutes", () => {
    expect(judgeHealth(before, { ...well, uptimeMs: earliestMs - 1 }).verdict).toBe("wait");
    expect(judgeHealth(before, well)).toEqual({ verdict: "commit", wrong: [] });
  });

  it.each<[string, Partial<HealthNow>]>([
    ["the gateway does not do its work", { active: false }],
    ["the gateway did not do its work less than 120 s ago", { recoveredMs: earliestMs - 1 }],
    ["the gateway was started again less than 120 s ago", { starts: 2 }],
    ["the storage takes nothing", { writable: false }],
    ["line meter worked before and is not open", { lines: ["bus"] }],
    ["city was connected before and is not", { northbound: [] }],
    ["the clock is before the build of this version", { time: 999 }],
  ])("waits while %s, and goes back at ten minutes", (why, now) => {
    expect(judgeHealth(before, { ...well, ...now, uptimeMs: latestMs - 1 })).toEqual({
      verdict: "wait",
      wrong: [why],
    });
    expect(judgeHealth(before, { ...well, ...now, uptimeMs: latestMs })).toEqual({
      verdict: "roll-back",
      wrong: [why],
    });
  });

  it("commits a gateway that was started again or hung, once it has worked for two minutes", () => {
    expect(judgeHealth(before, { ...well, starts: 2, runMs: earliestMs }).verdict).toBe("commit");
    expect(judgeHealth(before, { ...well, recoveredMs: earliestMs }).verdict).toBe("commit");
    // The hang was after the second start.
    const hung = { ...well, starts: 3, runMs: earliestMs, recoveredMs: 1000 };
    expect(judgeHealth(before, hung).verdict).toBe("wait");
  });

  it("goes back at once from a restart loop", () => {
    expect(judgeHealth(before, { ...well, uptimeMs: 30_000, starts: 4 }).verdict).toBe("roll-back");
  });

  it("does not miss what did not work before, or what gateway.yaml has no more", () => {
    const now = { ...well, lines: [], northbound: [] };
    expect(judgeHealth({ lines: [], northbound: [] }, now).verdict).toBe("commit");
    expect(judgeHealth(undefined, now).verdict).toBe("commit");
    expect(judgeHealth(before, { ...now, configured: { lines: [], northbound: [] } }).verdict).toBe("commit");
  });
});
