import { describe, expect, it } from "vitest";
import { testClock } from "../test/flow.ts";
import { Pump } from "./pump.ts";

describe("Pump", () => {
  it("sends a bite at once and the rest in turns, in order", async () => {
    const clock = testClock();
    const sent: number[] = [];
    using pump = new Pump<number>(clock, (item) => sent.push(item));
    pump.push(Array.from({ length: 50 }, (_, index) => index));
    expect(sent).toHaveLength(20);
    await clock.advance(0);
    expect(sent).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(pump.waiting).toBe(0);
  });

  it("lets the oldest go when more comes than the flow takes, and tells how many", async () => {
    const clock = testClock();
    const sent: [number, number][] = [];
    using pump = new Pump<number>(clock, (item, lost) => sent.push([item, lost]), 100);
    for (let from = 0; from < 100_000; from += 50)
      pump.push(Array.from({ length: 50 }, (_, index) => from + index));
    expect(pump.waiting).toBe(100);
    pump.lose(3);
    await clock.advance(0);
    expect(sent.map(([item]) => item).slice(-100)).toEqual(Array.from({ length: 100 }, (_, i) => 99_900 + i));
    expect(sent.length + sent.reduce((sum, [, lost]) => sum + lost, 0)).toBe(100_003);
  });

  it("sends nothing more once it is disposed", async () => {
    const clock = testClock();
    const sent: number[] = [];
    const pump = new Pump<number>(clock, (item) => sent.push(item));
    pump.push(Array.from({ length: 50 }, (_, index) => index));
    pump[Symbol.dispose]();
    await clock.advance(1000);
    expect(sent).toHaveLength(20);
  });
});
