// Combinable extensions of a value information field: EN 13757-3, with the errors of a record.

import type { ValueInfo } from "./vif.ts";

/** What one extension says. */
export type Extended =
  /** The value means something else: a word that an address must name with `with:`. */
  | { readonly kind: "modifier"; readonly word: string; readonly info?: Partial<ValueInfo> | undefined }
  /** Another power of ten. */
  | { readonly kind: "exponent"; readonly exponent: number }
  /** The meter has no value. `missing`: it does not have the record at all. */
  | { readonly kind: "error"; readonly text: string; readonly missing: boolean }
  /** The following extensions are those of the second table. */
  | { readonly kind: "second-table" }
  /** The following extensions are the manufacturer's own. */
  | { readonly kind: "manufacturer" };

/** Errors of one record: nothing of that sort here, or no value now. */
const recordErrors: readonly (readonly [code: number, text: string, missing: boolean])[] = [
  [0x01, "too many DIFEs", true],
  [0x02, "this storage number is not implemented", true],
  [0x03, "this unit number is not implemented", true],
  [0x04, "this tariff number is not implemented", true],
  [0x05, "this function is not implemented", true],
  [0x06, "this data class is not implemented", true],
  [0x07, "this data size is not implemented", true],
  [0x0b, "too many VIFEs", true],
  [0x0c, "illegal VIF group", true],
  [0x0d, "illegal VIF exponent", true],
  [0x0e, "VIF and DIF do not fit", true],
  [0x0f, "this action is not implemented", true],
  [0x15, "no data available", false],
  [0x16, "data overflow", false],
  [0x17, "data underflow", false],
  [0x18, "data error", false],
  [0x1c, "the record ends too early", false],
];

/** What the value is then, instead of a value of the VIF's own unit. */
const asDate: Partial<ValueInfo> = { unit: "", exponent: 0, factor: 1, shape: "date-time" };
const asCount: Partial<ValueInfo> = { unit: "count", exponent: 0, factor: 1, shape: "number" };
const durationWords: readonly (readonly [word: string, info: Partial<ValueInfo>])[] = [
  ["seconds", { unit: "s", exponent: 0, factor: 1, shape: "number" }],
  ["minutes", { unit: "s", exponent: 0, factor: 60, shape: "number" }],
  ["hours", { unit: "s", exponent: 0, factor: 3600, shape: "number" }],
  ["days", { unit: "s", exponent: 0, factor: 86_400, shape: "number" }],
];

type Word = readonly [code: number, word: string, info?: Partial<ValueInfo>];

const words: readonly Word[] = [
  [0x12, "average"],
  [0x13, "inverse-compact-profile"],
  [0x14, "relative-deviation"],
  [0x1d, "standard-data"],
  [0x1e, "compact-profile-with-registers"],
  [0x1f, "compact-profile"],
  [0x20, "per-second"],
  [0x21, "per-minute"],
  [0x22, "per-hour"],
  [0x23, "per-day"],
  [0x24, "per-week"],
  [0x25, "per-month"],
  [0x26, "per-year"],
  [0x27, "per-revolution"],
  [0x28, "per-input-pulse-0"],
  [0x29, "per-input-pulse-1"],
  [0x2a, "per-output-pulse-0"],
  [0x2b, "per-output-pulse-1"],
  [0x2c, "per-litre"],
  [0x2d, "per-m3"],
  [0x2e, "per-kg"],
  [0x2f, "per-kelvin"],
  [0x30, "per-kwh"],
  [0x31, "per-gj"],
  [0x32, "per-kw"],
  [0x33, "per-kelvin-litre"],
  [0x34, "per-volt"],
  [0x35, "per-ampere"],
  [0x36, "times-second"],
  [0x37, "times-second-per-volt"],
  [0x38, "times-second-per-ampere"],
  [0x39, "start", asDate],
  [0x3a, "uncorrected"],
  [0x3b, "forward"],
  [0x3c, "backward"],
  [0x3d, "non-metric"],
  [0x3e, "base-conditions"],
  [0x3f, "obis"],
  [0x40, "lower-limit"],
  [0x48, "upper-limit"],
  [0x41, "lower-limit-exceeds", asCount],
  [0x49, "upper-limit-exceeds", asCount],
  [0x68, "during-lower-limit-exceed"],
  [0x6c, "during-upper-limit-exceed"],
  [0x69, "leakage"],
  [0x6d, "overflow"],
  // 10^(nn-3) of the VIF's unit is to be added: whether before or after the exponent, makers disagree.
  [0x78, "plus-0.001"],
  [0x79, "plus-0.01"],
  [0x7a, "plus-0.1"],
  [0x7b, "plus-1"],
  [0x7e, "future"],
];

/** Codes whose bits say which limit, which exceed and which end of it. */
function limitWords(): Word[] {
  const found: Word[] = [];
  for (const [upper, limit] of ["lower", "upper"].entries())
    for (const [last, turn] of ["first", "last"].entries()) {
      for (const [end, edge] of ["begin", "end"].entries())
        found.push([
          0x42 | (upper << 3) | (last << 2) | end,
          `${turn}-${limit}-limit-exceed-${edge}`,
          asDate,
        ]);
      for (const [unit, [word, info]] of durationWords.entries())
        found.push([0x50 | (upper << 3) | (last << 2) | unit, `${turn}-${limit}-limit-exceed-${word}`, info]);
    }
  for (const [last, turn] of ["first", "last"].entries()) {
    for (const [unit, [word, info]] of durationWords.entries())
      found.push([0x60 | (last << 2) | unit, `duration-of-${turn}-${word}`, info]);
    for (const [end, edge] of ["begin", "end"].entries())
      found.push([0x6a | (last << 2) | end, `${edge}-of-${turn}`, asDate]);
  }
  return found;
}

const secondWords: readonly (readonly [code: number, word: string])[] = [
  [0x01, "phase-l1"],
  [0x02, "phase-l2"],
  [0x03, "phase-l3"],
  [0x04, "neutral"],
  [0x05, "phases-l1-l2"],
  [0x06, "phases-l2-l3"],
  [0x07, "phases-l3-l1"],
  [0x08, "quadrant-1"],
  [0x09, "quadrant-2"],
  [0x0a, "quadrant-3"],
  [0x0b, "quadrant-4"],
  [0x0c, "import-minus-export"],
  [0x10, "absolute"],
  [0x11, "type-c"],
  [0x12, "type-d"],
  [0x13, "towards-meter"],
  [0x14, "towards-partner"],
];

const none: Extended = { kind: "exponent", exponent: 0 };

function first(): readonly Extended[] {
  const found: Extended[] = Array.from({ length: 128 }, (_, code) => ({
    kind: "modifier",
    word: `vife-${code.toString(16).padStart(2, "0")}`,
  }));
  found[0] = none;
  for (const [code, text, missing] of recordErrors) found[code] = { kind: "error", text, missing };
  for (const [code, word, info] of [...words, ...limitWords()])
    found[code] = { kind: "modifier", word, info };
  for (let step = 0; step < 8; step++) found[0x70 + step] = { kind: "exponent", exponent: step - 6 };
  found[0x7c] = { kind: "second-table" };
  found[0x7d] = { kind: "exponent", exponent: 3 };
  found[0x7f] = { kind: "manufacturer" };
  return found;
}

function second(): readonly Extended[] {
  const found: Extended[] = Array.from({ length: 128 }, (_, code) => ({
    kind: "modifier",
    word: `vife-fc-${code.toString(16).padStart(2, "0")}`,
  }));
  for (const [code, word] of secondWords) found[code] = { kind: "modifier", word };
  return found;
}

const firstTable = first();
const secondTable = second();

/** The meaning of an extension without its extension bit; `after`: whether it follows FC. */
export function extended(code: number, after: boolean): Extended {
  return (after ? secondTable : firstTable)[code & 0x7f] ?? none;
}

/** The word for an extension of the manufacturer's own. */
export function manufacturerWord(code: number): string {
  return `manufacturer-${(code & 0x7f).toString(16).padStart(2, "0")}`;
}

/** Every word that `with:` may name. */
export const modifierWords: readonly string[] = [
  ...new Set([...words, ...limitWords(), ...secondWords].map(([, word]) => word)),
  "manufacturer",
  ...Array.from({ length: 128 }, (_, code) => manufacturerWord(code)),
];
