import type { Clock } from "../../model/clock.ts";
import { illness, type Pulse } from "./health.ts";

/** Whether the daemon does its work, and for how long it has. */
export interface HeartState {
  readonly active: boolean;
  /** Ms since the daemon was started. */
  readonly runMs: number;
  /** Ms since it last did not do its work; absent: it always has. */
  readonly recoveredMs?: number | undefined;
}

export interface Heart extends Disposable {
  state(): HeartState;
}

const everyMs = 5000;
/** Later than this nothing turned: whoever stands still for two thirds of the watchdog's time is not well. */
const hangMs = 20_000;

/** Looks at the pulse for as long as the daemon runs: a hang is over when anybody can ask, so it is remembered. */
export function openHeart(pulse: () => Pulse, clock: Pick<Clock, "monotonic" | "timer">): Heart {
  const startedAt = clock.monotonic();
  let lookedAt = startedAt;
  let brokenAt: number | undefined;

  const look = (): boolean => {
    const now = clock.monotonic();
    const active = illness(pulse()) === undefined;
    if (!active || now - lookedAt > hangMs) brokenAt = now;
    lookedAt = now;
    return active;
  };
  let timer: Disposable;
  const again = () => {
    timer = clock.timer(everyMs, () => {
      look();
      again();
    });
  };
  again();

  return {
    state() {
      const active = look();
      const now = clock.monotonic();
      return {
        active,
        runMs: now - startedAt,
        ...(brokenAt === undefined ? {} : { recoveredMs: now - brokenAt }),
      };
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
