import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brokenBound } from "./json-bounds.ts";

const wide = { depth: 1000, entries: 1_000_000 };

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
function entriesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inside = Object.values(value);
  return inside.length + inside.reduce((sum: number, one) => sum + entriesOf(one), 0);
}

describe("brokenBound", () => {
  it("knows the depth of every JSON text exactly", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const depth = depthOf(value);
        const text = JSON.stringify(value);
        expect(brokenBound(text, { ...wide, depth })).toBeUndefined();
        if (depth > 0) expect(brokenBound(text, { ...wide, depth: depth - 1 })).toContain("deeper than");
      }),
    );
  });

  it("never lets more entries through than there may be", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(20), (value, entries) => {
        if (brokenBound(JSON.stringify(value), { ...wide, entries }) === undefined) {
          expect(entriesOf(value)).toBeLessThanOrEqual(entries + 1);
        }
      }),
    );
  });

  it("is not misled by brackets and quotes in strings", () => {
    const text = JSON.stringify({ a: '[[[[{{{"\\', 'b"[[[': "\\\\[" });
    expect(brokenBound(text, { depth: 1, entries: 2 })).toBeUndefined();
  });
});
