import { type GatewayError, LinkError } from "../model/errors.ts";
import type { Northbound } from "./northbound.ts";

/**
 * Stands in for a far side that cannot work as configured (its CA file is missing, say). It is never
 * connected, so that everything waits in the outbox until the configuration is right.
 */
export function awayNorthbound(why: GatewayError, peer: string): Northbound {
  const { code, message, hint } = why;
  const closing = new AbortController();
  return {
    maxPackBytes: 0,
    concurrency: 1,
    topics: "",
    publish: () => Promise.reject(new LinkError(message, { code, hint, cause: why })),
    announce() {},
    connected: (signal) =>
      new Promise((_, reject) => {
        const over = AbortSignal.any([signal, closing.signal]);
        if (over.aborted) return reject(over.reason);
        over.addEventListener("abort", () => reject(over.reason), { once: true });
      }),
    status: () => ({
      connected: false,
      peer,
      lastError: { code, message, hint },
      published: 0,
      bytes: 0,
      refused: 0,
    }),
    async [Symbol.asyncDispose]() {
      closing.abort(new LinkError("this far side was closed", { code: "closed" }));
    },
  };
}
