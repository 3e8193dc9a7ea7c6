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
