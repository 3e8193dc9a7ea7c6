import { parseDuration } from "../../gateway/model/duration.ts";
import type { Action } from "./alarm-state.ts";

const words = ["acknowledge", "clear", "shelve", "unshelve"] as const;

/**
 * What a person wants of an alarm: a message whose topic is one of four words. Its payload may be
 * `{by, reason, for}`; of `shelve` also the time alone: `2h`. Undefined for any other message. Throws RangeError.
 */
export function operatorAction(topic: unknown, payload: unknown): Action | undefined {
  const kind = words.find((word) => word === topic);
  if (kind === undefined) return undefined;
  const by = textOf(payload, "by");
  const reason = textOf(payload, "reason");
  if (kind !== "shelve") return { kind, by, reason };
  const time = typeof payload === "string" ? payload : textOf(payload, "for");
  if (time === undefined) throw new RangeError("shelve needs a time: payload 2h, or {for: 2h}");
  return { kind, ms: parseDuration(time.replaceAll(/\s/g, "")), by, reason };
}

function textOf(payload: unknown, key: string): string | undefined {
  if (typeof payload !== "object" || payload === null) return undefined;
  const value: unknown = Reflect.get(payload, key);
  return typeof value === "string" ? value.slice(0, 200) : undefined;
}
