import { fullest } from "./schedule.ts";

export interface Demand {
  readonly costMs: number;
  /** Infinity: once, which needs no share of the line. */
  readonly periodMs: number;
}

export interface Feasibility {
  /** Part of the line's time that the demands need; above 1 the line cannot carry them. */
  readonly utilisation: number;
  /** The factor by which the loop stretches all periods to make them fit, at least 1. */
  readonly stretch: number;
  /** Longest wait of a command for the line: the transaction that is running. ms. */
  readonly writeLatencyMs: number;
  /** Oldest that a value of this demand gets before the next one is there, ms; Infinity for `once`. */
  worstAge(demand: Demand): number;
}

/**
 * What a line can promise to these demands under non-preemptive earliest deadline first. Pure.
 *
 * A job waits at most for one running transaction and for the line's longest busy period, and ends
 * at the latest one transaction after its deadline; so a value is never older than a period plus
 * the smaller of the two. Failures are not in this: they are bounded by the breaker.
 */
export function feasibility(demands: readonly Demand[], capacity = 1): Feasibility {
  const repeated = demands.filter((demand) => Number.isFinite(demand.periodMs));
  const utilisation = repeated.reduce((sum, { costMs, periodMs }) => sum + costMs / periodMs, 0) / capacity;
  const stretch = Math.max(1, utilisation / fullest);
  const writeLatencyMs = demands.reduce((most, { costMs }) => Math.max(most, costMs), 0);
  const busyMs = busyPeriod(repeated, capacity, stretch, writeLatencyMs);
  return {
    utilisation,
    stretch,
    writeLatencyMs,
    worstAge({ periodMs }) {
      const period = periodMs * stretch;
      return period + Math.min(busyMs, period + writeLatencyMs);
    },
  };
}

/** The longest time that the line can be busy without a pause, ms: least fixed point of its own demand. */
function busyPeriod(
  demands: readonly Demand[],
  capacity: number,
  stretch: number,
  blockingMs: number,
): number {
  const longest = demands.reduce((most, { periodMs }) => Math.max(most, periodMs * stretch), 0);
  let busy = blockingMs + demands.reduce((sum, { costMs }) => sum + costMs, 0) / capacity;
  for (;;) {
    const next =
      blockingMs +
      demands.reduce(
        (sum, { costMs, periodMs }) => sum + Math.ceil(busy / (periodMs * stretch)) * costMs,
        0,
      ) /
        capacity;
    // Beyond the longest period the deadline is the smaller bound for everybody.
    if (next <= busy || next > longest) return Math.max(busy, next);
    busy = next;
  }
}
