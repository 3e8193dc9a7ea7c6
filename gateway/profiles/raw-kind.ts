import type { RawKind } from "../model/write-rule.ts";

/** What a device gives, in words that follow "gives". */
export function article(rawKind: RawKind): string {
  const words: Record<RawKind, string> = {
    integer: "a whole number",
    float: "a floating-point number",
    boolean: "true or false",
    text: "a text",
    bytes: "bytes",
  };
  return words[rawKind];
}
