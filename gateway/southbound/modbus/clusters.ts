import { hull, overlaps, type Span } from "../plan.ts";

export interface Cluster<T extends Span> extends Span {
  readonly items: readonly T[];
}

/** Groups what can only be read together: items that overlap, and items of one atomic range. Ascending. */
export function clusters<T extends Span>(items: readonly T[], atomic: readonly Span[]): Cluster<T>[] {
  const result: { start: number; end: number; items: T[] }[] = [];
  for (const item of [...items].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = result.at(-1);
    const joined =
      last &&
      (overlaps(last, item) ||
        atomic.some((range) => overlaps(range, item) && last.items.some((mate) => overlaps(range, mate))));
    if (joined) {
      last.items.push(item);
      Object.assign(last, hull([last, item]));
    } else {
      result.push({ start: item.start, end: item.end, items: [item] });
    }
  }
  return result;
}
