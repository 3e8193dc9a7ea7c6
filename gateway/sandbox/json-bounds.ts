/** What untrusted JSON may at most be, before it is parsed. */
export interface JsonBounds {
  /** Nesting of objects and lists. */
  readonly depth: number;
  /** Members and elements, all together. */
  readonly entries: number;
}

/**
 * Which bound a text breaks, or undefined when it breaks none. Says nothing about whether it is JSON:
 * it counts brackets and commas outside of strings, which no JSON can have fewer of than it has levels
 * and entries.
 */
export function brokenBound(text: string, { depth, entries }: JsonBounds): string | undefined {
  let level = 0;
  let counted = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++level > depth) return `it nests deeper than ${depth} levels`;
        if (++counted > entries) return `it has more than ${entries} entries`;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        level--;
        break;
      case 0x2c: // ,
        if (++counted > entries) return `it has more than ${entries} entries`;
        break;
    }
  }
  return undefined;
}

/** Where the closing quote is, or the end of the text. */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return at;
  }
  return text.length;
}
