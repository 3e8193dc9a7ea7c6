import { signal } from "@preact/signals";
import { now } from "./browser.ts";

/** An answer of the gateway that is no success, in its own words; or none came (`unreachable`). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Told when the gateway no longer knows who asks. */
export const loginNeeded = signal(false);
/** When the gateway last answered anything, unix ms of this browser; 0: never. */
export const lastAnswer = signal(0);
/** The last request found nobody. */
export const unreachable = signal(false);

const patienceMs = 70_000;

interface Request {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the gateway and gives what it answers. Rejects with ApiError; with the signal's reason when that aborts.
 * The session comes along as a cookie; the header on changes is what no other site's page can send.
 */
export async function ask<T>(path: string, request: Request = {}): Promise<T> {
  const { method = "GET", body, signal } = request;
  const response = await answered(path, {
    method,
    signal: AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]),
    credentials: "same-origin",
    cache: "no-store",
    headers: {
      accept: "application/json",
      ...(method === "GET" ? {} : { "x-stadsnod": "1" }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  lastAnswer.value = now();
  unreachable.value = false;
  if (response.ok) return (await response.json()) as T;
  const error = await refusal(response);
  if (error.code === "login-needed") loginNeeded.value = true;
  throw error;
}

async function answered(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted && !(cause instanceof DOMException && cause.name === "TimeoutError"))
      throw cause;
    unreachable.value = true;
    throw new ApiError(0, "unreachable", "", undefined);
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const said: unknown = await response.json().catch(() => undefined);
  const field = (name: string): string | undefined => {
    const value: unknown = said && typeof said === "object" ? Reflect.get(said, name) : undefined;
    return typeof value === "string" ? value : undefined;
  };
  return new ApiError(
    response.status,
    field("error") ?? "unknown",
    field("message") ?? response.statusText,
    field("hint"),
  );
}

export const post = <T>(path: string, body: unknown = {}): Promise<T> =>
  ask<T>(path, { method: "POST", body });
export const remove = <T>(path: string): Promise<T> => ask<T>(path, { method: "DELETE" });

/** A path with its parts encoded: ``at`/v1/devices/${id}` ``. */
export function at(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: parts }, ...values.map((value) => encodeURIComponent(value)));
}
