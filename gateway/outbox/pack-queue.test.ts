import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, PackQueue } from "./pack-queue.ts";

const entry = (id: number): Entry => ({
  id,
  stream: id % 3,
  seq: id * 2,
  readings: 7,
  bytes: 100,
  at: { segment: 1, group: 2, offset: id, length: 120 },
  time: id + 0.5,
  timeBase: "this-boot",
  appended: Number.NEGATIVE_INFINITY,
});

describe("PackQueue", () => {
  it("behaves like a sorted map, whatever the order of adding and taking out", () => {
    const step = fc.record({ id: fc.integer({ min: 1, max: 900 }), take: fc.boolean(), run: fc.nat(80) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new PackQueue();
        const model = new Map<number, Entry>();
        for (const { id, take, run } of steps) {
          for (let each = id; each <= id + run; each++) {
            if (take) {
              expect(queue.take(each)).toEqual(model.get(each));
              model.delete(each);
            } else {
              expect(queue.add(entry(each))).toBe(!model.has(each));
              if (!model.has(each)) model.set(each, entry(each));
            }
          }
        }
        const sorted = [...model.values()].sort((a, b) => a.id - b.id);
        expect([...queue]).toEqual(sorted);
        expect(queue.first()).toEqual(sorted[0]);
        expect(queue.size).toBe(sorted.length);
        for (const { id } of sorted) expect(queue.find(id)).toEqual(entry(id));
      }),
    );
  });
});
