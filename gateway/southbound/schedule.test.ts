import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "./heap.ts";
import { Schedule, type Task } from "./schedule.ts";

interface Named extends Task {
  readonly name: string;
}

const task = (name: string, periodMs: number, costMs = 10): Named => ({ name, periodMs, costMs });

/** Runs the schedule on a line where every run takes what it costs. */
function play(schedule: Schedule<Named>, from: number, until: number): { name: string; at: number }[] {
  const runs: { name: string; at: number }[] = [];
  let now = from;
  while (now < until) {
    const next = schedule.next(now);
    if (!next) {
      now = Math.max(now, schedule.dueAt() ?? until);
      continue;
    }
    runs.push({ name: next.name, at: now });
    schedule.done(next, now, now + next.costMs);
    now += next.costMs;
  }
  return runs;
}

describe("Schedule", () => {
  it("runs the task with the earliest deadline first", () => {
    const schedule = new Schedule<Named>();
    schedule.add(task("slow", 10_000), 0, false);
    schedule.add(task("fast", 100), 0, false);
    schedule.add(task("normal", 1000), 0, false);
    expect(play(schedule, 0, 30).map(({ name }) => name)).toEqual(["fast", "normal", "slow"]);
  });

  it("reads everything once before anything twice, even when overloaded", () => {
    const schedule = new Schedule<Named>();
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) schedule.add(task(name, name < "c" ? 20 : 60_000, 50), 0);
    expect(play(schedule, 0, 250).map(({ name }) => name)).toEqual(names);
  });

  it("spreads tasks of one period over it", () => {
    const schedule = new Schedule<Named>();
    for (let index = 0; index < 10; index++) schedule.add(task(`${index}`, 1000, 10), 0);
    play(schedule, 0, 2000);
    const starts = play(schedule, 2000, 3000).map(({ at }) => at);
    expect(starts).toHaveLength(10);
    const gaps = starts.slice(1).map((at, index) => at - starts[index]!);
    expect(Math.max(...gaps)).toBeLessThan(250);
    expect(Math.min(...gaps)).toBeGreaterThan(20);
  });

  it("meets every deadline of what a line can carry, but for one transaction that blocks", () => {
    const tasks = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 5000 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(tasks, (list) => {
        const total = list.reduce((sum, [cost, period]) => sum + cost / period, 0);
        fc.pre(total <= 0.9);
        const schedule = new Schedule<Named>();
        const named = list.map(([cost, period], index) => task(`${index}`, period, cost));
        for (const one of named) schedule.add(one, 0);
        const runs = play(schedule, 0, 60_000).filter(({ at }) => at > 10_000);
        const blocking = Math.max(...list.map(([cost]) => cost));
        for (const one of named) {
          const times = runs.filter(({ name }) => name === one.name).map(({ at }) => at);
          expect(times.length).toBeGreaterThan(8);
          for (const [index, at] of times.slice(1).entries()) {
            expect(at - times[index]!).toBeLessThanOrEqual(2 * one.periodMs + blocking);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("starves nobody when overloaded: everybody gets the same part of what was asked", () => {
    const schedule = new Schedule<Named>();
    const named = [task("a", 50, 40), task("b", 100, 40), task("c", 1000, 40), task("d", 1000, 40)];
    for (const one of named) schedule.add(one, 0);
    play(schedule, 0, 20_000);
    const runs = play(schedule, 20_000, 220_000);
    expect(schedule.utilisation).toBeCloseTo(1.28, 5);
    for (const one of named) {
      const rate = runs.filter(({ name }) => name === one.name).length / 200;
      expect(rate * schedule.stretch * (one.periodMs / 1000)).toBeCloseTo(1, 1);
    }
  });

  it("leaves out what a stall made it miss, and counts it", () => {
    const schedule = new Schedule<Named>();
    const one = task("a", 100, 10);
    schedule.add(one, 0);
    expect(schedule.next(0)).toBe(one);
    schedule.done(one, 0, 1050);
    expect(schedule.missed).toBeGreaterThanOrEqual(9);
    const runs = play(schedule, 1050, 2050);
    expect(runs.length).toBeLessThanOrEqual(11);
  });

  it("runs a task without a period once, and again after a while when it got no answer", () => {
    const schedule = new Schedule<Named>();
    const once = task("once", Number.POSITIVE_INFINITY);
    schedule.add(once, 0);
    expect(schedule.next(0)).toBe(once);
    schedule.done(once, 0, 10, false);
    expect(schedule.next(5000)).toBeUndefined();
    expect(schedule.next(10_010)).toBe(once);
    schedule.done(once, 10_010, 10_020, true);
    expect(schedule.dueAt()).toBeUndefined();
    expect(schedule.size).toBe(0);
  });

  it("forgets a removed task wherever it is, and takes its load off the line", () => {
    const schedule = new Schedule<Named>();
    const tasks = [task("running", 100), task("waiting", 100), task("ready", 100)];
    for (const one of tasks) schedule.add(one, 0);
    const [running, waiting, ready] = tasks;
    schedule.next(0);
    schedule.next(0);
    schedule.done(waiting!, 0, 10);
    schedule.remove(running!, waiting!, ready!);
    schedule.done(running!, 0, 20);
    expect(schedule.dueAt()).toBeUndefined();
    expect(schedule.utilisation).toBeCloseTo(0, 12);
  });

  it("takes measured costs for planned ones, step by step", () => {
    const schedule = new Schedule<Named>(2);
    const one = task("a", 100, 10);
    schedule.add(one, 0);
    expect(schedule.utilisation).toBeCloseTo(0.05, 12);
    for (let now = 0; now < 10_000; now += 100) {
      const next = schedule.next(now);
      if (next) schedule.done(next, now, now + 30);
    }
    expect(schedule.utilisation).toBeCloseTo(0.15, 3);
  });
});

describe("Heap", () => {
  it("gives entries in order of their key, equal ones in order of arrival, after any removals", () => {
    const entries = fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), keep: fc.boolean() }));
    fc.assert(
      fc.property(entries, (list) => {
        const heap = new Heap<{ key: number; keep: boolean }>((entry) => entry.key);
        for (const entry of list) heap.push(entry);
        heap.keep((entry) => entry.keep);
        const kept = list.filter((entry) => entry.keep);
        expect(heap.size).toBe(kept.length);
        const popped = kept.map(() => heap.pop());
        expect(popped).toEqual([...kept].sort((a, b) => a.key - b.key));
        expect(popped.every((entry, index) => index === 0 || popped[index - 1] !== entry)).toBe(true);
        expect(heap.pop()).toBeUndefined();
      }),
    );
  });
});
