import { type GatewayError, LinkError } from "../model/errors.ts";
import type { Northbound } from "./northbound.ts";

/**
 * Stands in for a far side that cannot work as configured (its CA file is missing, say). It is never
 * connected, so that everything waits in the outbox until the configuration is right.
 */
export function awayNorthbound(why: GatewayError, peer: string): Northbound {
  const { code, message, hint } = why;
  return {
    maxPackBytes: 0,
    concurrency: 1,
    topics: "",
    publish: () => Promise.reject(new LinkError(message, { code, hint, cause: why })),
    announce() {},
    connected: (signal) =>
      new Promise((_, reject) => {
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    status: () => ({
      connected: false,
      peer,
      lastError: { code, message, hint },
      published: 0,
      bytes: 0,
      refused: 0,
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
