/** A straight line through measurements, and how sure it is. */
export interface Trend {
  /** Per unit of x. */
  readonly slope: number;
  /** Half of the 95 % confidence interval of the slope; infinite with fewer than three points. */
  readonly plusMinus: number;
  readonly mean: number;
  /** What the line rises by from the first x to the last. */
  readonly rise: number;
}

/** A measurement: when, and how much. */
export type Point = readonly [x: number, y: number];

/**
 * Least squares. Measurements that follow each other closely are not independent and would make the
 * interval too narrow: give means of stretches (`meansOf`) instead.
 */
export function trendOf(points: readonly Point[]): Trend {
  const count = points.length;
  const mean = averageOf(points.map(([, y]) => y));
  const middle = averageOf(points.map(([x]) => x));
  let [xx, xy] = [0, 0];
  for (const [x, y] of points) {
    xx += (x - middle) ** 2;
    xy += (x - middle) * (y - mean);
  }
  if (count < 2 || xx === 0) return { slope: 0, plusMinus: Number.POSITIVE_INFINITY, mean, rise: 0 };
  const slope = xy / xx;
  const residual = points.reduce((sum, [x, y]) => sum + (y - mean - slope * (x - middle)) ** 2, 0);
  const plusMinus =
    count < 3 ? Number.POSITIVE_INFINITY : student(count - 2) * Math.sqrt(residual / (count - 2) / xx);
  return { slope, plusMinus, mean, rise: slope * (points.at(-1)![0] - points[0]![0]) };
}

/** Means of stretches of `width` in x, each at its own mean of x. */
export function meansOf(points: readonly Point[], width: number): Point[] {
  const stretches = new Map<number, Point[]>();
  for (const point of points) {
    const key = Math.floor((point[0] - points[0]![0]) / width);
    const stretch = stretches.get(key);
    if (stretch) stretch.push(point);
    else stretches.set(key, [point]);
  }
  return Array.from(stretches.values(), (stretch) => [
    averageOf(stretch.map(([x]) => x)),
    averageOf(stretch.map(([, y]) => y)),
  ]);
}

function averageOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The 97.5 % quantile of Student's distribution, by its expansion around the normal one (Abramowitz and Stegun 26.7.5). */
function student(freedom: number): number {
  if (freedom === 1) return 12.706;
  if (freedom === 2) return 4.303;
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}
