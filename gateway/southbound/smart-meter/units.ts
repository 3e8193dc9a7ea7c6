import { isZero } from "../../model/decimal.ts";
import { unitOf } from "../../model/units.ts";

/** Our symbols for what meters write otherwise. */
const spellings: ReadonlyMap<string, string> = new Map([
  ["m³", "m3"],
  ["dm3", "l"],
  ["°C", "Cel"],
  ["C", "Cel"],
  ["hz", "Hz"],
  ["HZ", "Hz"],
]);

/** The unit of a telegram in our symbols; as it is written when there is none. `kVArh`, `kVarh` and `kvarh` are one. */
export function symbolOf(written: string): string {
  const [, prefix, hours] = /^([kM]?)var(h?)$/i.exec(written) ?? [];
  if (prefix !== undefined) return `${prefix}var${hours ? "h" : ""}`;
  return spellings.get(written) ?? written;
}

const powers = new Map<string, number | undefined>();
/** Pairs that are remembered; a telegram may write anything. */
const maxPairs = 256;

/**
 * n where a value in `from` times 10^n is the value in `to`; undefined when they are not of one
 * quantity, or differ by something else than a power of ten.
 */
export function powerBetween(from: string, to: string): number | undefined {
  if (from === to) return 0;
  const pair = `${from} ${to}`;
  if (powers.has(pair)) return powers.get(pair);
  const power = computePower(from, to);
  if (powers.size < maxPairs) powers.set(pair, power);
  return power;
}

function computePower(from: string, to: string): number | undefined {
  const source = unitOf(from);
  const target = unitOf(to);
  if (!source || !target || source.primary !== target.primary) return undefined;
  if (!isZero(source.offset) || !isZero(target.offset)) return undefined;
  return powerOfTen(
    source.factor.numerator * target.factor.denominator,
    source.factor.denominator * target.factor.numerator,
  );
}

function powerOfTen(numerator: bigint, denominator: bigint): number | undefined {
  const isLarger = numerator > denominator;
  const [large, small] = isLarger ? [numerator, denominator] : [denominator, numerator];
  if (large % small !== 0n) return undefined;
  let power = 0;
  let rest = large / small;
  for (; rest % 10n === 0n; rest /= 10n) power += 1;
  if (rest !== 1n) return undefined;
  return isLarger ? power : -power;
}
