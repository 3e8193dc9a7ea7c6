import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commonMarks, RecentMarks } from "./recent-marks.ts";

const mark = fc.record({
  audience: fc.constantFrom("open", "streets"),
  mark: fc.constantFrom("a", "b", "c", "d"),
});

describe("recent marks", () => {
  it("are the newest, each once, in the order in which they were first stored", () => {
    fc.assert(
      fc.property(fc.array(mark), fc.integer({ min: 1, max: 8 }), (added, capacity) => {
        const marks = new RecentMarks(capacity);
        for (const one of added) marks.add(one);
        const kept = [...marks];
        expect(kept.length).toBeLessThanOrEqual(capacity);
        expect(new Set(kept.map((one) => JSON.stringify(one))).size).toBe(kept.length);
        const last = added.at(-1);
        if (last) expect(kept).toContainEqual(last);
      }),
    );
  });

  it("count for several outboxes when all of them have them", () => {
    const marksOf = (...words: string[]) => words.map((word) => ({ audience: "open", mark: word }));
    expect(commonMarks([marksOf("a", "b", "c"), marksOf("c", "b", "x")])).toEqual(marksOf("b", "c"));
    expect(commonMarks([marksOf("a"), []])).toEqual([]);
    expect(commonMarks([[{ audience: "open", mark: "a" }], [{ audience: "streets", mark: "a" }]])).toEqual(
      [],
    );
    expect(commonMarks([])).toEqual([]);
  });
});
