import type { Captured, Captures, MatchOptions } from "./matcher.ts";
import { compileMatcher } from "./matcher.ts";
import { capturedFields } from "./pattern.ts";
import type { PairSet } from "./settings.ts";

/** Reads `key=value` items in any order; keys that the profile does not know are read over. */
export type PairReader = (text: string) => Captures;

export function compilePairs(set: PairSet, options: MatchOptions): PairReader {
  const items = new Map(
    Array.from(set.items, ([key, steps]) => {
      const fields = [...capturedFields(steps).keys()];
      return [key, { matcher: compileMatcher(steps, options), fields }] as const;
    }),
  );
  const { between, assign, invalid } = set;
  return (text) => {
    const found = new Map<string, Captured>();
    for (const item of text.split(between)) {
      const middle = item.indexOf(assign);
      const known = middle < 0 ? undefined : items.get(item.slice(0, middle).trim());
      if (!known) continue;
      const value = item.slice(middle + assign.length).trim();
      const captures = known.matcher.match(value);
      const otherwise: Captured =
        invalid !== undefined && value.endsWith(invalid)
          ? { kind: "absent", text: value }
          : { kind: "bad", detail: `${JSON.stringify(item.trim())} has not the form that the profile says` };
      for (const field of known.fields) {
        const captured = captures ? captures.get(field) : otherwise;
        if (captured) found.set(field, captured);
      }
    }
    return found;
  };
}
