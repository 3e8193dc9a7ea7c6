import { ask, at, post } from "../api.ts";
import { after } from "../browser.ts";
import type { ResultJson } from "../types.ts";
import type { JsonValue } from "./actuate.ts";

/** A command of the technician, or of an operator where the device is accepted already. */
export interface Asked {
  readonly device: string;
  readonly point: string;
  readonly accepted: boolean;
  readonly reason: string;
}

const everyMs = 400;

/** Commands, and tells every word that comes until the last one, or the signal. Rejects with ApiError. */
export async function command(
  asked: Asked,
  what: { readonly value: JsonValue } | { readonly action: "confirm"; readonly confirms: string },
  tell: (result: ResultJson) => void,
  signal: AbortSignal,
): Promise<void> {
  const { device, point, accepted, reason } = asked;
  const path = accepted ? "/v1/commands" : "/v1/commissioning/test";
  const first = await post<ResultJson>(path, { device, point, expiresIn: "60s", reason, ...what });
  tell(first);
  await heard(first, tell, signal);
}

async function heard(
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
