import type { Raw } from "../node.ts";
import { describe, numberOf, type Section, schemaError } from "../section.ts";

export interface Sentinels {
  has(raw: Raw): boolean;
  /** What the encoder writes for a value that it is not given. */
  readonly first: Raw | undefined;
}

/**
 * `absent: [raw, ...]` is an addition of ours to the language: raw values by which the device says
 * that it has no value. Undefined where the field has none. A signed type takes its values as they
 * are read or as the bits are written in datasheets (0x7FFF, 0xFFFF). Throws ConfigError.
 */
export function compileSentinels(
  section: Section,
  bits: { readonly width: number; readonly signed: boolean } | undefined,
): Sentinels | undefined {
  if (!section.has("absent")) return undefined;
  const written = section.get("absent");
  const numbers = new Set<number>();
  const texts = new Set<string>();
  for (const item of Array.isArray(written) ? written : [written]) {
    if (item === "nan") numbers.add(Number.NaN);
    else if (typeof item === "string" && numberOf(item) === undefined) texts.add(item.toLowerCase());
    else {
      const number = numberOf(item);
      if (number === undefined)
        throw schemaError(
          section.at("absent"),
          `${describe(item)} is no raw value`,
          "write numbers, texts, or nan",
        );
      numbers.add(number);
      if (typeof item === "string") texts.add(item.toLowerCase());
      if (bits?.signed && number >= 2 ** (bits.width - 1)) numbers.add(number - 2 ** bits.width);
    }
  }
  const signed = (number: number): number =>
    bits?.signed && number >= 2 ** (bits.width - 1) ? number - 2 ** bits.width : number;
  const [number] = numbers;
  const [text] = texts;
  return {
    has: (raw) => (typeof raw === "string" ? texts.has(raw.toLowerCase()) : numbers.has(Number(raw))),
    first: number === undefined ? text : signed(number),
  };
}
