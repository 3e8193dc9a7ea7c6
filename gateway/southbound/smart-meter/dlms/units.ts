/**
 * Our unit symbols for the unit enumeration of DLMS/COSEM (Blue Book, unit of the class Register).
 * Volumes at standard conditions have the same symbol as those measured. What is not listed has no
 * symbol here, and a value in it is refused.
 */
const symbols: Readonly<Record<number, string>> = {
  4: "d",
  5: "h",
  6: "min",
  7: "s",
  8: "deg",
  9: "Cel",
  11: "m",
  12: "m/s",
  13: "m3",
  14: "m3",
  15: "m3/h",
  16: "m3/h",
  17: "m3/d",
  18: "m3/d",
  19: "l",
  20: "kg",
  21: "N",
  23: "Pa",
  24: "bar",
  25: "J",
  27: "W",
  28: "VA",
  29: "var",
  30: "Wh",
  31: "VAh",
  32: "varh",
  33: "A",
  34: "C",
  35: "V",
  37: "F",
  38: "Ohm",
  40: "Wb",
  41: "T",
  43: "H",
  44: "Hz",
  51: "S",
  52: "K",
  56: "%",
  57: "Ah",
  63: "g/m3",
  70: "dBm",
  72: "dB",
};

/** Means: a number without a unit. */
const countUnit = 255;

/** The unit of a register; undefined for a plain number, `DLMS unit 45` for one without a symbol. */
export function dlmsUnit(code: number): string | undefined {
  return code === countUnit ? undefined : (symbols[code] ?? `DLMS unit ${code}`);
}
