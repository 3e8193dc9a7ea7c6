/** A half-open range of addresses, [start, end). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Something to be read that lies at [start, end) and cannot be split. */
export interface Item<T> extends Span {
  readonly value: T;
}

/** What a request may be, and what it costs. */
export interface MergeRules {
  /** Milliseconds of line time of a request of so many units; must not fall as units grow. */
  readonly costMs: (units: number) => number;
  /** Most units in one request, at least 1. */
  readonly maxUnits: number;
  /** Whether a request may read units that nothing in `known` asks for. */
  readonly gaps: boolean;
  /** If given, a request must lie inside one of them. */
  readonly windows?: readonly Span[] | undefined;
  /** No request may touch these. */
  readonly forbidden?: readonly Span[] | undefined;
  /** Addresses that no request may cross: start < cut < end is not allowed. */
  readonly cuts?: readonly number[] | undefined;
  /** Items that touch one of these must be in one request; a gap between them is then allowed. */
  readonly atomic?: readonly Span[] | undefined;
}

export interface Merged<T> extends Span {
  readonly items: readonly Item<T>[];
}

export interface MergePlan<T> {
  /** In ascending order of address. Every possible item is in exactly one of them. */
  readonly requests: readonly Merged<T>[];
  /** Items that no permitted request can hold. */
  readonly impossible: readonly Item<T>[];
}

/**
 * Merges items into the set of permitted requests of least total cost. Pure.
 *
 * Items sorted by start fall into contiguous groups in some best plan: drop requests that lie inside
 * another, give every item to the last request that holds it, and the assignment never goes back as
 * starts grow. So dynamic programming over the sorted items is optimal, overlapping items included.
 * Of plans with equal cost the one with fewer requests is taken.
 *
 * @param known what may be read without being a gap, besides the items themselves
 */
export function mergeItems<T>(
  items: readonly Item<T>[],
  rules: MergeRules,
  known: readonly Span[] = [],
): MergePlan<T> {
  const fused = fuseAtomic(items, rules.atomic ?? []);
  const covered = union([...fused, ...known]);
  const permitted = permission(rules, covered);
  const possible = fused.filter(permitted).sort((a, b) => a.start - b.start || a.end - b.end);
  const impossible = fused.filter((group) => !permitted(group)).flatMap((group) => group.items);

  // best[i]: least cost of the first i groups, with the index where the last request starts.
  const best: { cost: number; requests: number; from: number }[] = [{ cost: 0, requests: 0, from: 0 }];
  for (let count = 1; count <= possible.length; count++) {
    let choice = { cost: Number.POSITIVE_INFINITY, requests: 0, from: count - 1 };
    let end = Number.NEGATIVE_INFINITY;
    for (let from = count - 1; from >= 0; from--) {
      const { start } = possible[from]!;
      end = Math.max(end, possible[from]!.end);
      // Every rule that a hull breaks is broken by a larger hull too.
      if (!permitted({ start, end })) break;
      const before = best[from]!;
      const cost = before.cost + rules.costMs(end - start);
      const requests = before.requests + 1;
      const tie = Math.abs(cost - choice.cost) < 1e-9;
      if (tie ? requests < choice.requests : cost < choice.cost) choice = { cost, requests, from };
    }
    best.push(choice);
  }

  const requests: Merged<T>[] = [];
  for (let count = possible.length; count > 0; count = best[count]!.from) {
    const groups = possible.slice(best[count]!.from, count);
    requests.push({ ...hull(groups), items: groups.flatMap((group) => group.items) });
  }
  return { requests: requests.reverse(), impossible };
}

/** An item that wants to be read every `periodMs` (Infinity: once). */
export interface TimedItem<T> extends Item<T> {
  readonly periodMs: number;
}

export interface TimedMerged<T> extends Span {
  /** The shortest period of its items. */
  readonly periodMs: number;
  readonly items: readonly TimedItem<T>[];
}

export interface TimedPlan<T> {
  readonly requests: readonly TimedMerged<T>[];
  readonly impossible: readonly TimedItem<T>[];
}

/**
 * Plans several periods on one line of addresses, fastest first. A slower item that a faster
 * request covers anyway is answered by it; a slower request is joined with a faster one when
 * that lowers the load (cost per time) of the line. Pure.
 */
export function mergePeriods<T>(items: readonly TimedItem<T>[], rules: MergeRules): TimedPlan<T> {
  const requests: { start: number; end: number; periodMs: number; items: TimedItem<T>[] }[] = [];
  const impossible: TimedItem<T>[] = [];
  const grouped = withAtomicPeriods(items, rules.atomic ?? []);
  const periods = [...new Set(grouped.map((item) => item.periodMs))].sort((a, b) => a - b);
  for (const periodMs of periods) {
    const wanted = grouped.filter((item) => item.periodMs === periodMs);
    const open: Item<TimedItem<T>>[] = [];
    for (const item of wanted) {
      const host = requests.find((request) => request.periodMs < periodMs && inside(item, request));
      // An atomic group rides as a whole or not at all: it is planned below if any of it is outside.
      if (host && !touchesAny(item, rules.atomic ?? [])) host.items.push(item.value);
      else open.push(item);
    }
    const plan = mergeItems(open, rules, grouped);
    for (const request of plan.requests) {
      requests.push({
        start: request.start,
        end: request.end,
        periodMs,
        items: request.items.map((item) => item.value),
      });
    }
    impossible.push(...plan.impossible.map((item) => item.value));
  }
  join(requests, rules, union(grouped));
  return { requests: requests.sort((a, b) => a.start - b.start || a.periodMs - b.periodMs), impossible };
}

/**
 * Other permitted spans around `span`, by one to three `steps` units longer: the same can be read in
 * another form. First those that lie within what is known to be there. Pure.
 *
 * @param known what else is read around it
 */
export function widened(span: Span, rules: MergeRules, known: readonly Span[], steps = 1): Span[] {
  const permitted = permission(rules, union([span, ...known]));
  const there = hull([span, ...known]);
  const found = [1, 2, 3]
    .flatMap((count) => [
      { start: span.start, end: span.end + count * steps },
      { start: span.start - count * steps, end: span.end },
    ])
    .filter((wider) => wider.start >= 0 && permitted(wider));
  return [
    ...found.filter((wider) => inside(wider, there)),
    ...found.filter((wider) => !inside(wider, there)),
  ];
}

/** Joins slower requests into faster ones while that lowers the sum of cost / period. */
function join<T>(
  requests: { start: number; end: number; periodMs: number; items: TimedItem<T>[] }[],
  rules: MergeRules,
  covered: readonly Span[],
): void {
  const permitted = permission(rules, covered);
  const load = (span: Span, periodMs: number) => rules.costMs(span.end - span.start) / periodMs;
  for (let index = 0; index < requests.length; index++) {
    const slow = requests[index]!;
    let gain = 1e-12;
    let best: (typeof requests)[number] | undefined;
    for (const fast of requests) {
      if (fast.periodMs >= slow.periodMs) continue;
      const both = hull([fast, slow]);
      const saved = load(fast, fast.periodMs) + load(slow, slow.periodMs) - load(both, fast.periodMs);
      if (saved > gain && permitted(both)) [gain, best] = [saved, fast];
    }
    if (!best) continue;
    Object.assign(best, hull([best, slow]));
    best.items.push(...slow.items);
    requests.splice(index, 1);
    index = -1;
  }
}

/** Items of one atomic range all get the shortest period among them. */
function withAtomicPeriods<T>(
  items: readonly TimedItem<T>[],
  atomic: readonly Span[],
): { start: number; end: number; periodMs: number; value: TimedItem<T> }[] {
  return items.map((item) => {
    if (atomic.length === 0) return { ...item, value: item };
    const mates = atomic.filter((span) => overlaps(span, item));
    const periods = items
      .filter((other) => mates.some((span) => overlaps(span, other)))
      .map((other) => other.periodMs);
    return { ...item, periodMs: Math.min(item.periodMs, ...periods), value: item };
  });
}

/** Whether a request over a span is allowed. Whatever forbids a span forbids every larger one. */
function permission(rules: MergeRules, covered: readonly Span[]): (span: Span) => boolean {
  const { maxUnits, windows, forbidden = [], cuts = [], gaps } = rules;
  return (span) =>
    span.end - span.start <= maxUnits &&
    (!windows || windows.some((window) => inside(span, window))) &&
    !forbidden.some((range) => overlaps(range, span)) &&
    !cuts.some((cut) => span.start < cut && cut < span.end) &&
    (gaps || covered.some((range) => inside(span, range)));
}

/** Joins items that touch a common atomic range; others stay alone. Transitive. */
function fuseAtomic<T>(
  items: readonly Item<T>[],
  atomic: readonly Span[],
): { start: number; end: number; items: Item<T>[] }[] {
  let groups = items.map((item) => ({ start: item.start, end: item.end, items: [item] }));
  for (const range of atomic) {
    const mates = groups.filter((group) => group.items.some((item) => overlaps(item, range)));
    if (mates.length < 2) continue;
    const fused = { ...hull(mates), items: mates.flatMap((group) => group.items) };
    groups = [...groups.filter((group) => !mates.includes(group)), fused];
  }
  return groups;
}

/** The ranges that are covered, merged where they touch, ascending. */
function union(spans: readonly Span[]): Span[] {
  const result: { start: number; end: number }[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else result.push({ start: span.start, end: span.end });
  }
  return result;
}

export function hull(spans: readonly Span[]): Span {
  return {
    start: Math.min(...spans.map((span) => span.start)),
    end: Math.max(...spans.map((span) => span.end)),
  };
}

export function inside(inner: Span, outer: Span): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

export function overlaps(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

function touchesAny(span: Span, ranges: readonly Span[]): boolean {
  return ranges.some((range) => overlaps(range, span));
}
