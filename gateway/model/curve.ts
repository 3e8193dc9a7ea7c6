/** Points of a line from raw to value: at least two, raw rising strictly. */
export type Curve = readonly (readonly [raw: number, value: number])[];

/** The value between the two nearest points of the curve; undefined outside of it: nothing is guessed there. */
export function along(curve: Curve, raw: number): number | undefined {
  let low = 0;
  let high = curve.length - 1;
  if (!(raw >= curve[low]![0] && raw <= curve[high]![0])) return undefined;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (curve[middle]![0] <= raw) low = middle;
    else high = middle;
  }
  const [fromRaw, from] = curve[low]!;
  const [toRaw, to] = curve[high]!;
  if (raw === toRaw) return to;
  return from + ((raw - fromRaw) * (to - from)) / (toRaw - fromRaw);
}

/** From value to raw; undefined where a value has several raws (the curve does not rise or fall all the way). */
export function inverseCurve(curve: Curve): Curve | undefined {
  const swapped = curve.map(([raw, value]): [number, number] => [value, raw]);
  if (swapped[0]![0] > swapped.at(-1)![0]) swapped.reverse();
  return swapped.every(([value], index) => index === 0 || value > swapped[index - 1]![0])
    ? swapped
    : undefined;
}
