import type { PointResult } from "./protocol.ts";

/** Splits results where the next one is of another time: what belongs together is derived together. */
export function momentsOf(results: readonly PointResult[]): readonly (readonly PointResult[])[] {
  const moments: PointResult[][] = [];
  for (const result of results) {
    const current = moments.at(-1);
    const at = current?.[0]?.at;
    if (current && at?.base === result.at.base && at.ms === result.at.ms) current.push(result);
    else moments.push([result]);
  }
  return moments;
}
