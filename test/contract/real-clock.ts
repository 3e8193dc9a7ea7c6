import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../gateway/model/clock.ts";

/** Real time, for tests over real sockets and ttys; always trusted. */
export const realClock: Clock = {
  bootId: "test",
  trusted: true,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  stamp: () => ({ base: "unix", ms: Date.now() }),
  toUnix: (instant) => (instant.base === "unix" ? instant.ms : undefined),
  timer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch {
      throw signal?.reason;
    }
  },
  whenTrusted(callback) {
    callback();
    return { [Symbol.dispose]: () => {} };
  },
};
