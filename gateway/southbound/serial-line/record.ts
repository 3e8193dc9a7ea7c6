import type { Turn } from "../protocol.ts";
import type { LineGiven } from "./schema.ts";

/** Of what came by itself, so many bytes of the end are kept. */
const mostBytes = 4000;

/** A tapped dialogue as an example has it: what was asked with its answers, or what came by itself. */
export function recordLines(dialogue: readonly Turn[]): LineGiven {
  const asked = dialogue.filter(({ sent, received }) => sent.length > 0 && received.length > 0);
  if (asked.length > 0)
    return {
      exchange: asked.slice(-50).map(({ sent, received }) => ({
        ">": escaped(sent),
        "<": escaped(received.subarray(0, mostBytes)),
      })),
    };
  const heard = Buffer.concat(dialogue.map(({ received }) => received));
  return { rx: escaped(heard.subarray(-mostBytes)) };
}

const names: Readonly<Record<number, string>> = { 0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };

/** Bytes as a text with escapes, one sign a byte: the inverse of `unescaped`. */
export function escaped(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes)
    text +=
      names[byte] ??
      (byte >= 0x20 && byte <= 0x7e
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0").toUpperCase()}`);
  return text;
}
