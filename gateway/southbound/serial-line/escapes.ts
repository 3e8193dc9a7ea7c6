const named: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "0": "\0" };

/**
 * Text as a profile writes it, with `\r`, `\n`, `\t`, `\0` and `\x02` for what cannot be typed, and a
 * backslash before any other sign for that sign itself. Throws RangeError for a half escape.
 */
export function unescaped(text: string): string {
  let plain = "";
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign !== "\\") {
      plain += sign;
      continue;
    }
    const found = readEscape(text, at);
    plain += found.sign;
    at = found.end - 1;
  }
  return plain;
}

/** The sign that the escape at `at` stands for, and where it ends. Throws RangeError. */
export function readEscape(text: string, at: number): { readonly sign: string; readonly end: number } {
  const letter = text[at + 1];
  if (letter === undefined) throw new RangeError("the text ends in the middle of an escape");
  if (letter === "x") {
    const digits = text.slice(at + 2, at + 4);
    if (!/^[0-9a-fA-F]{2}$/.test(digits))
      throw new RangeError(`"\\x${digits}" needs two hex digits, such as \\x02`);
    return { sign: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 4 };
  }
  const sign = named[letter];
  if (sign !== undefined) return { sign, end: at + 2 };
  if (/[A-Za-z0-9]/.test(letter)) throw new RangeError(`unknown escape "\\${letter}"`);
  return { sign: letter, end: at + 2 };
}

/** Signs up to U+00FF as bytes. Throws RangeError for others. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0xff) throw new RangeError(`"${text[index]}" is no single byte`);
    bytes[index] = code;
  }
  return bytes;
}
