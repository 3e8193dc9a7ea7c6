import { ask, at, post } from "../api.ts";
import { after } from "../browser.ts";
import type { ResultJson } from "../types.ts";
import type { JsonValue } from "./actuate.ts";

/** A command of the technician, or of an operator where the device is accepted already. */
export interface Asked {
  readonly device: string;
  readonly point: string;
  readonly accepted: boolean;
  /** As the API takes it: `60000ms`. */
  readonly expiresIn: string;
  readonly reason: string;
}

const everyMs = 400;

/** Asks for a value. Rejects with ApiError; the answer may be a last word, also a refusal. */
export function command(asked: Asked, value: JsonValue): Promise<ResultJson> {
  return send(asked, { value });
}

/** The second step of what waits for one. What becomes of it is told of the first. */
export function confirm(asked: Asked, confirms: string): Promise<ResultJson> {
  return send(asked, { action: "confirm", confirms });
}

function send(
  { device, point, accepted, expiresIn, reason }: Asked,
  what: Readonly<Record<string, unknown>>,
) {
  const path = accepted ? "/v1/commands" : "/v1/commissioning/test";
  return post<ResultJson>(path, { device, point, expiresIn, reason, ...what });
}

/** Tells every word that comes after the first, until the last one or the signal. */
export async function follow(
  first: ResultJson,
  tell: (result: ResultJson) => void,
  signal: AbortSignal,
): Promise<void> {
  let latest = first;
  while (!latest.last && !signal.aborted) {
    await new Promise<void>((resolve) => after(everyMs, resolve));
    // A request that fails says nothing about the command: it is asked for again.
    const next = await ask<ResultJson>(at`/v1/commands/${first.id}`, { signal }).catch(() => latest);
    if (signal.aborted) return;
    if (next !== latest) tell(next);
    latest = next;
  }
}
