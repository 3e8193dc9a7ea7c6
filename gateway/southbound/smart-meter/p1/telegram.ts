import { crc16Arc } from "../../../codec/crc.ts";
import { FormatError } from "../../../codec/format-error.ts";
import type { MeterMessage, MeterObject, MeterValue } from "../message.ts";

/** Longest telegram that is taken, in bytes; a real one with four sub-meters has some 2000. */
export const maxTelegramBytes = 16_384;
const maxObjects = 512;
const maxValues = 64;

/**
 * What holds of the checksum behind `!`: `required` takes only telegrams with a good one, `optional`
 * also those that end with a bare `!` (DSMR 2 and 3), `none` does not look at it.
 */
export type CrcRule = "required" | "optional" | "none";

const slash = 0x2f;
const bang = 0x21;
const obis = /^(\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*(\d{1,3}))?$/;
const ident = /^\/[A-Za-z0-9]{3}[\x20-\x7e]{0,61}$/;

/**
 * A telegram of a P1 or H1 port (DSMR P1 companion standard; IEC 62056-21 mode D), from `/` to the
 * digits behind `!`; what follows is not looked at. Objects keep the order of the telegram; a line
 * that begins with `(` belongs to the one before it. Pure.
 *
 * Throws FormatError `bad-checksum`, `missing-checksum`, `bad-telegram` or `too-long`.
 */
export function decodeTelegram(
  telegram: string | Uint8Array,
  { crc = "required" }: { readonly crc?: CrcRule } = {},
): MeterMessage {
  const bytes = typeof telegram === "string" ? Buffer.from(telegram, "latin1") : telegram;
  if (bytes.length > maxTelegramBytes)
    throw new FormatError(`a telegram of ${bytes.length} bytes`, { code: "too-long" });
  const end = endOf(bytes, 0);
  if (bytes[0] !== slash || end < 0)
    throw new FormatError("a telegram begins with / and ends with ! at the start of a line", {
      code: "bad-telegram",
    });
  if (crc !== "none") checkCrc(bytes, end, crc);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("latin1");
  const [first = "", ...lines] = text.split(/\r?\n|\r/);
  if (!ident.test(first))
    throw new FormatError("the first line of a telegram is / and the identification of the meter", {
      code: "bad-telegram",
    });
  return { ident: first.slice(1), objects: objectsOf(lines), list: [], complete: true };
}

/** Index of the first `!` from `from` on that begins a line, or -1. */
export function endOf(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(bang, from); at >= 0; at = bytes.indexOf(bang, at + 1)) {
    const before = bytes[at - 1];
    if (before === 0x0a || before === 0x0d) return at;
  }
  return -1;
}

/** How many hex digits follow the `!`, at most four. Some meters leave out leading zeros. */
export function crcDigits(bytes: Uint8Array, end: number): number {
  let count = 0;
  while (count < 4 && isHexDigit(bytes[end + 1 + count])) count += 1;
  return count;
}

/** Whether `bytes[start..end]` (`/` to `!`, both included) has the checksum that is written behind it. */
export function hasGoodCrc(bytes: Uint8Array, start: number, end: number): boolean {
  const digits = crcDigits(bytes, end);
  if (digits === 0) return false;
  const written = Buffer.from(bytes.subarray(end + 1, end + 1 + digits)).toString("latin1");
  return Number.parseInt(written, 16) === crc16Arc(bytes, start, end + 1);
}

function checkCrc(bytes: Uint8Array, end: number, rule: CrcRule): void {
  if (isBare(bytes, end)) {
    if (rule === "optional") return;
    throw new FormatError("the telegram has no checksum", {
      code: "missing-checksum",
      hint: "meters of DSMR 2 and 3 have none: their profiles say crc: none or crc: optional",
    });
  }
  if (!hasGoodCrc(bytes, 0, end))
    throw new FormatError("the checksum of the telegram is wrong", { code: "bad-checksum" });
}

/** Whether nothing but the end of the line stands behind the `!`. */
export function isBare(bytes: Uint8Array, end: number): boolean {
  const next = bytes[end + 1];
  return next === undefined || next === 0x0d || next === 0x0a;
}

function objectsOf(lines: readonly string[]): MeterObject[] {
  const objects: { obis: string; values: MeterValue[] }[] = [];
  for (const line of lines) {
    const open = line.indexOf("(");
    if (open < 0) continue;
    if (open === 0) {
      const last = objects.at(-1);
      if (last) readValues(line, 0, last.values);
      continue;
    }
    const [, code, f] = obis.exec(line.slice(0, open)) ?? [];
    if (code === undefined) continue;
    if (objects.length === maxObjects)
      throw new FormatError(`more than ${maxObjects} objects in a telegram`, { code: "too-long" });
    const values: MeterValue[] = [];
    readValues(line, open, values);
    objects.push({ obis: f === undefined || f === "255" ? code : `${code}*${f}`, values });
  }
  return objects;
}

/** `(1.234*kWh)(S)`: appends each part between brackets. A line that is no such sequence spoils the telegram. */
function readValues(line: string, start: number, values: MeterValue[]): void {
  let at = start;
  while (at < line.length) {
    const close = line.indexOf(")", at);
    if (line[at] !== "(" || close < 0) {
      if (line.slice(at).trim() === "") return;
      throw new FormatError(`brackets that do not close: ${line.slice(0, 60)}`, { code: "bad-telegram" });
    }
    if (values.length === maxValues)
      throw new FormatError(`more than ${maxValues} values of one object`, { code: "too-long" });
    const star = line.lastIndexOf("*", close);
    values.push(
      star > at
        ? { kind: "text", text: line.slice(at + 1, star), unit: line.slice(star + 1, close) }
        : { kind: "text", text: line.slice(at + 1, close) },
    );
    at = close + 1;
  }
}

function isHexDigit(byte: number | undefined): boolean {
  return (
    byte !== undefined &&
    ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66))
  );
}
