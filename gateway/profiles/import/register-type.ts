/** How a Modbus value is written in `at:`, from the words of other tools; undefined when they say nothing known. */
export function registerType(words: string): { readonly type: string } | undefined {
  const text = words.toLowerCase().replaceAll(/[\s_-]/g, "");
  const [, sign, bits] = /^(u?int|float|u|s|i|f)(\d+)$/.exec(text) ?? [];
  if (sign === undefined || bits === undefined) return undefined;
  const letter = sign.startsWith("u") ? "u" : sign.startsWith("f") ? "f" : "s";
  const size = Number(bits);
  if (letter === "f" ? ![16, 32, 64].includes(size) : ![8, 16, 24, 32, 48, 64].includes(size))
    return undefined;
  return { type: `${letter}${size}` };
}
