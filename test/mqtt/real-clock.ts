import type { Clock, Instant } from "../../gateway/model/clock.ts";

/** Real time, always trusted: for tests against real sockets. */
export const realClock: Clock = {
  bootId: "test-boot",
  trusted: true,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  stamp: (): Instant => ({ base: "unix", ms: Date.now() }),
  toUnix: (instant) => (instant.base === "unix" ? instant.ms : undefined),
  timer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
    }),
  whenTrusted(callback) {
    callback();
    return { [Symbol.dispose]() {} };
  },
};
