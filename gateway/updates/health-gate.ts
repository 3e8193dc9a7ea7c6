// Whether a new system may stay. Pure: what was, what is, and for how long.

/** What worked at a moment. */
export interface HealthSnapshot {
  /** Connections that were open. */
  readonly lines: readonly string[];
  /** Far sides that were connected. */
  readonly northbound: readonly string[];
}

export interface HealthNow extends HealthSnapshot {
  /** Connections and far sides that gateway.yaml has now: what was taken out cannot be missed. */
  readonly configured: HealthSnapshot;
  /** Since the machine started, ms. */
  readonly uptimeMs: number;
  /** Whether the gateway does its work. */
  readonly active: boolean;
  /** Ms since this start of the gateway. */
  readonly runMs: number;
  /** Ms since it last did not do its work (it hung, its store or a loop did); absent: since this start it always has. */
  readonly recoveredMs?: number | undefined;
  /** Whether its storage takes what is written. */
  readonly writable: boolean;
  /** Wall clock, Unix ms. */
  readonly time: number;
  /** Of the software: no clock may be before it, Unix ms. */
  readonly buildTime: number;
  /** Starts of the gateway since the machine started, this one included. */
  readonly starts: number;
}

export interface HealthVerdict {
  readonly verdict: "wait" | "commit" | "roll-back";
  /** What is wrong, one text each; empty where nothing is. */
  readonly wrong: readonly string[];
}

/** Somebody who restarts every minute looks well for most of it. */
export const earliestMs = 2 * 60_000;
export const latestMs = 10 * 60_000;
/** More starts than this in one boot are a restart loop. */
const mostStarts = 3;

/**
 * Whoever was started again, or did not do its work for a while, has to do it for as long as anybody else has after
 * the boot. Undefined for one that has nothing to make good.
 */
function steadyMs({ recoveredMs, starts, runMs }: HealthNow): number | undefined {
  return recoveredMs ?? (starts > 1 ? runMs : undefined);
}

/**
 * Commits at the earliest moment from `earliestMs` after the boot at which nothing is wrong, gives up at `latestMs`.
 * A restart loop is not waited for. A gateway that was started again or hung must then work for `earliestMs`
 * without a break. What did not work before the update need not work now.
 * @param before undefined where nobody knows: then only the gateway itself is looked at
 */
export function judgeHealth(before: HealthSnapshot | undefined, now: HealthNow): HealthVerdict {
  const wrong: string[] = [];
  const steady = steadyMs(now);
  if (!now.active) wrong.push("the gateway does not do its work");
  else if (steady !== undefined && steady < earliestMs)
    wrong.push(
      `the gateway ${now.recoveredMs === undefined ? "was started again" : "did not do its work"} less than ${earliestMs / 1000} s ago`,
    );
  if (!now.writable) wrong.push("the storage takes nothing");
  for (const line of before?.lines ?? [])
    if (now.configured.lines.includes(line) && !now.lines.includes(line))
      wrong.push(`line ${line} worked before and is not open`);
  for (const name of before?.northbound ?? [])
    if (now.configured.northbound.includes(name) && !now.northbound.includes(name))
      wrong.push(`${name} was connected before and is not`);
  if (now.time < now.buildTime) wrong.push("the clock is before the build of this version");
  const loop = now.starts > mostStarts;
  if (loop) wrong.push(`the gateway was started ${now.starts} times since the machine started`);
  if (loop) return { verdict: "roll-back", wrong };
  if (now.uptimeMs < earliestMs) return { verdict: "wait", wrong };
  if (wrong.length === 0) return { verdict: "commit", wrong };
  return { verdict: now.uptimeMs >= latestMs ? "roll-back" : "wait", wrong };
}
