import { Secret } from "../model/secret.ts";

/** Whether two pieces of configuration say the same: by content, secrets and maps included. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = entriesOf(a);
  const right = entriesOf(b);
  return (
    left.size === right.size &&
    Array.from(left).every(([key, value]) => right.has(key) && same(value, right.get(key)))
  );
}

/** Entries with a value: a key that is undefined says as much as none. */
function entriesOf(value: object): Map<unknown, unknown> {
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  return new Map(Array.from(entries).filter(([, one]) => one !== undefined));
}
