import type { Instant } from "../../model/clock.ts";
import type { Point } from "../../model/device.ts";
import type { RawValue } from "../../model/value.ts";
import type { PointResult } from "../protocol.ts";
import { dataLengths, hexDigits, isVariable } from "./data.ts";
import { type DataRecord, decodeMeaning, keyText } from "./records.ts";
import type { HeaderField, KeyAddress, MbusAddress, QuantityAddress, TextAddress } from "./settings.ts";
import type { Header, Telegram } from "./telegram.ts";
import { converter } from "./units.ts";
import { quantities, type Shape } from "./vif.ts";

/** A telegram and when its frame ended. */
export interface Received {
  readonly telegram: Telegram;
  readonly at: Instant;
}

type Problem = { readonly problem: "config-error" | "sentinel"; readonly detail: string };
type Wanted = "integer" | "float" | "text";

/** What the telegrams of one reading say about each point. */
export function resultsOf(
  points: readonly Point<MbusAddress>[],
  received: readonly Received[],
): PointResult<MbusAddress>[] {
  return points.map((point) => resultOf(point, received));
}

function resultOf(point: Point<MbusAddress>, received: readonly Received[]): PointResult<MbusAddress> {
  const { address } = point;
  for (const { telegram, at } of received) {
    const found =
      address.by === "header"
        ? headerValue(telegram.header, address.field)
        : recordValue(telegram.records, address);
    if (found === undefined) continue;
    return isProblem(found) ? { point, at, ...found } : { point, at, raw: found };
  }
  const at = received[0]?.at ?? { base: "boot", ms: 0 };
  return { point, at, problem: "config-error", detail: `no telegram has ${addressText(address)}` };
}

function isProblem(found: RawValue | Problem): found is Problem {
  return typeof found === "object" && "problem" in found;
}

/** Undefined when the meter's header has no such field. */
function headerValue(header: Header, field: HeaderField): RawValue | undefined {
  return header[field];
}

/** Undefined when no record is of this sort. */
function recordValue(
  records: readonly DataRecord[],
  address: QuantityAddress | TextAddress | KeyAddress,
): RawValue | Problem | undefined {
  const { nth } = address;
  const fitting = records.filter((record) => fits(record, address));
  const record = fitting[(nth ?? 1) - 1];
  if (!record) return undefined;
  if (nth === undefined && fitting.length > 1)
    return {
      problem: "config-error",
      detail: `${fitting.length} records are ${addressText(address)}: say which with nth`,
    };
  return rawOf(record, address);
}

function fits(record: DataRecord, address: QuantityAddress | TextAddress | KeyAddress): boolean {
  if (address.by === "key") return keyText(record.head) === address.key;
  const same = address.by === "text" ? record.text === address.text : record.quantity === address.quantity;
  return (
    same &&
    record.storage === address.storage &&
    record.function === address.function &&
    record.tariff === address.tariff &&
    record.subunit === address.subunit &&
    sameWords(record.modifiers, address.with)
  );
}

function sameWords(found: readonly string[], wanted: readonly string[]): boolean {
  if (found.length !== wanted.length) return false;
  return found.length < 2
    ? found[0] === wanted[0]
    : found.toSorted().every((word, index) => word === wanted[index]);
}

function rawOf(record: DataRecord, address: QuantityAddress | TextAddress | KeyAddress): RawValue | Problem {
  const wanted = wantedKind(address);
  const { value } = record;
  switch (value.kind) {
    case "problem":
      if (address.unsigned && value.unsigned !== undefined)
        return numberOf(record, address, wanted, value.unsigned);
      return {
        problem: value.quality === "config-error" ? "config-error" : "sentinel",
        detail: value.detail,
      };
    case "none":
      return refused(record, "has no data");
    case "text":
      return wanted === "text" ? value.text : refused(record, `is the text ${JSON.stringify(value.text)}`);
    case "bytes":
      return wanted === "text"
        ? hexDigits(value.bytes, 0, value.bytes.length)
        : refused(record, `is ${value.bytes.length} bytes`);
    case "real":
      return wanted === "text" ? String(value.value) : numberOf(record, address, wanted, value.value);
    case "whole": {
      const { mantissa, digits } = value;
      if (wanted === "text") return wholeText(mantissa, digits);
      const negative = address.unsigned && digits === undefined && mantissa < 0;
      return numberOf(record, address, wanted, negative ? unsigned(mantissa, record) : mantissa);
    }
  }
}

function wholeText(mantissa: number | bigint, digits: number | undefined): string {
  const text = String(mantissa)
    .replace("-", "")
    .padStart(digits ?? 0, "0");
  return mantissa < 0 ? `-${text}` : text;
}

function unsigned(mantissa: number | bigint, { head }: DataRecord): number | bigint {
  const size = 8 * (dataLengths[(head[0] ?? 0) & 0x0f] ?? 0);
  return typeof mantissa === "bigint" ? BigInt.asUintN(size, mantissa) : mantissa + 2 ** size;
}

function numberOf(
  record: DataRecord,
  address: QuantityAddress | TextAddress | KeyAddress,
  wanted: Wanted,
  raw: number | bigint,
): RawValue | Problem {
  const { unit, factor, exponent } = record;
  const target =
    address.in ?? (address.by === "quantity" ? quantities.get(address.quantity)?.unit : undefined);
  const convert = converter(unit, factor, exponent, address.by === "text" ? unit : (target ?? unit));
  if (!convert) return refused(record, `comes in ${unit || "no unit"}, not in ${target}`);
  const value = convert(raw);
  if (wanted === "integer" && typeof value === "number" && !Number.isInteger(value))
    return refused(record, `is ${value}, no whole number`);
  return value;
}

function refused(record: DataRecord, what: string): Problem {
  return { problem: "config-error", detail: `the record ${keyText(record.head)} ${what}` };
}

/** What an address yields. */
export function wantedKind(address: MbusAddress): Wanted {
  if (address.by === "header")
    return address.field === "id" || address.field === "manufacturer" ? "text" : "integer";
  if (address.by === "quantity")
    return kindOf(quantities.get(address.quantity)?.shape ?? "number", address.with);
  if (address.by === "text") return "float";
  const bytes = keyBytes(address.key);
  const type = (bytes[0] ?? 0) & 0x0f;
  if (isVariable(type)) return "text";
  const { info, exponent } = meaningOfKey(bytes);
  const kind = kindOf(info.shape, []);
  if (kind !== "float" || type === 0x5) return kind;
  const scaled = info.unit !== "" || info.factor !== 1 || info.exponent + exponent !== 0;
  return scaled || address.in !== undefined ? "float" : "integer";
}

function kindOf(shape: Shape, modifiers: readonly string[]): Wanted {
  if (modifiers.some((word) => /(^start|-(begin|end))$|^(begin|end)-of/.test(word))) return "text";
  if (shape === "number") return "float";
  return shape === "integer" || shape === "flags" ? "integer" : "text";
}

/** Where the VIF of a key begins, and what it says. Throws TransientError for half a key. */
export function meaningOfKey(bytes: Uint8Array) {
  let at = 0;
  while (((bytes[at] ?? 0) & 0x80) !== 0) at++;
  return decodeMeaning(bytes, at + 1);
}

export function keyBytes(key: string): Uint8Array {
  return Uint8Array.from(key.split(" "), (byte) => Number.parseInt(byte, 16));
}

/** An address for people, and the same text for the same address. */
export function addressText(address: MbusAddress): string {
  if (address.by === "header") return `header ${address.field}`;
  const nth = address.nth === undefined ? "" : ` nth ${address.nth}`;
  if (address.by === "key") return `key ${address.key}${nth}`;
  const { storage, tariff, subunit, function: kind } = address;
  const name = address.by === "text" ? JSON.stringify(address.text) : address.quantity;
  const parts = [
    name,
    ...(kind === "instantaneous" ? [] : [kind]),
    ...(storage === 0 ? [] : [`storage ${storage}`]),
    ...(tariff === 0 ? [] : [`tariff ${tariff}`]),
    ...(subunit === 0 ? [] : [`subunit ${subunit}`]),
    ...(address.with.length === 0 ? [] : [`with ${address.with.join(" ")}`]),
  ];
  return parts.join(" ") + nth;
}
