/** When something is on. Within `hysteresis` of the limit it stays as it is. */
export type LimitRule =
  | { readonly kind: "above" | "below"; readonly limit: number; readonly hysteresis: number }
  | {
      readonly kind: "inside" | "outside";
      readonly low: number;
      readonly high: number;
      readonly hysteresis: number;
    };

/**
 * Whether a value puts it on, given that it is on or off now. Above: on beyond the limit, off at or below
 * the limit less the hysteresis; below is its mirror. Inside and outside of low..high, both ends inside.
 */
export function isOn(rule: LimitRule, value: number, now: boolean): boolean {
  const { hysteresis } = rule;
  switch (rule.kind) {
    case "above":
      return now ? value > rule.limit - hysteresis : value > rule.limit;
    case "below":
      return now ? value < rule.limit + hysteresis : value < rule.limit;
    case "inside": {
      const slack = now ? hysteresis : 0;
      return value >= rule.low - slack && value <= rule.high + slack;
    }
    case "outside": {
      const slack = now ? hysteresis : 0;
      return value < rule.low + slack || value > rule.high - slack;
    }
  }
}
