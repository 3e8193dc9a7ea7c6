import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Item, inside, type MergeRules, mergeItems, mergePeriods, overlaps, type Span } from "./plan.ts";

const linear =
  (fixed: number, unit: number): MergeRules["costMs"] =>
  (units) =>
    fixed + unit * units;

/** Least cost over every set of permitted requests, found by trying every partition of the items. */
function bruteForce(items: readonly Item<number>[], rules: MergeRules): { cost: number; served: number } {
  const atomic = rules.atomic ?? [];
  const allowed = (group: readonly Item<number>[]): number => {
    const start = Math.min(...group.map((item) => item.start));
    const end = Math.max(...group.map((item) => item.end));
    if (end - start > rules.maxUnits) return Number.POSITIVE_INFINITY;
    if (rules.windows && !rules.windows.some((w) => w.start <= start && end <= w.end))
      return Number.POSITIVE_INFINITY;
    if (rules.forbidden?.some((f) => f.start < end && start < f.end)) return Number.POSITIVE_INFINITY;
    if (rules.cuts?.some((cut) => start < cut && cut < end)) return Number.POSITIVE_INFINITY;
    if (!rules.gaps) {
      for (let unit = start; unit < end; unit++) {
        if (!items.some((item) => item.start <= unit && unit < item.end)) return Number.POSITIVE_INFINITY;
      }
    }
    return rules.costMs(end - start);
  };
  const usable = items.filter((item) => allowed([item]) < Number.POSITIVE_INFINITY);
  const together = (groups: Item<number>[][]) =>
    atomic.every(
      (range) => groups.filter((group) => group.some((item) => overlaps(item, range))).length <= 1,
    );
  let least = Number.POSITIVE_INFINITY;
  const place = (index: number, groups: Item<number>[][]): void => {
    if (index === usable.length) {
      if (together(groups))
        least = Math.min(
          least,
          groups.reduce((sum, group) => sum + allowed(group), 0),
        );
      return;
    }
    for (const group of groups) {
      group.push(usable[index]!);
      place(index + 1, groups);
      group.pop();
    }
    groups.push([usable[index]!]);
    place(index + 1, groups);
    groups.pop();
  };
  place(0, []);
  return { cost: least, served: usable.length };
}

const span = (most: number) =>
  fc.tuple(fc.nat({ max: 24 }), fc.integer({ min: 1, max: most })).map(([start, length]) => ({
    start,
    end: start + length,
  }));
const items = fc
  .array(span(4), { minLength: 1, maxLength: 7 })
  .map((spans) => spans.map((at, value) => ({ ...at, value })));
const rules = fc
  .record({
    fixed: fc.integer({ min: 0, max: 12 }),
    unit: fc.integer({ min: 0, max: 3 }),
    step: fc.integer({ min: 1, max: 4 }),
    maxUnits: fc.integer({ min: 1, max: 16 }),
    gaps: fc.boolean(),
    windows: fc.option(fc.array(span(16), { minLength: 1, maxLength: 3 }), { nil: undefined }),
    forbidden: fc.array(span(2), { maxLength: 2 }),
    cuts: fc.array(fc.nat({ max: 28 }), { maxLength: 2 }),
  })
  .map(
    ({ fixed, unit, step, ...rest }): MergeRules => ({
      ...rest,
      costMs: (units) => fixed + unit * Math.ceil(units / step),
    }),
  );

describe("mergeItems", () => {
  it("is as cheap as the best of all partitions, and breaks no rule", () => {
    fc.assert(
      fc.property(items, rules, (list, given) => {
        const plan = mergeItems(list, given);
        const cost = plan.requests.reduce(
          (sum, request) => sum + given.costMs(request.end - request.start),
          0,
        );
        const best = bruteForce(list, given);
        expect(cost).toBe(best.cost);
        const served = plan.requests.flatMap((request) => request.items);
        expect(served).toHaveLength(best.served);
        expect([...served, ...plan.impossible].map((item) => item.value).sort()).toEqual(
          list.map((item) => item.value).sort(),
        );
        for (const request of plan.requests) {
          expect(request.items.every((item) => inside(item, request))).toBe(true);
          expect(request.end - request.start).toBeLessThanOrEqual(given.maxUnits);
          expect(given.forbidden?.some((range) => overlaps(range, request))).toBe(false);
        }
      }),
      { numRuns: 600 },
    );
  });

  it("keeps atomic ranges whole, at the least cost", () => {
    fc.assert(
      fc.property(items, span(6), fc.integer({ min: 0, max: 12 }), (list, range, fixed) => {
        const given: MergeRules = { costMs: linear(fixed, 1), maxUnits: 64, gaps: true, atomic: [range] };
        const plan = mergeItems(list, given);
        const holders = plan.requests.filter((request) =>
          request.items.some((item) => overlaps(item, range)),
        );
        expect(holders.length).toBeLessThanOrEqual(1);
        const cost = plan.requests.reduce(
          (sum, request) => sum + given.costMs(request.end - request.start),
          0,
        );
        expect(cost).toBe(bruteForce(list, given).cost);
      }),
      { numRuns: 300 },
    );
  });

  it("bridges a gap only while that is cheaper than another request", () => {
    const two = (gap: number) => [
      { start: 0, end: 2, value: "a" },
      { start: 2 + gap, end: 4 + gap, value: "b" },
    ];
    const given = { costMs: linear(10, 1), maxUnits: 125, gaps: true };
    expect(mergeItems(two(9), given).requests).toHaveLength(1);
    expect(mergeItems(two(11), given).requests).toHaveLength(2);
  });

  it("names what cannot be read at all", () => {
    const plan = mergeItems([{ start: 3, end: 5, value: "x" }], {
      costMs: linear(1, 1),
      maxUnits: 10,
      gaps: true,
      forbidden: [{ start: 4, end: 5 }],
    });
    expect(plan.requests).toEqual([]);
    expect(plan.impossible.map((item) => item.value)).toEqual(["x"]);
  });
});

describe("mergePeriods", () => {
  const given: MergeRules = { costMs: linear(10, 1), maxUnits: 125, gaps: true };
  const at = (
    start: number,
    periodMs: number,
    value = `${start}`,
  ): Span & { value: string; periodMs: number } => ({
    start,
    end: start + 1,
    periodMs,
    value,
  });

  it("answers a slow point from a fast request that covers it", () => {
    const plan = mergePeriods(
      [at(0, 1000), at(5, 60_000), at(8, 1000), at(4, Number.POSITIVE_INFINITY)],
      given,
    );
    expect(plan.requests).toHaveLength(1);
    expect(plan.requests[0]).toMatchObject({ start: 0, end: 9, periodMs: 1000 });
    expect(plan.requests[0]!.items).toHaveLength(4);
  });

  it("joins a neighbour only when reading it more often costs less than asking apart", () => {
    const near = mergePeriods([at(0, 1000), at(1, 5000)], given);
    expect(near.requests).toMatchObject([{ start: 0, end: 2, periodMs: 1000 }]);
    const rare = mergePeriods([at(0, 1000), at(1, 60_000)], given);
    expect(rare.requests.map((request) => request.periodMs)).toEqual([1000, 60_000]);
  });

  it("never loses a point, and never loads the line more than planning every period apart", () => {
    const timed = fc
      .array(fc.tuple(span(4), fc.constantFrom(100, 1000, 10_000)), { minLength: 1, maxLength: 12 })
      .map((list) => list.map(([where, periodMs], value) => ({ ...where, periodMs, value })));
    fc.assert(
      fc.property(timed, rules, (list, some) => {
        const plan = mergePeriods(list, some);
        const served = plan.requests.flatMap((request) => request.items);
        expect([...served, ...plan.impossible].map((item) => item.value).sort()).toEqual(
          list.map((item) => item.value).sort(),
        );
        for (const request of plan.requests) {
          expect(request.items.every((item) => inside(item, request))).toBe(true);
          expect(request.periodMs).toBe(Math.min(...request.items.map((item) => item.periodMs)));
          expect(some.forbidden?.some((range) => overlaps(range, request))).toBe(false);
        }
        const load = (requests: readonly (Span & { periodMs: number })[]) =>
          requests.reduce((sum, one) => sum + some.costMs(one.end - one.start) / one.periodMs, 0);
        const apart = [100, 1000, 10_000].flatMap((periodMs) =>
          mergeItems(
            list.filter((item) => item.periodMs === periodMs),
            some,
            list,
          ).requests.map((request) => ({ ...request, periodMs })),
        );
        expect(load(plan.requests)).toBeLessThanOrEqual(load(apart) + 1e-9);
      }),
      { numRuns: 300 },
    );
  });
});
