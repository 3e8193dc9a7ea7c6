import { GatewayError, TransientError } from "../model/errors.ts";
import type { PendingWrite } from "./protocol.ts";
import type { Delivery, WriteOrder } from "./write-order.ts";

// Writes that a slow far side has taken over: a network server that reaches its device in hours.

/** Tells the stages of what a slow far side took over; rejects as soon as one of them is given up. */
export async function followAll(pending: readonly PendingWrite[], order: WriteOrder): Promise<Delivery> {
  let told: string | undefined;
  const acknowledged = await Promise.all(
    pending.map(async (one) => {
      let isAcknowledged = false;
      for await (const stage of one.stages()) {
        isAcknowledged = stage === "acknowledged";
        if (stage === "acknowledged" || stage === told) continue;
        told = stage;
        order.progress?.(stage);
      }
      return isAcknowledged;
    }),
  );
  return acknowledged.every(Boolean) ? "acknowledged" : "sent";
}

/**
 * What follows a slow far side, until nobody wants it any more. What is still queued then is taken back
 * where a newer command takes its place (reason `taken-back`); where it cannot be, it goes on. What was
 * sent cannot be called back: nobody waits for what shows it any longer.
 */
export async function unlessStopped<T>(
  pending: readonly PendingWrite[],
  signal: AbortSignal | undefined,
  work: (delivery: { now: Delivery | undefined }) => Promise<T>,
): Promise<T> {
  const delivery: { now: Delivery | undefined } = { now: undefined };
  const working = work(delivery);
  if (!signal) return working;
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => void stopOf(pending, delivery, signal.reason).then(reject, () => {});
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    working.finally(() => signal.removeEventListener("abort", stop)).catch(() => {});
  });
  return Promise.race([working, stopped]);
}

/** What the write ends with. Rejects when it goes on: the far side has it, and gives it to nobody. */
export async function stopOf(
  pending: readonly PendingWrite[],
  { now }: { readonly now: Delivery | undefined },
  reason: unknown,
): Promise<unknown> {
  if (!(reason instanceof GatewayError) || reason.code !== "taken-back") return reason;
  if (now !== undefined)
    return new TransientError(`${reason.message}; it had been sent, and nothing has shown it yet`, {
      code: "no-answer",
    });
  await Promise.all(pending.map((one) => one.takeBack?.() ?? Promise.reject(reason)));
  return reason;
}
