import type { NodeMessage } from "node-red";
import type { Clock } from "../clock.ts";
import type { AgedReading } from "../message.ts";

// What a logic node sees of a message: one of ours with `msg.reading`, or any other with a value in `msg.payload`.

export interface Input {
  readonly topic: string;
  /** Undefined exactly when the quality is not good. */
  readonly value: number | boolean | string | undefined;
  readonly quality: string;
  readonly unit: string | undefined;
  /** Unix ms: when it was read, or when the message came. */
  readonly time: number;
  readonly detail: string | undefined;
  /** As it came. */
  readonly reading: AgedReading | undefined;
}

/** Throws TypeError when a payload is no value. */
export function inputOf(message: NodeMessage, clock: Clock): Input {
  const reading = readingIn(message);
  const quality = reading?.quality ?? "good";
  return {
    topic: typeof message.topic === "string" ? message.topic : "",
    value: quality === "good" ? valueIn(message.payload) : undefined,
    quality,
    unit: reading?.unit,
    time: timeOf(reading) ?? clock.now(),
    detail: reading?.detail,
    reading,
  };
}

/** As `inputOf`, where the value must be a number; a text such as `23.5` is one. Throws TypeError. */
export function numericInputOf(
  message: NodeMessage,
  clock: Clock,
): Input & { readonly value: number | undefined } {
  const input = inputOf(message, clock);
  return { ...input, value: input.value === undefined ? undefined : numberIn(input.value) };
}

function readingIn(message: NodeMessage): AgedReading | undefined {
  const reading: unknown = Reflect.get(message, "reading");
  return isReading(reading) ? reading : undefined;
}

function isReading(value: unknown): value is AgedReading {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "device") === "string" &&
    typeof Reflect.get(value, "point") === "string" &&
    typeof Reflect.get(value, "quality") === "string"
  );
}

function timeOf(reading: AgedReading | undefined): number | undefined {
  const time = typeof reading?.time === "string" ? Date.parse(reading.time) : Number.NaN;
  return Number.isFinite(time) ? time : undefined;
}

function valueIn(payload: unknown): number | boolean | string {
  if (typeof payload === "boolean" || typeof payload === "string") return payload;
  if (typeof payload === "number" && Number.isFinite(payload)) return payload;
  throw new TypeError(`msg.payload must be a value, and is ${describe(payload)}`);
}

function numberIn(value: number | boolean | string): number {
  if (typeof value === "number") return value;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isFinite(number)) return number;
  throw new TypeError(`msg.payload must be a number, and is ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? JSON.stringify(value.slice(0, 30)) : "an object";
}
