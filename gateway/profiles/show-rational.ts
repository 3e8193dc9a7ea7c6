import type { Rational } from "../model/decimal.ts";

/** A decimal where the fraction has one, else `numerator/denominator`. */
export function showRational({ numerator, denominator }: Rational): string {
  for (let places = 0, power = 1n; places <= 60; places++, power *= 10n) {
    if (power % denominator !== 0n) continue;
    const digits = (numerator * (power / denominator))
      .toString()
      .replace("-", "")
      .padStart(places + 1, "0");
    const sign = numerator < 0n ? "-" : "";
    const whole = digits.slice(0, digits.length - places);
    return places === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-places)}`;
  }
  return `${numerator}/${denominator}`;
}
