import * as z from "zod";
import { text } from "../codec/settings.ts";
import type { Point, Text } from "../model/device.ts";
import { name } from "./words.ts";

// Labels of raw values and of bits, in English and Swedish.

const otherKey = "default";
const labelKey = z.string().regex(/^(-?\d{1,20}|true|false|default)$/, {
  error: "a raw value is a whole number, true or false; `default` stands for all others",
});

/** `{0: off, 1: {en: on, sv: på}, default: unknown}` */
export const valuesSchema = z.record(labelKey, text);

const bitKey = z.string().regex(/^([0-9]|[1-5][0-9]|6[0-3])$/, { error: "a bit is a number from 0 to 63" });

/** `{0: overvoltage, 1: {name: phase_missing, en: Phase missing, sv: Fas saknas}}` */
export const bitsSchema = z.record(
  bitKey,
  z.union([name, z.strictObject({ name, en: z.string().min(1), sv: z.string().min(1).optional() })]),
);

type Values = z.output<typeof valuesSchema>;
type Bits = z.output<typeof bitsSchema>;

export function toText(written: string | { en: string; sv?: string | undefined }): Text {
  return typeof written === "string" ? { en: written } : written;
}

/** What a point says of its raw values. */
export function labelsOf(
  values: Values | undefined,
  bits: Bits | undefined,
): Pick<Point, "labels" | "otherLabel" | "bits" | "bitTitles"> {
  const other = values?.[otherKey];
  const titles = Object.entries(bits ?? {}).flatMap(([bit, one]): [number, Text][] =>
    typeof one === "string" ? [] : [[Number(bit), { en: one.en, sv: one.sv }]],
  );
  return {
    labels: values && rawLabels(values),
    otherLabel: other === undefined ? undefined : toText(other),
    bits: bits && new Map(Object.entries(bits).map(([bit, one]) => [Number(bit), bitName(one)])),
    bitTitles: titles.length > 0 ? new Map(titles) : undefined,
  };
}

/** Labels by raw value; true and false are 1 and 0. */
export function rawLabels(values: Values): Map<number, Text> {
  return new Map(
    Object.entries(values)
      .filter(([raw]) => raw !== otherKey)
      .map(([raw, label]) => [rawKey(raw), toText(label)]),
  );
}

export function bitNames(bits: Bits): string[] {
  return Object.values(bits).map(bitName);
}

function bitName(written: Bits[string]): string {
  return typeof written === "string" ? written : written.name;
}

function rawKey(written: string): number {
  return written === "true" ? 1 : written === "false" ? 0 : Number(written);
}
