import { TransientError } from "../../model/errors.ts";
import {
  dataLengths,
  decodeData,
  decodeVariable,
  isVariable,
  latinText,
  type RecordValue,
  variableLength,
} from "./data.ts";
import {
  anyInfo,
  type Extension,
  manufacturerInfo,
  plainTextInfo,
  type Shape,
  type ValueInfo,
  valueInfo,
} from "./vif.ts";
import { extended, manufacturerWord } from "./vife.ts";

/** What a value is of its kind: EN 13757-3. */
export const functions = ["instantaneous", "maximum", "minimum", "error"] as const;
export type ValueFunction = (typeof functions)[number];

/** One record of a telegram. */
export interface DataRecord {
  /** DIF, DIFEs, VIF and VIFEs as on the wire. */
  readonly head: Uint8Array;
  readonly function: ValueFunction;
  /** 41 bits. */
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
  readonly quantity: string;
  readonly unit: string;
  readonly factor: number;
  /** value in `unit` = whole or real number * factor * 10^exponent. */
  readonly exponent: number;
  readonly shape: Shape;
  /** What makes this another value than the plain one: words of `with:`. */
  readonly modifiers: readonly string[];
  /** The unit of a plain-text VIF, as the meter spells it. */
  readonly text?: string | undefined;
  readonly value: RecordValue;
}

export interface RecordList {
  readonly records: readonly DataRecord[];
  /** What follows DIF 0F or 1F. */
  readonly manufacturerData?: Uint8Array | undefined;
  /** DIF 1F: more records come in the next telegram. */
  readonly more: boolean;
}

const mostExtensions = 10;
const noModifiers: readonly string[] = [];
const idle = 0x2f;
const manufacturerBlock = 0x0f;
const manufacturerBlockMore = 0x1f;

/** Throws TransientError `malformed` for anything cut short or out of form: then no record is to be trusted. */
export function decodeRecords(bytes: Uint8Array, mostSignificantFirst: boolean): RecordList {
  const records: DataRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const dif = bytes[at] ?? 0;
    if ((dif & 0x0f) !== 0x0f) {
      at = decodeRecord(bytes, at, mostSignificantFirst, records);
    } else if (dif === idle) {
      at++;
    } else if (dif === manufacturerBlock || dif === manufacturerBlockMore) {
      return { records, manufacturerData: bytes.slice(at + 1), more: dif === manufacturerBlockMore };
    } else {
      // 7F asks for everything and says nothing in an answer; the others are reserved.
      throw malformed(`the reserved DIF ${hex(dif)}`);
    }
  }
  return { records, more: false };
}

/** Adds the record that begins at `from` and returns where it ends. */
function decodeRecord(bytes: Uint8Array, from: number, swapped: boolean, records: DataRecord[]): number {
  const dif = byteAt(bytes, from);
  let at = from + 1;
  let storage = (dif >> 6) & 1;
  let tariff = 0;
  let subunit = 0;
  let last = dif;
  for (let count = 0; (last & 0x80) !== 0; count++) {
    if (count === mostExtensions) throw malformed(`more than ${mostExtensions} DIFEs`);
    last = byteAt(bytes, at++);
    // The storage number may have 41 bits: beyond what shifts of 32 bits hold.
    storage += (last & 0x0f) * 2 ** (4 * count + 1);
    tariff |= ((last >> 4) & 3) << (2 * count);
    subunit |= ((last >> 6) & 1) << count;
  }
  const meaning = decodeMeaning(bytes, at, swapped);
  at = meaning.end;
  const head = bytes.subarray(from, at);
  const type = dif & 0x0f;
  const { info } = meaning;
  let length = dataLengths[type];
  let value: RecordValue;
  if (isVariable(type)) {
    const code = byteAt(bytes, at++);
    length = variableLength(code);
    if (length === undefined) throw malformed(`the reserved length ${hex(code)}`);
    const data = take(bytes, at, length);
    value =
      swapped && code > 0xbf
        ? decodeVariable(code, data.toReversed(), 0, length, true)
        : decodeVariable(code, data, 0, length, swapped);
  } else {
    length ??= 0;
    if (at + length > bytes.length) throw malformed("data cut short");
    const shape = meaning.unsigned && info.shape === "number" ? "flags" : info.shape;
    value = swapped
      ? decodeData(type, take(bytes, at, length).toReversed(), 0, length, shape)
      : decodeData(type, bytes, at, length, shape);
  }
  records.push({
    head,
    function: functions[(dif >> 4) & 3] ?? "instantaneous",
    storage,
    tariff,
    subunit,
    quantity: info.quantity,
    unit: info.unit,
    factor: info.factor,
    exponent: info.exponent + meaning.exponent,
    shape: info.shape,
    modifiers: meaning.modifiers,
    text: meaning.text,
    value: meaning.problem ?? value,
  });
  return at + length;
}

/** What a value information block says. */
export interface Meaning {
  readonly info: ValueInfo;
  /** Of the correction factors, besides that of `info`. */
  readonly exponent: number;
  readonly modifiers: readonly string[];
  readonly unsigned: boolean;
  readonly text?: string | undefined;
  readonly problem?: RecordValue | undefined;
  /** Where the block ends. */
  readonly end: number;
}

/** Reads VIF and VIFEs. Throws TransientError `malformed`. */
export function decodeMeaning(bytes: Uint8Array, from: number, swapped = false): Meaning {
  let at = from;
  let code = byteAt(bytes, at++);
  let extension: Extension = "primary";
  let text: string | undefined;
  let info: ValueInfo;
  let count = 0;
  if (code === 0xfd || code === 0xfb) {
    extension = code === 0xfd ? "fd" : "fb";
    code = byteAt(bytes, at++);
    count++;
    if (extension === "fd" && code === 0xfd) {
      extension = "fdfd";
      code = byteAt(bytes, at++);
      count++;
    }
    info = valueInfo(extension, code);
  } else if ((code & 0x7f) === 0x7c) {
    const length = byteAt(bytes, at++);
    text = latinText(take(bytes, at, length), 0, length, swapped);
    at += length;
    info = plainTextInfo;
  } else if ((code & 0x7f) === 0x7f) info = manufacturerInfo;
  else if ((code & 0x7f) === 0x7e) info = anyInfo;
  else info = valueInfo("primary", code);
  if ((code & 0x80) === 0)
    return { info, exponent: 0, modifiers: noModifiers, unsigned: false, text, end: at };
  return extendMeaning(bytes, at, { info, text, own: info === manufacturerInfo, count });
}

interface Base {
  readonly info: ValueInfo;
  readonly text: string | undefined;
  /** The extensions are the manufacturer's own. */
  readonly own: boolean;
  readonly count: number;
}

function extendMeaning(bytes: Uint8Array, from: number, base: Base): Meaning {
  const modifiers: string[] = [];
  let { info, own } = base;
  let at = from;
  let exponent = 0;
  let unsigned = false;
  let second = false;
  let problem: RecordValue | undefined;
  let code = 0x80;
  for (let count = base.count; (code & 0x80) !== 0; count++) {
    if (count === mostExtensions) throw malformed(`more than ${mostExtensions} VIFEs`);
    code = byteAt(bytes, at++);
    if (own) {
      modifiers.push(manufacturerWord(code));
      continue;
    }
    const meant = extended(code, second);
    second = false;
    if (meant.kind === "modifier") {
      modifiers.push(meant.word);
      if (meant.info) info = { ...info, ...meant.info };
      if (meant.word === "type-c" || meant.word === "type-d") unsigned = true;
    } else if (meant.kind === "exponent") exponent += meant.exponent;
    else if (meant.kind === "second-table") second = true;
    else if (meant.kind === "manufacturer") {
      own = true;
      modifiers.push("manufacturer");
    } else
      problem = {
        kind: "problem",
        quality: meant.missing ? "config-error" : "sentinel",
        detail: `the meter says: ${meant.text}`,
      };
  }
  return { info, exponent, modifiers, unsigned, text: base.text, problem, end: at };
}

/** `04 06`: how a raw key is written. */
export function keyText(head: Uint8Array): string {
  return Array.from(head, hex).join(" ");
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw malformed("a record cut short");
  return byte;
}

function take(bytes: Uint8Array, from: number, length: number): Uint8Array {
  if (from + length > bytes.length) throw malformed("data cut short");
  return bytes.subarray(from, from + length);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}

export function malformed(what: string): TransientError {
  return new TransientError(`a telegram with ${what}`, { code: "malformed" });
}
