import type { RawValue } from "../../model/value.ts";

/** A moment that a meter names: Unix ms, or wall time of nobody knows which zone (as if it were UTC). */
export interface MeterTime {
  readonly ms: number;
  readonly zoned: boolean;
}

/**
 * A time of a P1 telegram, `YYMMDDhhmmss` and W for standard time or S for summer time (DSMR P1
 * companion standard 5.0.2, 6.4). Undefined for what is no time: meters write 632525252525W where
 * there is none.
 *
 * @param standardOffset minutes by which the meter's standard time is ahead of UTC
 */
export function parseTelegramTime(text: string, standardOffset: number): MeterTime | undefined {
  const match = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([WS]?)$/.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const wall = wallTime(2000 + year, month, day, hour, minute, second);
  if (wall === undefined) return undefined;
  const season = match[7];
  if (season === "") return { ms: wall, zoned: false };
  return { ms: wall - (standardOffset + (season === "S" ? 60 : 0)) * 60_000, zoned: true };
}

const unspecifiedDeviation = -0x8000;
const unspecifiedStatus = 0xff;
const invalidValue = 0x01;

/**
 * A date-time of DLMS/COSEM, 12 bytes (Blue Book, 4.1.6.1). The deviation is what must be added to
 * the meter's wall time to have UTC, in minutes. Undefined where fields are left open or the clock
 * says itself that it is wrong.
 */
export function parseDlmsTime(bytes: Uint8Array): MeterTime | undefined {
  if (bytes.length !== 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const status = view.getUint8(11);
  if (status !== unspecifiedStatus && (status & invalidValue) !== 0) return undefined;
  const [month, day, hour, minute, second] = [2, 3, 5, 6, 7].map((at) => view.getUint8(at));
  const wall = wallTime(view.getUint16(0), month ?? 0, day ?? 0, hour ?? 99, minute ?? 99, second ?? 99);
  if (wall === undefined) return undefined;
  const deviation = view.getInt16(9);
  if (deviation === unspecifiedDeviation) return { ms: wall, zoned: false };
  if (Math.abs(deviation) > 720) return undefined;
  return { ms: wall + deviation * 60_000, zoned: true };
}

/** `2021-02-22T15:19:00Z`; without Z where the meter does not name its zone. */
export function timeText({ ms, zoned }: MeterTime): RawValue {
  const text = new Date(ms).toISOString().slice(0, 19);
  return zoned ? `${text}Z` : text;
}

function wallTime(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (year < 2000 || year > 2199 || hour > 23 || minute > 59 || second > 59) return undefined;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  // Date turns 31 June into 1 July.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms : undefined;
}
