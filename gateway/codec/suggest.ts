/**
 * The candidate that a person most likely meant, or undefined when none is near: at most one slip
 * in three characters. Upper and lower case, and `-` and `_`, count as the same letter.
 */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(written);
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === written || Math.abs(candidate.length - wanted.length) > limit) continue;
    const distance = editDistance(wanted, fold(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  // A one-letter word is one slip away from every other one.
  return best !== undefined && (bestDistance === 0 || wanted.length > 1) ? best : undefined;
}

/** "a, b or c"; long lists are cut after `limit` entries. */
export function alternatives(words: readonly string[], limit = 12): string {
  const shown = words.slice(0, limit);
  if (words.length > limit) return `${shown.join(", ")} ... (${words.length} in all)`;
  const last = shown.at(-1) ?? "";
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} or ${last}` : last;
}

function fold(word: string): string {
  return word.slice(0, 64).toLowerCase().replaceAll("-", "_");
}

/** Damerau-Levenshtein distance, restricted to neighbours swapped once (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
