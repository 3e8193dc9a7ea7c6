import type { Clock } from "../../model/clock.ts";
import { LinkError } from "../../model/errors.ts";

/**
 * Gives work so many milliseconds. Rejects with LinkError (`connect-timeout`) when it takes longer, also when the
 * work itself cannot be stopped.
 */
export async function within<T>(
  { clock, ms, at }: { readonly clock: Clock; readonly ms: number; readonly at: string },
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  using _deadline = clock.timer(ms, () =>
    late.abort(
      new LinkError(`no answer from ${at} within ${ms / 1000} s`, {
        code: "connect-timeout",
        hint: "mostly a firewall that swallows the packets: ask the network's operator to open the way out to this address and port",
      }),
    ),
  );
  const signal = AbortSignal.any([outer, late.signal]);
  const { promise: given, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work(signal), given]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
