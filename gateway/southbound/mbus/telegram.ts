import { TransientError } from "../../model/errors.ts";
import { hexDigits } from "./data.ts";
import { decodeFixed } from "./fixed.ts";
import { isResponse, type LongFrame } from "./frame.ts";
import { type DataRecord, decodeRecords, malformed } from "./records.ts";

/** What a meter says of itself before its records; a short header lacks who it is. */
export interface Header {
  /** Eight digits as printed on the meter; a meter may misuse the places of A to F. */
  readonly id?: string | undefined;
  /** Three letters. */
  readonly manufacturer?: string | undefined;
  readonly version?: number | undefined;
  /** Device type, EN 13757-7: 4 heat, 6 warm water, 7 water ... */
  readonly medium?: number | undefined;
  readonly access?: number | undefined;
  /** Bit 2 power low, bit 3 permanent error, bit 4 temporary error, 5 to 7 the maker's own. */
  readonly status?: number | undefined;
  /** Configuration word; older meters call it signature. */
  readonly signature?: number | undefined;
}

/** A meter's answer. */
export interface Telegram {
  readonly header: Header;
  readonly records: readonly DataRecord[];
  readonly manufacturerData?: Uint8Array | undefined;
  readonly more: boolean;
}

/** EN 13757-3: what a meter that cannot answer says instead. */
const applicationErrors: readonly string[] = [
  "unspecified error",
  "unimplemented CI field",
  "buffer too long, it was cut",
  "too many records",
  "premature end of a record",
  "more than 10 DIFEs",
  "more than 10 VIFEs",
  "reserved",
  "the application is too busy",
  "too many readouts, the battery's budget is spent",
];

const longHeader = 12;
const shortHeader = 4;
const noHeader: Header = {};
/** Configuration words of these modes announce encrypted records (EN 13757-7). */
const encryptedModes = new Set([5, 7, 13]);

/**
 * What a frame says. Throws TransientError: `not-an-answer`, `application-error` (the meter says why),
 * `alarm`, `unsupported-telegram`, `encrypted`, `malformed`.
 */
export function decodeTelegram(frame: LongFrame): Telegram {
  if (!isResponse(frame)) throw new TransientError("not a meter's answer", { code: "not-an-answer" });
  const { information, data } = frame;
  switch (information) {
    case 0x72:
      return withRecords(longHeaderOf(data, false), data, longHeader, false);
    case 0x76:
      return withRecords(longHeaderOf(data, true), data, longHeader, true);
    case 0x7a:
      return withRecords(shortHeaderOf(data, false), data, shortHeader, false);
    case 0x7e:
      return withRecords(shortHeaderOf(data, true), data, shortHeader, true);
    case 0x78:
      return withRecords(noHeader, data, 0, false);
    case 0x7c:
      return withRecords(noHeader, data, 0, true);
    case 0x73:
      return decodeFixed(data, false);
    case 0x77:
      return decodeFixed(data, true);
    case 0x70: {
      const code = data[0] ?? 0;
      const text = applicationErrors[code] ?? `error ${code}`;
      throw new TransientError(`the meter says: ${text}`, { code: "application-error" });
    }
    case 0x71:
      throw new TransientError(`the meter sends alarm ${data[0] ?? 0}`, { code: "alarm" });
    default:
      throw new TransientError(`a telegram of CI ${information.toString(16).toUpperCase()}`, {
        code: "unsupported-telegram",
      });
  }
}

function withRecords(header: Header, data: Uint8Array, from: number, swapped: boolean): Telegram {
  const mode = ((header.signature ?? 0) >> 8) & 0x1f;
  const blocks = ((header.signature ?? 0) >> 4) & 0x0f;
  if (encryptedModes.has(mode) && blocks > 0)
    throw new TransientError(`the meter's records are encrypted (mode ${mode})`, {
      code: "encrypted",
      hint: "switch the encryption of the wired interface off at the meter",
    });
  return { header, ...decodeRecords(data.subarray(from), swapped) };
}

function longHeaderOf(data: Uint8Array, swapped: boolean): Header {
  if (data.length < longHeader) throw malformed("its header cut short");
  const id = data.subarray(0, 4);
  return {
    id: hexDigits(swapped ? id.toReversed() : id, 0, 4),
    manufacturer: manufacturerLetters(word(data, 4, swapped)),
    version: data[6] ?? 0,
    medium: data[7] ?? 0,
    ...shortHeaderOf(data.subarray(8), swapped),
  };
}

function shortHeaderOf(data: Uint8Array, swapped: boolean): Header {
  if (data.length < shortHeader) throw malformed("its header cut short");
  return { access: data[0] ?? 0, status: data[1] ?? 0, signature: word(data, 2, swapped) };
}

function word(data: Uint8Array, at: number, swapped: boolean): number {
  const [low, high] = swapped ? [data[at + 1], data[at]] : [data[at], data[at + 1]];
  return (low ?? 0) | ((high ?? 0) << 8);
}

/** Three letters of five bits each (the list of the FLAG association). */
export function manufacturerLetters(code: number): string {
  return String.fromCharCode(64 + ((code >> 10) & 0x1f), 64 + ((code >> 5) & 0x1f), 64 + (code & 0x1f));
}

/** Inverse of `manufacturerLetters`, for three capital letters. */
export function manufacturerCode(letters: string): number {
  let code = 0;
  for (const letter of letters) code = (code << 5) | ((letter.charCodeAt(0) - 64) & 0x1f);
  return code;
}
