/** The words for a code, else for its first part: `token` for `token-expired`. */
export function codeWord(codes: Readonly<Record<string, string>>, code: string): string | undefined {
  const [family = code] = code.split("-");
  return [code, family].map((key) => (Object.hasOwn(codes, key) ? codes[key] : undefined)).find(Boolean);
}
