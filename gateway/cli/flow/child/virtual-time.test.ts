import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualTime } from "./virtual-time.ts";

const before = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  Date: globalThis.Date,
};
const { hrtime } = process;
const { now } = performance;

describe("VirtualTime", () => {
  const time = new VirtualTime();
  const start = Date.UTC(2026, 10, 2);
  const settled = () => time.round();
  beforeAll(() => {
    time.install();
    time.stop(start);
  });
  afterAll(() => {
    Object.assign(globalThis, before);
    process.hrtime = hrtime;
    performance.now = now;
  });

  it("stands still until it is made to pass", async () => {
    expect(Date.now()).toBe(start + time.passed);
    expect(new Date().toISOString()).toBe(new Date(Date.now()).toISOString());
    expect(new Date(2026, 0, 1)).toBeInstanceOf(Date);
    expect(Date.UTC(2026, 10, 2)).toBe(start);
    const at = performance.now();
    const since = process.hrtime();
    await time.advance(time.passed + 1500, settled);
    expect(Date.now()).toBe(start + time.passed);
    expect(performance.now() - at).toBe(1500);
    expect(process.hrtime(since)).toEqual([1, 500_000_000]);
  });

  it("fires timers in the order of time, with the time that they were set for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -5, max: 100_000 }), { maxLength: 50 }), async (delays) => {
        const from = time.passed;
        const fired: { order: number; at: number }[] = [];
        delays.forEach((delay, order) => {
          setTimeout(() => fired.push({ order, at: time.passed - from }), delay);
        });
        await time.advance(from + 100_000, async () => {});
        const wanted = delays
          .map((delay, order) => ({ order, at: Math.max(1, delay) }))
          .sort((a, b) => a.at - b.at || a.order - b.order);
        expect(fired).toEqual(wanted);
      }),
      { numRuns: 50 },
    );
  });

  it("repeats, refreshes and clears", async () => {
    const ticks: number[] = [];
    const from = time.passed;
    const every = setInterval(() => ticks.push(time.passed - from), 10);
    const once = setTimeout(() => ticks.push(-1), 15);
    await time.advance(from + 12, settled);
    once.refresh();
    await time.advance(from + 25, settled);
    clearTimeout(once);
    await time.advance(from + 40, settled);
    clearInterval(every);
    await time.advance(from + 100, settled);
    expect(ticks).toEqual([10, 20, 30, 40]);
  });

  it("gives the same chances every time", () => {
    const chances = () => {
      const { clock } = new VirtualTime();
      return [clock.random(), clock.random(), clock.random()];
    };
    expect(chances()).toEqual(chances());
    expect(new Set(chances()).size).toBe(3);
  });
});
