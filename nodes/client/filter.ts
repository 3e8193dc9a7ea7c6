/** Devices and points; `*` stands for any text, nothing for all. */
export interface Filter {
  readonly device?: string | undefined;
  readonly point?: string | undefined;
}

/** A point of a bit field, `alarms`, lets its bits `alarms/door` through too. */
export function matches(filter: Filter, one: { readonly device: string; readonly point: string }): boolean {
  if (!matchesWord(filter.device, one.device)) return false;
  const { point } = filter;
  return matchesWord(point, one.point) || (point !== undefined && one.point.startsWith(`${point}/`));
}

const patterns = new Map<string, RegExp>();

function matchesWord(wanted: string | undefined, word: string): boolean {
  if (wanted === undefined || wanted === "" || wanted === "*") return true;
  if (!wanted.includes("*")) return wanted === word;
  return patternOf(wanted).test(word);
}

function patternOf(wanted: string): RegExp {
  const known = patterns.get(wanted);
  if (known) return known;
  const parts = wanted.split(/\*+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join(".*")}$`, "s");
  // Patterns come from flows, of which there are few; messages may make up more.
  if (patterns.size > 1000) patterns.clear();
  patterns.set(wanted, pattern);
  return pattern;
}
