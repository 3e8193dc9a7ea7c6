import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Account } from "./account.ts";
import type { CityPack } from "./senml.ts";

/** Packs from..to, one reading each, as one message. */
function message(from: number, to = from, more: Partial<CityPack> = {}): CityPack {
  const readings = Array.from({ length: to - from + 1 }, (_, index) => ({
    name: "urn:dev:ops:32473-x-a:power",
    value: from + index,
    time: (from + index) * 1000,
  }));
  return {
    gateway: "g",
    audience: "open",
    run: "r",
    seq: from,
    seqTo: to,
    estimated: false,
    readings,
    gaps: [],
    ...more,
  };
}

describe("the platform's account", () => {
  it("counts what is missing before the last pack that came, from seq 1 on", () => {
    const account = new Account();
    for (const seq of [2, 3, 7]) account.receive(message(seq), "open");
    expect(account.summary()).toMatchObject({ packs: 3, readings: 3, missing: 4, devices: 1 });
  });

  it("keeps runs, audiences and gateways apart", () => {
    const account = new Account();
    account.receive(message(1), "open");
    account.receive(message(1, 1, { run: "r2" }), "open");
    account.receive(message(1), "parks");
    account.receive(message(2, 2, { gateway: "h" }), "open");
    expect(account.summary()).toMatchObject({ packs: 4, duplicates: 0, missing: 1 });
    expect(account.summary("h")).toMatchObject({ packs: 1, missing: 1 });
    expect(account.gateways).toEqual(["g", "h"]);
  });

  it("takes a declared gap for an explanation, also one of an earlier run", () => {
    const account = new Account();
    account.receive(message(1), "open");
    const gaps = [
      { run: "r", from: 2, to: 4, readings: 9, reason: "disk-full" },
      { run: "before", from: 1, to: 2, readings: 2, reason: "expired" },
    ];
    account.receive(message(5, 5, { gaps }), "open");
    expect(account.summary()).toMatchObject({ missing: 0, lost: 5 });
  });

  it("counts everything once, however messages overlap", () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 40 }), (ranges) => {
        const account = new Account();
        const expected = new Set<number>();
        const seen: number[] = [];
        for (const [from, more] of ranges) {
          const { fresh } = account.receive(message(from, from + more), "open");
          for (const { value } of fresh) seen.push(Number(value));
          for (let seq = from; seq <= from + more; seq++) expected.add(seq);
        }
        expect(seen.toSorted((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
        expect(account.summary()).toMatchObject({
          packs: expected.size,
          readings: expected.size,
          missing: Math.max(...expected) - expected.size,
        });
      }),
    );
  });
});
