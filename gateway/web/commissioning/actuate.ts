import type { Text } from "../../model/device.ts";

// What to command in order to see a thing move, and back.

/** As `write` of a point of `GET /v1/devices/:device`. */
export interface Writable {
  readonly takes: string;
  readonly range?: readonly [number, number] | undefined;
  readonly allowed?: readonly (number | boolean | string)[] | undefined;
  readonly labels?: readonly Text[] | undefined;
  readonly step?: number | undefined;
  readonly confirm: string;
  readonly longestMs?: number | undefined;
}

export type JsonValue = number | boolean | string;

/** Words that a point has for what it reads are those that it takes, where it has no others for that. */
export function inWordsOf(write: Writable, labels: readonly Text[] | undefined): Writable {
  return write.takes === "label" && write.labels === undefined ? { ...write, labels } : write;
}

/** The values that a button each is made for; undefined where one types it. */
export function valuesOf(write: Writable): readonly JsonValue[] | undefined {
  if (write.allowed && write.allowed.length <= 12) return write.allowed;
  if (write.takes === "boolean") return [true, false];
  if (write.takes === "label" && write.labels && write.labels.length <= 12)
    return write.labels.map(({ en }) => en);
  return undefined;
}

/** What one would command first: something else than what is, the smallest move that one can see. */
export function firstValue(write: Writable, now: JsonValue | undefined): JsonValue | undefined {
  const values = valuesOf(write);
  if (values) return values.find((value) => value !== now);
  if (write.takes !== "number" || !write.range) return undefined;
  const [low, high] = write.range;
  const step = write.step ?? 0;
  const snap = (value: number) => {
    const steps = step > 0 ? low + Math.round((value - low) / step) * step : value;
    return Number(Math.min(high, Math.max(low, steps)).toPrecision(12));
  };
  const half = snap((low + high) / 2);
  return half === now ? snap(low + (high - low) / 4) : half;
}

/** What was typed, as the point takes it; undefined where it does not. */
export function typedValue(write: Writable, text: string): JsonValue | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (write.takes !== "number") return trimmed;
  const number = Number(trimmed.replace(",", "."));
  if (!Number.isFinite(number)) return undefined;
  const [low, high] = write.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return number >= low && number <= high ? number : undefined;
}
