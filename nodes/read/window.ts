import type { NodeMessage } from "node-red";
import { ClientError } from "../client/client-error.ts";
import type { Clock } from "../clock.ts";

/** ISO 8601 UTC; `from` included, `to` not. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

/** `msg.from` and `msg.to` (Unix ms, Date or ISO 8601), else the last minutes until now. Throws ClientError `bad-message`. */
export function windowOf({ from, to }: NodeMessage, minutes: number, clock: Clock): Window {
  const end = to === undefined ? clock.now() : momentOf(to, "to");
  const start = from === undefined ? end - minutes * 60_000 : momentOf(from, "from");
  if (start >= end) throw new ClientError("bad-message", "msg.from is not before msg.to");
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
}

function momentOf(value: unknown, name: string): number {
  const ms = value instanceof Date || typeof value === "string" ? new Date(value).getTime() : Number(value);
  // The furthest that a date can be.
  if (Math.abs(ms) <= 8.64e15) return ms;
  throw new ClientError("bad-message", `msg.${name} is no moment`, {
    hint: "Unix milliseconds, a Date, or a text such as 2026-11-22T05:00:00Z",
  });
}
