import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Job, JobQueue } from "./jobs.ts";

const job = (urgent = false, ready: () => boolean = () => true): Job & { failed?: Error } => ({
  urgent,
  ready,
  run: () => Promise.resolve(),
  fail(error) {
    this.failed = error;
  },
});

describe("jobs of a line", () => {
  it("come in order, the urgent ones first, and those that may not run yet are passed by", () => {
    const queue = new JobQueue();
    let free = false;
    const [read, command, second, waits] = [job(), job(true), job(true), job(true, () => free)];
    for (const one of [read, waits, command, second]) queue.push(one);
    expect(queue.size).toBe(4);
    expect([queue.next(false), queue.next(false), queue.next(false)]).toEqual([command, second, read]);
    expect(queue.next(false)).toBeUndefined();
    free = true;
    expect(queue.next(false)).toBe(waits);
  });

  it("are bounded, each kind for itself; one that is called off makes room", () => {
    const queue = new JobQueue();
    const commands = Array.from({ length: 256 }, () => job(true));
    for (const one of commands) queue.push(one);
    expect(() => queue.push(job(true))).toThrow(expect.objectContaining({ code: "queue-full" }));
    queue.push(job());
    queue.remove(commands[7]!);
    queue.push(job(true));
    const gone = new Error("gone");
    queue.failAll(gone);
    expect(commands.filter(({ failed }) => failed === gone).length).toBe(255);
    expect(queue.size).toBe(0);
  });

  it("refuse a share that leaves nothing for one side", () => {
    for (const share of [0, 1, -1, Number.NaN]) expect(() => new JobQueue(share)).toThrow(RangeError);
  });

  it("property: while polls wait, jobs take their share of the time and a burst, whatever they cost", () => {
    const costs = fc.array(fc.double({ min: 1, max: 400, noNaN: true }), { minLength: 400, maxLength: 600 });
    fc.assert(
      fc.property(costs, fc.double({ min: 0.05, max: 0.9, noNaN: true }), (all, share) => {
        const queue = new JobQueue(share);
        let [jobs, polls] = [0, 0];
        for (const costMs of all) {
          if (queue.size === 0) queue.push(job(true));
          if (queue.next(true)) {
            jobs += costMs;
            queue.ran(costMs);
          } else {
            polls += costMs;
            queue.polled(costMs);
          }
        }
        // The burst, and the one job that went beyond it.
        expect(jobs).toBeLessThanOrEqual(share * (jobs + polls) + 250 + 400);
        expect(jobs).toBeGreaterThan(250);
      }),
    );
  });
});
