/** Digits after the point that `round` may ask for. */
export const maxDecimals = 20;

/**
 * Rounds to `decimals` digits (0 to 20), ties to the even neighbour. What counts is the exact binary
 * value: 2.675 is stored below its tie and becomes 2.67.
 */
export function roundHalfEven(value: number, decimals: number): number {
  if (decimals === 0) return wholeHalfEven(value);
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 52) return value;
  const power = 10 ** decimals;
  const scaled = value * power;
  const rest = scaled - Math.floor(scaled);
  // Away from a tie the product's own error decides nothing, and one division rounds correctly.
  if (Math.abs(scaled) < 2 ** 40 && Math.abs(rest - 0.5) > 1e-3) return Math.round(scaled) / power;
  const halves = value * 2 ** (decimals + 1);
  if (Number.isInteger(halves)) {
    // 2 * value * 10^decimals, exactly; odd means halfway.
    const doubled = BigInt(halves) * 5n ** BigInt(decimals);
    if (doubled % 2n !== 0n) {
      const floor = (doubled - 1n) / 2n;
      return Number(`${floor % 2n === 0n ? floor : floor + 1n}e-${decimals}`);
    }
  }
  return Number(value.toFixed(decimals));
}

/** Rounds to a whole number, ties to the even neighbour. */
export function wholeHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
