import type { LoopPulse } from "../../southbound/status.ts";

/** What the daemon can see of its own heart. Nothing of devices, brokers and lines is in it. */
export interface Pulse {
  /** Ms that the oldest operation on the store has been under way. */
  readonly diskMs: number;
  readonly loops: readonly LoopPulse[];
}

/** When a new start is better than waiting, ms. */
export const patience = {
  /** Worn SD cards pause for seconds, and at times for half a minute; what hangs longer does not come back. */
  diskMs: 60_000,
  /** A bug that comes again at once must not take the other lines along more than every few minutes. */
  brokenMs: 5 * 60_000,
  /** An SDI-12 sensor may take 999 s for one measurement, and every driver has deadlines of its own. */
  turnMs: 30 * 60_000,
} as const;

/**
 * Why the daemon should be started anew, or undefined while it is healthy. That its event loop turns is
 * what makes anybody ask. A dead device, line or broker, a full disk and a disk that fails are no reasons:
 * the gateway outlasts them, and starting it anew cures none of them.
 */
export function illness({ diskMs, loops }: Pulse): string | undefined {
  if (diskMs > patience.diskMs) return `the store has not answered for ${seconds(diskMs)}`;
  for (const { connection, brokenMs = 0, turnMs } of loops) {
    if (brokenMs > patience.brokenMs) return `the loop of ${connection} broke ${seconds(brokenMs)} ago`;
    if (turnMs > patience.turnMs) return `the loop of ${connection} has hung for ${seconds(turnMs)}`;
  }
  return undefined;
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
