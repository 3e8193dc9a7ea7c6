import { LineDeframer } from "../line-deframer.ts";
import type { Turn } from "../protocol.ts";
import { nmeaFraming } from "./driver.ts";
import type { NmeaGiven } from "./schema.ts";
import { parseSentence } from "./sentence.ts";

/** What an example holds at most. */
const mostSentences = 100;

/** What was heard as an example has it: of each kind of sentence the last one. */
export function recordNmea(dialogue: readonly Turn[]): NmeaGiven {
  const heard = Buffer.concat(dialogue.map(({ received }) => received));
  const last = new Map<string, string>();
  for (const line of new LineDeframer(nmeaFraming).push(heard)) {
    const sentence = parseSentence(line, false);
    if (typeof sentence === "string") continue;
    const { talker, type, fields } = sentence;
    // What tells sentences of one kind apart: the reference of MWV, the transducers of XDR.
    const words = fields.filter((field) => /^[A-Z][A-Za-z]*\d*$/.test(field));
    last.set([talker, type, ...words].join(" "), Buffer.from(line).toString("latin1").trim());
  }
  return { rx: [...last.values()].slice(-mostSentences) };
}
