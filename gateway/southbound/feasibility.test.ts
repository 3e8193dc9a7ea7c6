import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { feasibility } from "./feasibility.ts";
import { Schedule, type Task } from "./schedule.ts";

describe("feasibility", () => {
  it("adds up what a line needs", () => {
    const bounds = feasibility([
      { costMs: 100, periodMs: 1000 },
      { costMs: 300, periodMs: 1000 },
      { costMs: 500, periodMs: Number.POSITIVE_INFINITY },
    ]);
    expect(bounds.utilisation).toBeCloseTo(0.4, 12);
    expect(bounds.stretch).toBe(1);
    expect(bounds.writeLatencyMs).toBe(500);
    expect(bounds.worstAge({ costMs: 100, periodMs: 1000 })).toBe(1900);
    expect(bounds.worstAge({ costMs: 500, periodMs: Number.POSITIVE_INFINITY })).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it("stretches what does not fit until it does", () => {
    const bounds = feasibility([{ costMs: 190, periodMs: 100 }]);
    expect(bounds.utilisation).toBeCloseTo(1.9, 12);
    expect(bounds.stretch).toBeCloseTo(2, 12);
    expect(bounds.worstAge({ costMs: 190, periodMs: 100 })).toBeGreaterThanOrEqual(200);
    expect(feasibility([{ costMs: 190, periodMs: 100 }], 4).stretch).toBe(1);
  });

  it("is never exceeded by what the schedule does", () => {
    const demands = fc.array(
      fc.record({ costMs: fc.integer({ min: 1, max: 60 }), periodMs: fc.integer({ min: 60, max: 2000 }) }),
      { minLength: 1, maxLength: 10 },
    );
    fc.assert(
      fc.property(demands, (list) => {
        const bounds = feasibility(list);
        fc.pre(bounds.utilisation <= 0.9);
        const schedule = new Schedule<Task>();
        for (const task of list) schedule.add(task, 0);
        const lastEnd = new Map<Task, number>();
        let now = 0;
        while (now < 60_000) {
          const task = schedule.next(now);
          if (!task) {
            now = Math.max(now, schedule.dueAt()!);
            continue;
          }
          schedule.done(task, now, now + task.costMs);
          now += task.costMs;
          const before = lastEnd.get(task);
          // After the start, in which everything comes at once.
          if (before !== undefined && before > 10_000) {
            expect(now - before).toBeLessThanOrEqual(bounds.worstAge(task) + 1e-6);
          }
          lastEnd.set(task, now);
        }
      }),
      { numRuns: 60 },
    );
  });
});
