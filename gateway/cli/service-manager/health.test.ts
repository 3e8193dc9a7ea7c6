import { describe, expect, it } from "vitest";
import { illness, patience } from "./health.ts";

const loops = (pulse: { brokenMs?: number; turnMs?: number } = {}) => [
  { connection: "roof", turnMs: 0 },
  { connection: "basement", turnMs: 0, ...pulse },
];

describe("the health rule", () => {
  it("calls a gateway healthy whose store and loops work, without any line too", () => {
    expect(illness({ diskMs: 0, loops: [] })).toBeUndefined();
    expect(illness({ diskMs: 900, loops: loops({ turnMs: 2000 }) })).toBeUndefined();
  });

  it("has patience, and not for ever", () => {
    expect(illness({ diskMs: patience.diskMs, loops: [] })).toBeUndefined();
    expect(illness({ diskMs: 61_000, loops: [] })).toBe("the store has not answered for 61 s");
    expect(illness({ diskMs: 0, loops: loops({ brokenMs: patience.brokenMs }) })).toBeUndefined();
    expect(illness({ diskMs: 0, loops: loops({ brokenMs: 301_000 }) })).toBe(
      "the loop of basement broke 301 s ago",
    );
    expect(illness({ diskMs: 0, loops: loops({ turnMs: patience.turnMs }) })).toBeUndefined();
    expect(illness({ diskMs: 0, loops: loops({ turnMs: 1_801_000 }) })).toBe(
      "the loop of basement has hung for 1801 s",
    );
  });
});
