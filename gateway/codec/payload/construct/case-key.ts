import { integerKey } from "../section.ts";

/** What a case of a `match` accepts. */
export type CaseTest =
  | { readonly kind: "exact"; readonly value: number | string | boolean }
  | { readonly kind: "range"; readonly low: number; readonly high: number }
  | { readonly kind: "prefix"; readonly start: string };

const integer = String.raw`[+-]?(?:0x[0-9a-f]+|\d+)`;
const rangePattern = new RegExp(String.raw`^\s*(${integer})\s*\.\.\s*(${integer})\s*$`, "i");

/** A key as an inclusive range `2..5`; undefined when it is none. */
export function rangeKey(key: unknown): { low: number; high: number } | undefined {
  const [, from, to] = typeof key === "string" ? (rangePattern.exec(key) ?? []) : [];
  const low = integerKey(from);
  const high = integerKey(to);
  return low === undefined || high === undefined ? undefined : { low, high };
}

/**
 * A case key: a whole number, a label, a range `2..5`, or, as an addition of ours, a text that ends
 * with `*`: the beginning of a text or of hex bytes.
 */
export function caseTest(key: unknown): CaseTest {
  const number = integerKey(key);
  if (number !== undefined) return { kind: "exact", value: number };
  const range = rangeKey(key);
  if (range) return { kind: "range", ...range };
  if (typeof key === "boolean") return { kind: "exact", value: key };
  const text = String(key);
  if (text.length > 1 && text.endsWith("*")) return { kind: "prefix", start: text.slice(0, -1) };
  return { kind: "exact", value: text };
}

export function accepts(test: CaseTest, value: unknown): boolean {
  if (typeof value === "object" || typeof value === "function" || typeof value === "symbol") return false;
  const number = typeof value === "bigint" || typeof value === "boolean" ? Number(value) : value;
  if (test.kind === "range") return typeof number === "number" && number >= test.low && number <= test.high;
  if (test.kind === "prefix") return typeof value === "string" && value.startsWith(test.start);
  return (
    test.value === value ||
    String(Number(test.value)) === String(number) ||
    String(test.value) === String(value)
  );
}
