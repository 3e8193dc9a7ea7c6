import { crc16Arc } from "../../codec/crc.ts";

/** Longest response without its line end: address, 75 characters of values, CRC (SDI-12 v1.4, 4.4), and some for sensors that overdo it. */
export const longestLine = 96;

/**
 * The three characters after the values of a response that was asked for with a CRC (SDI-12 v1.4,
 * 4.4.12): CRC-16/ARC of everything before them, six bits each, made printable with 0x40.
 */
export function crcText(text: string): string {
  const crc = crc16Arc(Buffer.from(text, "latin1"));
  return String.fromCharCode(0x40 | (crc >>> 12), 0x40 | ((crc >>> 6) & 0x3f), 0x40 | (crc & 0x3f));
}

/** `text` without its good CRC, or undefined. */
export function withoutCrc(text: string): string | undefined {
  const body = text.slice(0, -3);
  return text.length > 3 && crcText(body) === text.slice(-3) ? body : undefined;
}

/**
 * Values that follow each other, each with its sign: `+1.23-4.5` (SDI-12 v1.4, 4.4.6). As texts, so
 * that nobody has rounded them; `rest` is what is no value.
 */
export function splitValues(text: string): { readonly values: readonly string[]; readonly rest: string } {
  const values: string[] = [];
  let rest = text;
  for (;;) {
    const [value] = /^[+-](?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})/.exec(rest) ?? [];
    if (value === undefined) return { values, rest };
    values.push(value);
    rest = rest.slice(value.length);
  }
}

/** The double nearest to a value's decimal text. */
export function numberOf(text: string): number {
  const value = Number(text);
  return value === 0 ? 0 : value;
}

/** What a sensor says of a measurement that was started. */
export interface Started {
  /** Seconds until the values are ready; 0 = at once, and no service request follows. */
  readonly seconds: number;
  /** How many values there will be. */
  readonly count: number;
}

/** The answer to M and V (`atttn`) or C (`atttnn`), whole; undefined for anything else. */
export function parseStarted(text: string, concurrent: boolean): Started | undefined {
  const match = (concurrent ? /^.(\d{3})(\d{2})$/ : /^.(\d{3})(\d)$/).exec(text);
  return match ? { seconds: Number(match[1]), count: Number(match[2]) } : undefined;
}

/** What a sensor says of itself. */
export interface Identity {
  readonly standard: string;
  readonly vendor: string;
  readonly model: string;
  readonly version: string;
  /** Serial number or whatever else the maker put there. */
  readonly serial: string;
}

/** The answer to I: `allccccccccmmmmmmvvvxxx` (SDI-12 v1.4, 4.4.2), whole; undefined for anything else. */
export function parseIdentity(text: string): Identity | undefined {
  const match = /^.(\d)(\d)(.{8})(.{6})(.{3})(.{0,13})$/.exec(text);
  if (!match) return undefined;
  const [, major, minor, vendor = "", model = "", version = "", serial = ""] = match;
  return {
    standard: `${major}.${minor}`,
    vendor: vendor.trim(),
    model: model.trim(),
    version: version.trim(),
    serial: serial.trim(),
  };
}
