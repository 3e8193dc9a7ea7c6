/** One NMEA 0183 sentence (IEC 61162-1, section 7), its checksum already seen to be good or, where that is allowed, absent. */
export interface Sentence {
  /** `GP`, `WI`; `P` for a maker's own sentence. */
  readonly talker: string;
  /** `RMC`, `MWV`; of a maker's own sentence all that follows the P. */
  readonly type: string;
  /** Whether it asks for sentences instead of telling anything. */
  readonly query: boolean;
  /** Data fields as they stand, the first has index 0. */
  readonly fields: readonly string[];
  readonly checked: boolean;
}

export type SentenceProblem = "bad-checksum" | "no-checksum" | "bad-sentence";

/** Longest that any device of ours sends: the standard's 82, and room for those that do not keep to it. */
export const longestSentence = 256;
const mostFields = 64;

/**
 * Reads one sentence, `$` or `!` first, without CR LF. What is damaged gives the reason and no
 * sentence: a checksum that does not fit, none where one is `required`, characters that a sentence
 * cannot have.
 */
export function parseSentence(bytes: Uint8Array, required: boolean): Sentence | SentenceProblem {
  const first = bytes[0];
  if (first !== 0x24 && first !== 0x21) return "bad-sentence";
  let sum = 0;
  let star = -1;
  for (let index = 1; index < bytes.length; index += 1) {
    const byte = bytes[index]!;
    if (byte < 0x20 || byte > 0x7e) return "bad-sentence";
    if (byte === 0x2a) {
      star = index;
      break;
    }
    sum ^= byte;
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (star < 0) {
    if (required) return "no-checksum";
  } else {
    const digits = text.slice(star + 1).trimEnd();
    if (!/^[0-9A-Fa-f]{2}$/.test(digits) || Number.parseInt(digits, 16) !== sum) return "bad-checksum";
  }
  const [head = "", ...fields] = text.slice(1, star < 0 ? text.length : star).split(",");
  if (!/^[A-Z0-9]{3,8}$/.test(head) || fields.length > mostFields) return "bad-sentence";
  const checked = star >= 0;
  if (head.startsWith("P")) return { talker: "P", type: head.slice(1), query: false, fields, checked };
  if (head.length !== 5) return "bad-sentence";
  const query = head.endsWith("Q") && fields.length === 1;
  const type = query ? (fields[0] ?? "") : head.slice(2);
  return { talker: head.slice(0, 2), type, query, fields, checked };
}
