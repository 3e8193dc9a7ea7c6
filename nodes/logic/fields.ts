import { parseDuration } from "../../gateway/model/duration.ts";

// What was written into a node's fields. All throw SettingError, which names the field.

export class SettingError extends Error {
  readonly code = "bad-setting";
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = "SettingError";
  }
}

export function numberField(field: string, written: unknown, least = Number.NEGATIVE_INFINITY): number {
  const number = written === "" || written === undefined || written === null ? Number.NaN : Number(written);
  if (!Number.isFinite(number)) throw new SettingError(field, "not a number");
  if (number < least) throw new SettingError(field, `must be at least ${least}`);
  return number;
}

/** Ms of `30s`, `15m`, `1h`; `absent` when nothing is written. */
export function durationField(field: string, written: unknown, absent: number): number {
  const text = String(written ?? "").replaceAll(/\s/g, "");
  if (text === "") return absent;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new SettingError(field, error instanceof Error ? error.message : String(error));
  }
}

export function choiceField<const T extends string>(
  field: string,
  written: unknown,
  allowed: readonly T[],
): T {
  const found = allowed.find((one) => one === written);
  if (found === undefined) throw new SettingError(field, `one of ${allowed.join(", ")}`);
  return found;
}

/** A value with the type that was chosen beside it. */
export function valueField(field: string, written: unknown, type: unknown): number | boolean | string {
  if (type === "bool") return written === true || written === "true";
  if (type === "num") return numberField(field, written);
  return String(written ?? "");
}
