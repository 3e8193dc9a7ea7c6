import { type Rational, rational } from "./decimal.ts";
import type { Text } from "./device.ts";
import { engineeringUnits, primaryUnits } from "./unit-table.ts";

/** A unit that a profile may write, and the SenML unit its values go out in. */
export interface Unit {
  readonly symbol: string;
  /** What is measured, kebab-case: units of one quantity convert into each other. */
  readonly quantity: string;
  readonly title: Text;
  /** Symbol of a primary unit of the SenML registry (RFC 8428, 12.1); the symbol itself for those. */
  readonly primary: string;
  /** value in `primary` = value * factor + offset, exactly. */
  readonly factor: Rational;
  readonly offset: Rational;
}

const units: ReadonlyMap<string, Unit> = new Map(build().map((unit) => [unit.symbol, unit]));

function build(): Unit[] {
  const primaries = primaryUnits.map(
    ([symbol, quantity, en, sv]): Unit => ({
      symbol,
      quantity,
      title: { en, sv },
      primary: symbol,
      factor: rational(1),
      offset: rational(0),
    }),
  );
  const quantities = new Map(primaries.map((unit) => [unit.symbol, unit.quantity]));
  const others = engineeringUnits.map(([symbol, primary, factor, en, sv, offset = "0"]): Unit => {
    const quantity = quantities.get(primary);
    if (quantity === undefined)
      throw new RangeError(`${primary}, the primary unit of ${symbol}, is not in the table`);
    return {
      symbol,
      quantity,
      title: { en, sv },
      primary,
      factor: rational(factor),
      offset: rational(offset),
    };
  });
  return [...primaries, ...others];
}

/** The unit of a symbol, as it is written: `mW` and `MW` are different units. */
export function unitOf(symbol: string): Unit | undefined {
  return units.get(symbol);
}

/** Every symbol, the primary ones first. */
export function unitSymbols(): readonly string[] {
  return [...units.keys()];
}

/** Other spellings of our symbols, for hints only: `C` for degrees Celsius would be coulomb. */
const spellings: ReadonlyMap<string, string> = new Map([
  ["°", "deg"],
  ["degree", "deg"],
  ["degrees", "deg"],
  ["kelvin", "K"],
  ["volt", "V"],
  ["ampere", "A"],
  ["amps", "A"],
  ["watt", "W"],
  ["hertz", "Hz"],
  ["°C", "Cel"],
  ["℃", "Cel"],
  ["degC", "Cel"],
  ["celsius", "Cel"],
  ["°F", "degF"],
  ["F°", "degF"],
  ["Ω", "Ohm"],
  ["kΩ", "kOhm"],
  ["lux", "lx"],
  ["cos", "/"],
  ["cosphi", "/"],
  ["pf", "/"],
  ["ratio", "/"],
  ["1", "/"],
  ["-", "/"],
  ["pct", "%"],
  ["percent", "%"],
  ["‰", "/1000"],
  ["rh", "%RH"],
  ["soc", "%EL"],
  ["sec", "s"],
  ["secs", "s"],
  ["second", "s"],
  ["seconds", "s"],
  ["minutes", "min"],
  ["hours", "h"],
  ["hour", "h"],
  ["day", "d"],
  ["days", "d"],
  ["kmh", "km/h"],
  ["kph", "km/h"],
  ["liter", "l"],
  ["litre", "l"],
  ["ton", "t"],
  ["pulses", "count"],
  ["imp", "count"],
  ["db(a)", "dB"],
  ["dba", "dB"],
]);

/**
 * Symbols that a person who wrote `text` may have meant, the likeliest first, at most three: other
 * spellings, then other upper and lower case, then one slip of the keyboard.
 */
export function similarUnits(text: string): readonly string[] {
  const plain = asciiOf(text);
  const meant = spellings.get(text) ?? spellings.get(plain.toLowerCase());
  const symbols = unitSymbols();
  const found = [
    ...(meant === undefined ? [] : [meant]),
    ...symbols.filter((symbol) => symbol === plain),
    ...symbols.filter((symbol) => symbol.toLowerCase() === plain.toLowerCase()),
    ...symbols.filter((symbol) => symbol.length > 1 && isOneSlip(plain, symbol)),
  ];
  return [...new Set(found)].filter((symbol) => symbol !== text).slice(0, 3);
}

/**
 * The same unit without superscripts, dots, carets and Greek: `m³⋅h⁻¹` and `m^3/h` become `m3/h`.
 * In escapes, because one character beyond Latin 1 in a regular expression doubles what the whole bundle takes in memory.
 */
function asciiOf(text: string): string {
  return text
    .trim()
    .replace(/[\u00b5\u03bc]/g, "u")
    .replace(/[\u22c5\u00b7]?([a-z]+)\u207b\u00b9/g, "/$1")
    .replace(/[\u22c5\u00b7]?([a-z]+)\u207b\u00b2/g, "/$12")
    .replace(/[\u22c5\u00b7]?([a-z]+)\u207b\u00b3/g, "/$13")
    .replace(/\u00b2/g, "2")
    .replace(/\u00b3/g, "3")
    .replace(/[\^ \u22c5\u00b7]/g, "")
    .replace(/\u03a9|ohms?$/i, "Ohm")
    .replace(/\u00b0C$/, "Cel");
}

/** Whether one added, lost or changed character, or two neighbours swapped, tells the words apart. */
function isOneSlip(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const restA = a.slice(start);
  const restB = b.slice(start);
  if (restA.slice(1) === restB.slice(1)) return true;
  if (restA.slice(1) === restB || restA === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
