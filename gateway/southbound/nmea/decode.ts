import type { Instant } from "../../model/clock.ts";
import { one } from "../../model/decimal.ts";
import { type Device, type Point, toldPoints } from "../../model/device.ts";
import type { PointResult } from "../protocol.ts";
import { measured, nothing, plainText, type Told, unreadable, wholeNumber } from "./measures.ts";
import { parseSentence, type Sentence, type SentenceProblem } from "./sentence.ts";
import { sentenceTypes, tellNamed, transducerUnits } from "./sentences.ts";
import type { NmeaAddress, NmeaDevice, NmeaHead } from "./settings.ts";

export type NmeaPoint = Point<NmeaAddress>;
export type NmeaUnit = Device<NmeaAddress, NmeaDevice, NmeaHead>;

export type NmeaCounters = Record<SentenceProblem | "unmatched", number>;

export function noCounts(): NmeaCounters {
  return { "bad-checksum": 0, "no-checksum": 0, "bad-sentence": 0, unmatched: 0 };
}

export interface HeardSentence {
  readonly sentence: Sentence;
  /** What it tells whom; nothing for sentences that no point reads. */
  readonly told: readonly {
    readonly device: NmeaUnit;
    readonly results: readonly PointResult<NmeaAddress>[];
  }[];
}

/** Reads one line for all devices of the line. What is damaged, or read by nobody, is counted. */
export function hearSentence(
  bytes: Uint8Array,
  devices: readonly NmeaUnit[],
  at: Instant,
  counters: NmeaCounters,
): HeardSentence | undefined {
  const optional = devices.some(({ profile }) => profile.protocolSettings.checksum === "optional");
  const sentence = parseSentence(bytes, !optional);
  if (typeof sentence === "string") {
    counters[sentence] += 1;
    return undefined;
  }
  const told = sentence.query
    ? []
    : devices
        .filter((device) => speaksFor(sentence, device))
        .map((device) => ({ device, results: resultsOf(sentence, toldPoints(device.profile), at) }))
        .filter(({ results }) => results.length > 0);
  if (told.length === 0) counters.unmatched += 1;
  return { sentence, told };
}

function speaksFor({ talker, checked }: Sentence, { settings, profile }: NmeaUnit): boolean {
  if (!checked && profile.protocolSettings.checksum === "required") return false;
  return settings.talkers?.includes(talker) ?? true;
}

/** What a sentence says about points; nothing for those that it is not about. */
export function resultsOf(
  sentence: Sentence,
  points: readonly NmeaPoint[],
  at: Instant,
): PointResult<NmeaAddress>[] {
  return points.flatMap((point): PointResult<NmeaAddress>[] => {
    const told = tell(sentence, point.address);
    if (!told) return [];
    return "raw" in told ? [{ point, at, raw: told.raw }] : [{ point, at, ...told }];
  });
}

/** Undefined: the sentence is not about this address. */
export function tell(sentence: Sentence, address: NmeaAddress): Told | undefined {
  const { type, talker, fields } = sentence;
  if (address.sentence !== type && address.sentence !== talker + type) return undefined;
  if (address.talker !== undefined && address.talker !== talker) return undefined;
  for (const [number, expected] of address.when) if (fields[number - 1] !== expected) return undefined;
  const { field, transducer } = address;
  if (transducer) return tellTransducer(fields, transducer);
  if (typeof field === "number") return tellPlain(sentence, field, address.type);
  const named = sentenceTypes[type]?.fields[field ?? ""];
  return named && tellNamed(sentence, named);
}

/** A numbered field is read as it stands, where its sentence holds. */
function tellPlain(sentence: Sentence, number: number, type: NmeaAddress["type"]): Told {
  const field = sentence.fields[number - 1];
  if (type === "text") return plainText(field);
  const invalid = sentenceTypes[sentence.type]?.invalid?.(sentence.fields);
  if (invalid !== undefined) return nothing(invalid);
  return type === "integer" ? wholeNumber(field) : measured(field, one);
}

/** Groups of type, value, unit and name. */
function tellTransducer(
  fields: readonly string[],
  { type, units, id }: NonNullable<NmeaAddress["transducer"]>,
): Told | undefined {
  for (let at = 0; at + 3 < fields.length; at += 4) {
    if (fields[at] !== type || (id !== undefined && fields[at + 3] !== id)) continue;
    const letter = fields[at + 2] ?? "";
    if (fields[at + 1] === "") return nothing("the field is empty");
    if (letter !== units) return unreadable(letter, `unit ${units}`);
    return measured(fields[at + 1], transducerUnits[`${type} ${units}`]?.factor ?? one);
  }
  return undefined;
}
