import type { NodeMessage } from "node-red";
import type { ReadingJson } from "../gateway/model/json.ts";
import type { Clock } from "./clock.ts";

/** A reading with its age: ms since it was taken, absent while the gateway does not trust its clock. */
export type AgedReading = ReadingJson & { readonly ageMs?: number };

/** What a reading is in a flow. `payload` is undefined unless the quality is good. */
export interface ReadingMessage extends NodeMessage {
  payload: number | boolean | string | undefined;
  /** `device/point`. */
  topic: string;
  reading: AgedReading;
}

export function readingMessage(reading: ReadingJson, clock: Clock): ReadingMessage {
  const ageMs = ageOf(reading, clock);
  return {
    payload: reading.quality === "good" ? reading.value : undefined,
    topic: `${reading.device}/${reading.point}`,
    reading: ageMs === undefined ? { ...reading } : { ...reading, ageMs },
  };
}

/** Ms since it was taken, never below 0. */
export function ageOf({ time }: ReadingJson, clock: Clock): number | undefined {
  return time === undefined ? undefined : Math.max(0, clock.now() - Date.parse(time));
}

/** `device/point`, where a point of a bit field holds a slash itself: `pump/alarms/fire`. */
export function parseTopic(topic: unknown): { device: string; point: string } | undefined {
  if (typeof topic !== "string") return undefined;
  const slash = topic.indexOf("/");
  if (slash <= 0 || slash === topic.length - 1) return undefined;
  return { device: topic.slice(0, slash), point: topic.slice(slash + 1) };
}
