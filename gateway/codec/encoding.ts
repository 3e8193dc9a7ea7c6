import { doesNotFit, ValueError } from "./wire-type.ts";

/** A way of writing a whole number into bits that are read as unsigned first. */
export interface Encoding {
  readonly name: string;
  /** Throws ValueError `bad-digit` where the bits mean no number. */
  decode(raw: bigint, bits: number): bigint;
  /** Throws ValueError `does-not-fit`. */
  encode(value: bigint, bits: number): bigint;
  /** The width must be a multiple of this many bits. */
  readonly group: number;
}

/** Every word that `encoding:` may hold. */
export const encodings: readonly Encoding[] = [
  {
    // The top bit is the sign, the others the magnitude; minus nothing is nothing.
    name: "sign_magnitude",
    group: 1,
    decode(raw, bits) {
      const sign = 1n << BigInt(bits - 1);
      return raw >= sign ? sign - raw : raw;
    },
    encode(value, bits) {
      const sign = 1n << BigInt(bits - 1);
      const magnitude = value < 0n ? -value : value;
      if (magnitude >= sign) throw doesNotFit(value, `${bits} bits of sign and magnitude`);
      return value < 0n ? sign + magnitude : magnitude;
    },
  },
  {
    // Four bits hold one decimal digit.
    name: "bcd",
    group: 4,
    decode(raw) {
      const digits = raw.toString(16);
      if (!/^\d+$/.test(digits)) {
        throw new ValueError(`0x${digits} holds a nibble that is not a decimal digit`, { code: "bad-digit" });
      }
      return BigInt(digits);
    },
    encode(value, bits) {
      if (value < 0n || value >= 10n ** BigInt(bits / 4))
        throw doesNotFit(value, `${bits / 4} decimal digits`);
      return BigInt(`0x${value}`);
    },
  },
  {
    // Reflected binary code: neighbours differ in one bit.
    name: "gray",
    group: 1,
    decode(raw) {
      let value = 0n;
      for (let rest = raw; rest > 0n; rest >>= 1n) value ^= rest;
      return value;
    },
    encode(value, bits) {
      if (value < 0n || value >= 1n << BigInt(bits)) throw doesNotFit(value, `${bits} bits of Gray code`);
      return value ^ (value >> 1n);
    },
  },
  {
    // Each 16-bit word holds four decimal digits, 0 to 9999.
    name: "mod10000",
    group: 16,
    decode(raw, bits) {
      let value = 0n;
      for (let shift = BigInt(bits) - 16n; shift >= 0n; shift -= 16n) {
        const word = (raw >> shift) & 0xffffn;
        if (word > 9999n) {
          throw new ValueError(`a word of modulo 10000 is ${word}`, { code: "bad-digit" });
        }
        value = value * 10000n + word;
      }
      return value;
    },
    encode(value, bits) {
      if (value < 0n || value >= 10000n ** BigInt(bits / 16))
        throw doesNotFit(value, `${bits / 16} words of modulo 10000`);
      let raw = 0n;
      let rest = value;
      for (let shift = 0n; shift < BigInt(bits); shift += 16n) {
        raw |= (rest % 10000n) << shift;
        rest /= 10000n;
      }
      return raw;
    },
  },
];
