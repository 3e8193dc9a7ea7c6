import { narrow } from "../../model/decimal.ts";
import type { Quality } from "../../model/quality.ts";
import type { RawValue } from "../../model/value.ts";
import type { MeterMessage, MeterObject, MeterValue } from "./message.ts";
import type { MeterAddress, MeterHead } from "./settings.ts";
import { parseDlmsTime, parseTelegramTime, timeText } from "./time.ts";
import { powerBetween, symbolOf } from "./units.ts";

/** A raw value with the Unix ms that the meter says it is of, or why there is none. */
export type Found =
  | { readonly raw: RawValue; readonly time?: number | undefined }
  | { readonly problem: Quality; readonly detail: string };

/**
 * What a message says at an address; undefined when it says nothing there and need not. Numbers come
 * in the unit that the address names, computed in decimals and rounded once to the nearest double.
 * Pure.
 */
export function find(
  message: MeterMessage,
  objects: ReadonlyMap<string, readonly MeterObject[]>,
  address: MeterAddress,
  { standardTime }: Pick<MeterHead, "standardTime">,
): Found | undefined {
  const values = valuesOf(message, objects, address);
  if (values === undefined || "problem" in values) return values;
  const value = values.at[values.index];
  if (value === undefined && address.optional)
    return { problem: "sentinel", detail: `${values.name} has ${values.at.length} values this time` };
  if (value === undefined)
    return badConfig(`${values.name} has ${values.at.length} values, none with index ${values.index}`);
  const unit = unitBeside(values.at, address);
  const found = rawOf(value, address, unit, standardTime);
  if ("problem" in found || address.time === undefined) return found;
  return timed(found.raw, values.at[address.time], standardTime);
}

type Values = { readonly at: readonly MeterValue[]; readonly index: number; readonly name: string };

function valuesOf(
  { list, complete, ident }: MeterMessage,
  objects: ReadonlyMap<string, readonly MeterObject[]>,
  { where, value, optional }: MeterAddress,
): Values | { problem: Quality; detail: string } | undefined {
  if ("ident" in where)
    return ident === undefined ? undefined : { at: [{ kind: "text", text: ident }], index: 0, name: "ident" };
  if ("positions" in where) {
    const index = where.positions.get(String(list.length)) ?? where.positions.get(ident ?? "");
    return index === undefined ? undefined : { at: list, index, name: `the list of ${list.length}` };
  }
  const [first, ...others] = objects.get(where.obis) ?? [];
  if (!first) return complete && !optional ? badConfig(`${where.obis} is not in the telegram`) : undefined;
  if (others.some((other) => !isSame(other.values, first.values)))
    return badConfig(`${where.obis} is there ${1 + others.length} times, with different values`);
  return { at: first.values, index: value, name: where.obis };
}

function isSame(a: readonly MeterValue[], b: readonly MeterValue[]): boolean {
  return a.length === b.length && a.every((value, index) => textOf(value) === textOf(b[index]));
}

function textOf(value: MeterValue | undefined): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part));
}

function unitBeside(values: readonly MeterValue[], { unitValue }: MeterAddress): string | undefined {
  const beside = unitValue === undefined ? undefined : values[unitValue];
  return beside?.kind === "text" ? beside.text : undefined;
}

function timed(raw: RawValue, value: MeterValue | undefined, standardTime: number): Found {
  const time =
    value?.kind === "text"
      ? parseTelegramTime(value.text, standardTime)
      : value?.kind === "bytes"
        ? parseDlmsTime(value.bytes)
        : undefined;
  if (!time) return { problem: "sentinel", detail: "no time stands beside it" };
  if (!time.zoned) return badConfig("the time beside it does not say W or S");
  return { raw, time: time.ms };
}

function rawOf(
  value: MeterValue,
  address: MeterAddress,
  unitBesideIt: string | undefined,
  standardTime: number,
): Found {
  if (value.kind === "nothing") return { problem: "sentinel", detail: "the meter says nothing here" };
  if (value.kind === "composite") return badConfig(`a ${value.what} is no value`);
  switch (address.type) {
    case "decimal":
    case "integer":
      return numberOf(value, address, unitBesideIt);
    case "boolean":
      return booleanOf(value);
    case "time":
      return timeOf(value, standardTime);
    case "hex":
      return value.kind === "bytes"
        ? { raw: Buffer.from(value.bytes).toString("hex") }
        : badConfig(`the meter gives ${value.kind}, not bytes`);
    case "text":
      if (value.kind === "text") return { raw: value.text };
      return value.kind === "bytes" ? printable(value.bytes) : badConfig("the meter gives a number, no text");
    case "hex-text":
      if (value.kind !== "text" || !/^([0-9A-Fa-f]{2})*$/.test(value.text))
        return badConfig("not a text in hex digits");
      return printable(Buffer.from(value.text, "hex"));
  }
}

/** Text up to the first NUL. */
function printable(bytes: Uint8Array): Found {
  const end = bytes.indexOf(0);
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
  return /^[\x20-\x7e]*$/.test(text) ? { raw: text } : badConfig("bytes that are no text");
}

function booleanOf(value: MeterValue): Found {
  if (value.kind === "boolean") return { raw: value.value };
  const text = value.kind === "text" ? value.text : value.kind === "number" ? String(value.digits) : "";
  if (/^0*[01]$/.test(text)) return { raw: text.endsWith("1") };
  return badConfig("neither 0 nor 1");
}

function timeOf(value: MeterValue, standardTime: number): Found {
  const time =
    value.kind === "bytes"
      ? parseDlmsTime(value.bytes)
      : value.kind === "text"
        ? parseTelegramTime(value.text, standardTime)
        : undefined;
  return time ? { raw: timeText(time) } : { problem: "sentinel", detail: "not a moment" };
}

const decimal = /^[+-]?\d{1,24}(\.\d{1,24})?$/;

function numberOf(value: MeterValue, address: MeterAddress, beside: string | undefined): Found {
  if (value.kind === "boolean" || value.kind === "bytes")
    return badConfig(`the meter gives ${value.kind}, no number`);
  if (value.kind === "text" && value.text === "")
    return { problem: "sentinel", detail: "the meter leaves it empty" };
  if (value.kind === "text" && !decimal.test(value.text))
    return badConfig(`${JSON.stringify(value.text.slice(0, 40))} is no number`);
  const shift = shiftOf("unit" in value ? (value.unit ?? beside) : beside, address.in);
  if (typeof shift !== "number") return shift;
  const [digits, power] = mantissa(value);
  return address.type === "integer" ? whole(digits, power + shift) : decimalOf(digits, power + shift);
}

/** The number before its power of ten. */
function mantissa(value: MeterValue): [string | number | bigint, number] {
  if (value.kind === "number") return [value.digits, value.power];
  if (value.kind === "float") return [value.number, value.power];
  return [value.kind === "text" ? value.text : "", 0];
}

function decimalOf(digits: string | number | bigint, power: number): Found {
  // Number() rounds a decimal text once, to the nearest double.
  const [mantissa, exponent = "0"] = String(digits).split("e");
  const raw = power === 0 ? Number(digits) : Number(`${mantissa}e${Number(exponent) + power}`);
  return Number.isFinite(raw) ? { raw } : { problem: "sentinel", detail: `${digits} is no number` };
}

function whole(digits: string | number | bigint, power: number): Found {
  if (power === 0 && typeof digits === "number" && Number.isSafeInteger(digits)) return { raw: digits };
  const text = String(digits).replace(/\.0*$/, "");
  if (power < 0 || !/^[+-]?\d+$/.test(text)) return badConfig(`${digits} is no whole number`);
  return { raw: narrow(BigInt(text.replace("+", "")) * 10n ** BigInt(power)) };
}

/** Power of ten from the meter's unit to the address's, or what is wrong with the two. */
function shiftOf(written: string | undefined, wanted: string | undefined): number | Found {
  if (written === undefined && wanted === undefined) return 0;
  if (written === undefined) return badConfig(`the meter names no unit, ${wanted} was expected`);
  if (wanted === undefined) return badConfig(`the meter says ${written}, no unit was expected`);
  const shift = powerBetween(symbolOf(written), wanted);
  return shift ?? badConfig(`the meter says ${written}, ${wanted} was expected`);
}

function badConfig(detail: string): { problem: Quality; detail: string } {
  return { problem: "config-error", detail };
}
