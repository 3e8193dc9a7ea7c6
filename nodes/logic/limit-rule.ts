import { choiceField, numberField, SettingError } from "./fields.ts";
import type { LimitRule } from "./hysteresis.ts";

/** A limit as the editor writes it: texts. `limit` is the lower end of a window. */
export interface WrittenRule {
  readonly rule: string;
  readonly limit: string;
  readonly high: string;
  readonly hysteresis: string;
}

/** Throws SettingError. */
export function limitRuleOf(written: WrittenRule): LimitRule {
  const kind = choiceField("rule", written.rule, ["above", "below", "inside", "outside"]);
  const hysteresis = written.hysteresis === "" ? 0 : numberField("hysteresis", written.hysteresis ?? 0, 0);
  const limit = numberField("limit", written.limit);
  if (kind === "above" || kind === "below") return { kind, limit, hysteresis };
  const high = numberField("high", written.high);
  if (high <= limit) throw new SettingError("high", "must be above the lower limit");
  if (kind === "outside" && 2 * hysteresis >= high - limit)
    throw new SettingError("hysteresis", "twice as much must fit between the limits, or it never goes off");
  return { kind, low: limit, high, hysteresis };
}
