/** One step into decoded data: a key, an index, or every element. */
export type Step = string | number | typeof every;
export const every: unique symbol = Symbol("every element");

/** `channels[1].temp`, `log[].temp`; undefined for a text that is no path. At most one `[]`. */
export function parsePath(text: string): readonly Step[] | undefined {
  const known = paths.get(text);
  if (known) return known;
  const steps: Step[] = [];
  let all = 0;
  for (const part of text.split(".")) {
    const [, key = "", indices = ""] = /^([^[\]]+)((?:\[\d{0,4}\])*)$/.exec(part) ?? [];
    if (key === "" || key.trim() !== key || key === "__proto__") return undefined;
    steps.push(key);
    for (const [, digits = ""] of indices.matchAll(/\[(\d*)\]/g)) {
      if (digits === "") all += 1;
      steps.push(digits === "" ? every : Number(digits));
    }
  }
  if (all > 1 || steps.length > 12) return undefined;
  if (paths.size < mostPaths) paths.set(text, steps);
  return steps;
}

const mostPaths = 10_000;
const paths = new Map<string, readonly Step[]>();

/** What stands there; undefined when nothing does. Only own members are seen. */
export function follow(data: unknown, steps: readonly Step[]): unknown {
  let present = data;
  for (const step of steps) {
    if (typeof present !== "object" || present === null) return undefined;
    if (Array.isArray(present)) present = typeof step === "number" ? present[step] : undefined;
    else
      present =
        typeof step === "string" && Object.hasOwn(present, step) ? Reflect.get(present, step) : undefined;
  }
  return present;
}

/** A path cut at `[]`: the list, and the way inside each element. Undefined without `[]`. */
export function splitPath(
  steps: readonly Step[],
): { readonly list: readonly Step[]; readonly inside: readonly Step[] } | undefined {
  const at = steps.indexOf(every);
  return at < 0 ? undefined : { list: steps.slice(0, at), inside: steps.slice(at + 1) };
}
