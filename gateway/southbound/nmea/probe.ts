import { TransientError } from "../../model/errors.ts";
import { LineDeframer } from "../line-deframer.ts";
import { overhear } from "../overhear.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { nmeaFraming } from "./driver.ts";
import type { Told } from "./measures.ts";
import { parseSentence, type Sentence } from "./sentence.ts";
import { sentenceTypes, tellNamed, transducerUnits } from "./sentences.ts";
import type { NmeaConnection, NmeaDevice } from "./settings.ts";

/** What is heard, sentence by sentence, each field as a profile would write it. */
export async function* probeNmea(
  { endpoint }: NmeaConnection,
  { listenMs }: ProbeInput<NmeaDevice>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const bursts = await overhear(endpoint, { listenMs, pauseMs: listenMs }, context);
  const bytes = Buffer.concat(bursts.map((burst) => burst.bytes));
  const findings = [...sentenceFindings(new LineDeframer(nmeaFraming).push(bytes))];
  if (findings.length > 0) yield* findings;
  else
    throw new TransientError(
      bytes.length === 0 ? "nothing was heard" : `${bytes.length} bytes were heard, but no sentence`,
      {
        code: bytes.length === 0 ? "silent" : "not-understood",
        hint: "check the wires and the baud rate: 4800 is the standard's, receivers often have 9600 or 38400",
      },
    );
}

/** What lines say: of each kind of sentence the one in which most fields hold something. Pure. */
export function* sentenceFindings(lines: readonly Uint8Array[]): Generator<ProbeFinding> {
  const kinds = new Map<string, { sentence: Sentence; line: string; count: number }>();
  let unchecked = false;
  for (const bytes of lines) {
    const sentence = parseSentence(bytes, false);
    if (typeof sentence === "string" || sentence.query) continue;
    unchecked ||= !sentence.checked;
    const { talker, type, fields } = sentence;
    // Wind comes with two references.
    const key = `${talker}${type} ${type === "MWV" ? fields[1] : ""}`;
    const known = kinds.get(key);
    const line = Buffer.from(bytes).toString("latin1").trim();
    if (!known) kinds.set(key, { sentence, line, count: 1 });
    else {
      known.count++;
      if (filled(sentence) > filled(known.sentence)) Object.assign(known, { sentence, line });
    }
  }
  if (kinds.size > 0) yield { at: `nmea: {checksum: ${unchecked ? "optional" : "required"}}`, value: "" };
  for (const { sentence, line, count } of kinds.values()) {
    const title = sentenceTypes[sentence.type]?.title;
    yield { at: "-", value: line, note: [title, `${count} heard`].filter(Boolean).join(", ") };
    yield* fieldFindings(sentence);
  }
}

function filled({ fields }: Sentence): number {
  return fields.filter((field) => field !== "").length;
}

function* fieldFindings(sentence: Sentence): Generator<ProbeFinding> {
  const { type, talker, fields } = sentence;
  const name = talker === "P" ? `P${type}` : type;
  if (type === "XDR") return yield* transducerFindings(fields);
  const known = Object.hasOwn(sentenceTypes, type) ? sentenceTypes[type] : undefined;
  for (const [field, named] of Object.entries(known?.fields ?? {})) {
    const told = tellNamed(sentence, named);
    if (told) yield { at: `{sentence: ${name}, field: ${field}}`, ...shown(told, named.unit) };
  }
  if (known) return;
  for (const [index, text] of fields.entries()) {
    const kind = /^[+-]?\d+(\.\d*)?$/.test(text) ? "" : ", type: text";
    if (text !== "") yield { at: `{sentence: ${name}, field: ${index + 1}${kind}}`, value: text };
  }
}

/** Groups of type, value, unit and name. */
function* transducerFindings(fields: readonly string[]): Generator<ProbeFinding> {
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [type = "", value = "", units = "", id = ""] = fields.slice(at, at + 4);
    if (!/^[A-Z]$/.test(type) || !/^[A-Za-z]$/.test(units)) continue;
    const named = id === "" ? "" : `, id: ${JSON.stringify(id)}`;
    const unit = transducerUnits[`${type} ${units}`]?.unit;
    yield {
      at: `{sentence: XDR, transducer: ${type}, units: ${units}${named}}`,
      value: `${value} ${units}`,
      ...(unit === undefined ? {} : { note: `as a point: in ${unit}` }),
    };
  }
}

function shown(told: Told, unit: string | undefined): { readonly value: string; readonly note?: string } {
  if (!("raw" in told)) return { value: "", note: told.detail };
  const plain = unit === undefined || unit === "/" || unit === "count";
  return { value: plain ? String(told.raw) : `${told.raw} ${unit}` };
}
