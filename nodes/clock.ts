import type { NodeAPI } from "node-red";

/** Time and chance, as the nodes know them. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** Ms that never jump. */
  monotonic(): number;
  /** Calls back once after `ms`, unless disposed before. */
  timer(ms: number, callback: () => void): Disposable;
  /** In [0, 1). */
  random(): number;
}

/** Node's timers wrap beyond this. */
const longestMs = 2 ** 31 - 1;

const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, callback) {
    const timeout = setTimeout(callback, Math.min(Math.max(0, ms), longestMs));
    return { [Symbol.dispose]: () => clearTimeout(timeout) };
  },
  random: () => Math.random(),
};

/** The system's clock, or the one that whoever runs Node-RED has put into its settings as `stadsnodClock`: tests do. */
export function clockOf({ settings }: Pick<NodeAPI, "settings">): Clock {
  const given: unknown = Reflect.get(settings, "stadsnodClock");
  return isClock(given) ? given : systemClock;
}

function isClock(value: unknown): value is Clock {
  return typeof value === "object" && value !== null && "timer" in value && "monotonic" in value;
}
