import { GatewayError, LinkError, TransientError } from "../model/errors.ts";

/** What is not one of our errors is a bug: it counts as a failed attempt and keeps its cause. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new TransientError(error instanceof Error ? error.message : String(error), {
    code: "internal",
    cause: error,
  });
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Why nothing more is done on a line. */
export function reasonOf(signal: AbortSignal, fallback: GatewayError | undefined): Error {
  if (signal.aborted && signal.reason instanceof Error) return signal.reason;
  return fallback ?? new LinkError("the line is closed", { code: "closed" });
}

/** The line that was lost or closed in the middle of something. */
export function lost(ended: AbortSignal): LinkError {
  if (ended.reason instanceof LinkError) return ended.reason;
  return new LinkError("the line is closed", { code: "closed", cause: ended.reason });
}
