import { computed, signal } from "@preact/signals";
import { ApiError, ask } from "./api.ts";
import { after, type Timer } from "./browser.ts";
import { setGatewayClock } from "./live.ts";
import type { Alarm, GatewayStatus } from "./types.ts";

// How the gateway fares as a whole, for the shell and the overview: asked every few seconds while the page is seen.

export const status = signal<GatewayStatus | undefined>(undefined);
/** `null`: this gateway tells no alarms. */
export const alarms = signal<readonly Alarm[] | null | undefined>(undefined);

const everyMs = 5000;

/** Asks once. Errors are left to the next time: `unreachable` of api.ts tells of them. */
export async function lookAtStatus(): Promise<void> {
  const [now, wrong] = await Promise.allSettled([
    ask<GatewayStatus>("/v1/status"),
    alarms.peek() === null ? Promise.resolve(null) : ask<readonly Alarm[]>("/v1/alarms"),
  ]);
  if (now.status === "fulfilled") {
    setGatewayClock(now.value.clock.now);
    status.value = now.value;
  }
  if (wrong.status === "fulfilled") alarms.value = wrong.value;
  else if (wrong.reason instanceof ApiError && wrong.reason.status === 404) alarms.value = null;
}

export function followStatus(): () => void {
  let timer: Timer | undefined;
  let over = false;
  const again = async () => {
    if (!document.hidden) await lookAtStatus();
    if (!over) timer = after(everyMs, () => void again());
  };
  const seen = () => {
    if (!document.hidden) void lookAtStatus();
  };
  document.addEventListener("visibilitychange", seen);
  void again();
  return () => {
    over = true;
    timer?.stop();
    document.removeEventListener("visibilitychange", seen);
    status.value = undefined;
    alarms.value = undefined;
  };
}

/** How many things are wrong, and how bad the worst is; of the status alone where there are no alarms. */
export const health = computed((): { tone: "good" | "warn" | "bad" | "unknown"; wrong: number } => {
  const now = status.value;
  if (!now) return { tone: "unknown", wrong: 0 };
  const told = alarms.value;
  if (told) {
    const bad = told.some(({ severity }) => severity === "critical" || severity === "major");
    return { tone: bad ? "bad" : told.length > 0 ? "warn" : "good", wrong: told.length };
  }
  const bad =
    now.quarantined.length +
    now.devices.filter(({ state }) => state === "unavailable").length +
    now.connections.filter(({ state }) => state === "failed" || state === "waiting").length +
    now.northbound.filter(({ connected }) => !connected).length;
  const odd = now.clock.trusted ? 0 : 1;
  return { tone: bad > 0 ? "bad" : odd > 0 ? "warn" : "good", wrong: bad + odd };
});
