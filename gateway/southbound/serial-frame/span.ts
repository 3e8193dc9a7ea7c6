import type { WrittenSpan } from "./settings.ts";

/** `2..7`, `2..`, `1..-3`: first and last place, both included; negative ones count from the end. */
export const spanPattern = /^-?\d{1,4}\.\.(-?\d{1,4})?$/;

/** Throws RangeError for a text that is no span. */
export function parseSpan(text: string): WrittenSpan {
  if (!spanPattern.test(text))
    throw new RangeError(`"${text}" is no span: write first..last, such as 2..7, 2.. or 1..-3`);
  const [from = "0", to = ""] = text.split("..");
  return to === "" ? { from: Number(from) } : { from: Number(from), to: Number(to) };
}
