import * as z from "zod";
import { ConfigError, GatewayError, StorageError } from "../model/errors.ts";

/** What every refusal of the API looks like. `error` is stable. */
export interface ErrorBody {
  readonly error: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  /** A bug of ours: to be logged. */
  readonly unknown?: boolean | undefined;
}

/** A refusal of the API itself, with its HTTP status. */
export class ApiError extends GatewayError {
  readonly status: number;
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    { hint, retryAfter }: { hint?: string | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(message, { code, hint });
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const ofFastify: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "body-too-large", "the body is too large"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    "wrong-content-type",
    "the body must come as content-type: application/json",
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, "bad-request", "the body is not JSON"],
};

/** What a thrown error is told as. Nothing of an unknown one is told. */
export function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof z.ZodError) return plain(400, "bad-request", describe(error));
  if (error instanceof GatewayError) {
    const { code, message, hint } = error;
    const retryAfter = error instanceof ApiError ? error.retryAfter : undefined;
    return {
      status: statusOf(error),
      body: { error: code, message, ...(hint ? { hint } : {}) },
      retryAfter,
    };
  }
  const code = property(error, "code");
  const known = typeof code === "string" ? ofFastify[code] : undefined;
  if (known) return plain(...known);
  const status = property(error, "statusCode");
  if (typeof status === "number" && status >= 400 && status < 500)
    return plain(status, "bad-request", "this is no request that can be answered");
  return { ...plain(500, "internal", "internal error; see the log"), unknown: true };
}

function statusOf(error: GatewayError): number {
  if (error instanceof ApiError) return error.status;
  // What the gateway does not know was asked for wrongly.
  if (error instanceof ConfigError) return 404;
  return error instanceof StorageError ? 503 : 502;
}

function plain(status: number, error: string, message: string): ErrorAnswer {
  return { status, body: { error, message } };
}

/** At most three findings; never the value that was sent: it may be a password. */
function describe({ issues }: z.ZodError): string {
  const lines = issues.slice(0, 3).map(({ path, message }) => {
    const at = path.join(".");
    return at === "" ? message : `${at}: ${message}`;
  });
  return lines.join("; ").slice(0, 500);
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
