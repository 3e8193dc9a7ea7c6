import { describe, expect, it } from "vitest";
import { Accounting } from "./accounting.ts";

describe("Accounting", () => {
  it("promises only what is settled without a hole, in whatever order appends end", () => {
    const accounting = new Accounting("run");
    const settledSeq = () => accounting.list()[0]!.settledSeq;
    for (let seq = 1; seq <= 4; seq++) expect(accounting.sealed("open", 10)).toBe(seq);
    expect(settledSeq()).toBe(0);
    accounting.settled({ audience: "open", seq: 2, readings: 10 }, "disk");
    expect(settledSeq()).toBe(0);
    accounting.settled({ audience: "open", seq: 1, readings: 10 }, "memory");
    expect(settledSeq()).toBe(2);
    accounting.settled({ audience: "open", seq: 4, readings: 10 }, "disk");
    expect(settledSeq()).toBe(2);
    accounting.settled({ audience: "open", seq: 3, readings: 10 }, "dropped");
    expect(accounting.list()).toEqual([
      {
        audience: "open",
        run: "run",
        lastSeq: 4,
        settledSeq: 4,
        readings: 40,
        stored: 20,
        volatile: 10,
        dropped: 10,
        pending: 0,
      },
    ]);
  });
});
