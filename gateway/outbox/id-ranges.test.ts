import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdRanges } from "./id-ranges.ts";

describe("IdRanges", () => {
  it("is the set of what was added, in as few ranges as can be", () => {
    const range = fc.tuple(fc.nat(60), fc.nat(6));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), fc.nat(60), fc.nat(20), (added, start, length) => {
        const ranges = new IdRanges();
        const set = new Set<number>();
        for (const [from, more] of added) {
          ranges.add(from, from + more);
          for (let id = from; id <= from + more; id++) set.add(id);
        }
        expect(ranges.count).toBe(set.size);
        for (let id = 0; id < 70; id++) expect(ranges.has(id)).toBe(set.has(id));
        const listed = [...ranges];
        expect(listed.length).toBe(ranges.ranges);
        for (let place = 1; place < listed.length; place++) {
          expect(listed[place]![0]).toBeGreaterThan(listed[place - 1]![1] + 1);
        }
        const missing = [...ranges.missing(start, start + length)].flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, index) => from + index),
        );
        const expected = Array.from({ length: length + 1 }, (_, index) => start + index);
        expect(missing).toEqual(expected.filter((id) => !set.has(id)));
      }),
    );
  });
});
