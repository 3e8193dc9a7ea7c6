/** A number or digits in so many bytes of a frame. */
export interface WireNumber {
  readonly size: number;
  /** Throws RangeError for a value that does not fit. */
  write(value: number | string, bytes: Uint8Array, at: number): void;
  /** Undefined for bytes that are none (a BCD digit above 9). */
  read(bytes: Uint8Array, at: number): number | string | undefined;
}

const known = new Map<string, WireNumber>();

/**
 * By its word: `u8 u16 u24 u32` and `s8 .. s32`, big-endian unless `le` follows; `bcd1 .. bcd6` (so many
 * bytes, two digits each, a number), also with `le`; `hex1 .. hex8` (so many bytes, a text). Undefined
 * for anything else.
 */
export function wireNumber(word: string): WireNumber | undefined {
  const found = known.get(word) ?? parse(word);
  if (found) known.set(word, found);
  return found;
}

function parse(word: string): WireNumber | undefined {
  const [, kind, digits = "", order] = /^(u|s|bcd|hex)(\d{1,2})(be|le)?$/.exec(word) ?? [];
  const count = Number(digits);
  const little = order === "le";
  if ((kind === "u" || kind === "s") && [8, 16, 24, 32].includes(count))
    return integer(count / 8, kind === "s", little);
  if (kind === "bcd" && count >= 1 && count <= 6) return bcd(count, little);
  if (kind === "hex" && count >= 1 && count <= 8 && order === undefined) return hex(count);
  return undefined;
}

function integer(size: number, signed: boolean, little: boolean): WireNumber {
  const modulus = 2 ** (8 * size);
  const lowest = signed ? -modulus / 2 : 0;
  return {
    size,
    write(value, bytes, at) {
      const number = Number(value);
      if (!Number.isInteger(number) || number < lowest || number >= lowest + modulus)
        throw new RangeError(`${value} is not a whole number from ${lowest} to ${lowest + modulus - 1}`);
      writeDigits(number < 0 ? number + modulus : number, 256, { bytes, at, size, little });
    },
    read(bytes, at) {
      let value = 0;
      for (let index = 0; index < size; index++)
        value = value * 256 + bytes[little ? at + size - 1 - index : at + index]!;
      return signed && value >= modulus / 2 ? value - modulus : value;
    },
  };
}

function bcd(size: number, little: boolean): WireNumber {
  return {
    size,
    write(value, bytes, at) {
      const number = Number(value);
      if (!Number.isInteger(number) || number < 0 || number >= 100 ** size)
        throw new RangeError(`${value} does not have at most ${2 * size} decimal digits`);
      writeDigits(number, 100, { bytes, at, size, little });
      for (let index = at; index < at + size; index++)
        bytes[index] = 16 * Math.floor(bytes[index]! / 10) + (bytes[index]! % 10);
    },
    read(bytes, at) {
      let value = 0;
      for (let index = 0; index < size; index++) {
        const byte = bytes[little ? at + size - 1 - index : at + index]!;
        if (byte >> 4 > 9 || (byte & 15) > 9) return undefined;
        value = value * 100 + 10 * (byte >> 4) + (byte & 15);
      }
      return value;
    },
  };
}

function hex(size: number): WireNumber {
  return {
    size,
    write(value, bytes, at) {
      const text = String(value).padStart(2 * size, "0");
      if (text.length !== 2 * size || !/^[0-9a-f]*$/i.test(text))
        throw new RangeError(`"${value}" does not have at most ${2 * size} hex digits`);
      bytes.set(Buffer.from(text, "hex"), at);
    },
    read: (bytes, at) => Buffer.from(bytes.subarray(at, at + size)).toString("hex"),
  };
}

interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
  readonly little: boolean;
}

function writeDigits(number: number, base: number, { bytes, at, size, little }: Place): void {
  let rest = number;
  for (let index = 0; index < size; index++) {
    bytes[little ? at + index : at + size - 1 - index] = rest % base;
    rest = Math.floor(rest / base);
  }
}
