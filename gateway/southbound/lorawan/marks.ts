import { createHash } from "node:crypto";
import type { Uplink } from "./bridge.ts";

/**
 * `<device> <frame counter> <8 characters>`: the same each time the server sends this uplink, and
 * another one for the same counter of another session.
 */
export function uplinkMark(device: string, { fCnt, dedupId, time }: Uplink): string {
  return `${device} ${fCnt} ${short(dedupId ?? String(time))}`;
}

/** Of what is no uplink and is sent again all the same: `<device> <what> <8 characters>`. */
export function eventMark(device: string, what: "status" | "join" | "location", time: unknown): string {
  return `${device} ${what} ${short(String(time))}`;
}

/** What an uplink's mark says; undefined of any other. */
export function countOfMark(mark: string): { readonly device: string; readonly fCnt: number } | undefined {
  const [, device, fCnt] = /^(\S+) (\d{1,10}) \S+$/.exec(mark) ?? [];
  return device === undefined ? undefined : { device, fCnt: Number(fCnt) };
}

function short(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 8);
}
