import { FormatError } from "../../../codec/format-error.ts";
import type { MeterMessage, MeterObject, MeterValue } from "../message.ts";
import type { DlmsData } from "./data.ts";
import { dlmsUnit } from "./units.ts";

/**
 * How a pushed list is laid out: `obis-scaler` code, value, scaler and unit (Aidon); `obis` code and
 * value in turn, after the name of the list (Kamstrup); `list` bare values, known by position (Kaifa).
 */
export const layouts = ["obis-scaler", "obis", "list"] as const;
export type Layout = (typeof layouts)[number];

/** What a pushed value says. Pure. Throws FormatError `bad-layout` where it is laid out otherwise. */
export function messageOf(body: DlmsData, layout: Layout): MeterMessage {
  const list = { list: [], objects: [], ident: undefined, complete: false };
  const items = itemsOf(body);
  if (layout === "list") {
    const values = items.map((item) => plainValue(item));
    return { ...list, ident: nameOf(items[0]), list: values };
  }
  if (layout === "obis-scaler") return { ...list, objects: items.flatMap((item) => entries(itemsOf(item))) };
  const named = codeOf(items[0]) === undefined;
  return { ...list, ident: named ? nameOf(items[0]) : undefined, objects: entries(items, named ? 1 : 0) };
}

function itemsOf(data: DlmsData | undefined): readonly DlmsData[] {
  if (data?.type === "list") return data.items;
  throw badLayout("a list was expected");
}

/** Codes with their values, and scaler and unit where they follow. */
function entries(items: readonly DlmsData[], from = 0): MeterObject[] {
  const objects: MeterObject[] = [];
  for (let at = from; at < items.length; ) {
    // Single-phase meters put nulls where code and value of the other phases would be.
    if (items[at]?.type === "null") {
      at += 1;
      continue;
    }
    const obis = codeOf(items[at]);
    const value = items[at + 1];
    if (obis === undefined || value === undefined)
      throw badLayout(`item ${at + 1} of ${items.length} is no OBIS code with a value`);
    const scale = scaleOf(items[at + 2]);
    objects.push({ obis, values: [scale ? plainValue(value, scale.power, scale.unit) : plainValue(value)] });
    at += scale ? 3 : 2;
  }
  return objects;
}

/** `A-B:C.D.E` of six octets. */
function codeOf(data: DlmsData | undefined): string | undefined {
  if (data?.type !== "octets" || data.bytes.length !== 6) return undefined;
  const [a, b, c, d, e, f] = data.bytes;
  return `${a}-${b}:${c}.${d}.${e}${f === 255 ? "" : `*${f}`}`;
}

/** A structure of an integer, the power of ten, and an enum, the unit. */
function scaleOf(
  data: DlmsData | undefined,
): { readonly power: number; readonly unit: string | undefined } | undefined {
  if (data?.type !== "list" || data.of !== "structure" || data.items.length !== 2) return undefined;
  const [scaler, unit] = data.items;
  if (scaler?.type !== "integer" || typeof scaler.value !== "number") return undefined;
  if (unit?.type !== "enum" || typeof unit.value !== "number") return undefined;
  if (scaler.value < -128 || scaler.value > 127) return undefined;
  return { power: scaler.value, unit: dlmsUnit(unit.value) };
}

function plainValue(data: DlmsData, power = 0, unit?: string): MeterValue {
  switch (data.type) {
    case "null":
      return { kind: "nothing" };
    case "integer":
    case "enum":
      return { kind: "number", digits: data.value, power, unit };
    case "float":
      return { kind: "float", number: data.value, power, unit };
    case "boolean":
      return { kind: "boolean", value: data.value };
    case "octets":
      return { kind: "bytes", bytes: data.bytes };
    case "bits":
    case "text":
      return { kind: "text", text: data.text };
    case "list":
      return { kind: "composite", what: data.of };
  }
}

/** The name that some makers put first. */
function nameOf(data: DlmsData | undefined): string | undefined {
  if (data?.type === "text") return data.text;
  return data?.type === "octets" ? Buffer.from(data.bytes).toString("latin1") : undefined;
}

function badLayout(reason: string): FormatError {
  return new FormatError(`the list is laid out otherwise: ${reason}`, {
    code: "bad-layout",
    hint: "the profile's layout is one of obis-scaler, obis, list",
  });
}
