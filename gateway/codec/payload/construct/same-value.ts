import { isMapping, Section } from "../section.ts";

/** Whether two values say the same: fractions up to what doubles lose, objects and lists member by member. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
  if (typeof a === "boolean" || typeof b === "boolean")
    return isBit(a) && isBit(b) && Number(a) === Number(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, index) => sameValue(one, b[index]));
  if (!isMapping(a) || !isMapping(b)) return false;
  const left = new Section(a, "").entries();
  const right = new Section(b, "");
  return (
    left.length === right.entries().length &&
    left.every(([key, one]) => sameValue(one, right.get(String(key))))
  );
}

function isBit(value: unknown): boolean {
  return typeof value === "boolean" || value === 0 || value === 1;
}
