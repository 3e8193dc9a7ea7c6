import * as z from "zod";
import { checkSchema } from "../codec/check.ts";
import { suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import type { Path, YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";

// `repeat`: one written point for each channel, phase or input. Expanded before anything else is
// checked, so that no other part of the language knows of it.

/** Most points of a profile, and of one `repeat`. */
export const maxPoints = 2000;

const place = "{n}";

export const repeatSchema = z
  .strictObject({
    over: z
      .union([
        z
          .string()
          .regex(/^-?\d{1,6}\.\.-?\d{1,6}$/, { error: "write first..last, such as 1..12, or a list" }),
        z
          .array(z.union([z.int(), z.string().regex(/^[a-z0-9_]+$/, { error: "a word of a-z, 0-9 and _" })]))
          .min(1)
          .max(maxPoints),
      ])
      .meta({ description: "1..12, or a list: [l1, l2, l3]" }),
    name: z
      .string()
      .regex(/^[a-z0-9_{}]+$/)
      .optional()
      .meta({ description: "Name of each point, with {n}; default: the key, _ and {n}" }),
    stride: z
      .record(z.string(), z.int())
      .optional()
      .meta({ description: "What each next one adds to numbers of `at`: {holding: 2}" }),
  })
  .meta({ description: "One point per entry of `over`; {n} in texts is that entry" });

/** One point of the expansion, and the key it was written under. */
export interface RepeatedPoint {
  readonly name: string;
  readonly key: string;
  readonly value: unknown;
}

type Say = (path: Path, part: "key" | "value", finding: Finding) => void;

/** The points of a profile with each `repeat` carried out. `found` takes what its schema says. */
export function expandRepeats(
  document: YamlDocument,
  points: Readonly<Record<string, unknown>>,
  say: Say,
  found: Diagnostic[],
): RepeatedPoint[] {
  const expanded: RepeatedPoint[] = [];
  const taken = new Map<string, string>();
  for (const [key, value] of Object.entries(points)) {
    const path = ["points", key];
    for (const one of repeated(document, key, value, say, found)) {
      const other = taken.get(one.name);
      if (other !== undefined) {
        say(value === one.value ? path : [...path, "repeat"], "key", {
          code: "duplicate-name",
          message:
            one.name === other
              ? `there is a point "${one.name}" already`
              : `"${other}" makes a point "${one.name}" already`,
          hint: "give one of them another name",
        });
        continue;
      }
      if (expanded.length >= maxPoints) {
        say(path, "key", {
          code: "too-many-points",
          message: `a profile has at most ${maxPoints} points`,
          hint: "split it by option or into several profiles",
        });
        return expanded;
      }
      taken.set(one.name, key);
      expanded.push(one);
    }
  }
  return expanded;
}

function repeated(
  document: YamlDocument,
  key: string,
  value: unknown,
  say: Say,
  found: Diagnostic[],
): RepeatedPoint[] {
  if (!isMapping(value) || !("repeat" in value)) return [{ name: key, key, value }];
  const path = ["points", key, "repeat"];
  const checked = checkSchema(document, repeatSchema, { path, value: value.repeat });
  found.push(...checked.diagnostics);
  if (!checked.value) return [];
  const { over, name = `${key}_${place}`, stride = {} } = checked.value;
  const entries = entriesOf(over);
  if (entries.length === 0) {
    say([...path, "over"], "value", {
      code: "range-order",
      message: `${String(over)} is no range: its end lies below its beginning, or further than ${maxPoints}`,
      hint: "write the smaller number first: 1..12",
    });
    return [];
  }
  if (!name.includes(place)) {
    const hint = `put ${place} where the number goes, as in ${key}_${place}`;
    say([...path, "name"], "value", {
      code: "one-name",
      message: `all ${entries.length} points would be named "${name}"`,
      hint,
    });
    return [];
  }
  const { repeat: _, ...template } = value;
  if (!checkStride(stride, template, path, say)) return [];
  const [at] = addresses({ at: template.at });
  if (entries.length > 1 && at && Object.keys(stride).length === 0 && !JSON.stringify(at).includes(place)) {
    const [field = "address"] = Object.keys(at).filter((key) => typeof at[key] === "number");
    say(path, "key", {
      code: "same-place",
      message: `all ${entries.length} points would be read from the same place`,
      hint: `say what the next one adds to the address: stride: {${field}: 1}`,
    });
    return [];
  }
  return entries.map((entry, index) => ({
    name: name.replaceAll(place, String(entry)),
    key,
    value: substitute(template, entry, index, stride),
  }));
}

function entriesOf(over: string | readonly (string | number)[]): readonly (string | number)[] {
  if (typeof over !== "string") return over;
  const [first = 0, last = 0] = over.split("..").map(Number);
  if (last < first || last - first >= maxPoints) return [];
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Every `at` of the point: of reading, of writing, of the check afterwards, of steps. */
function addresses(template: unknown): Record<string, unknown>[] {
  if (Array.isArray(template)) return template.flatMap(addresses);
  if (!isMapping(template)) return [];
  return Object.entries(template).flatMap(([key, value]) =>
    key === "at" && isMapping(value) ? [value] : addresses(value),
  );
}

function checkStride(
  stride: Readonly<Record<string, number>>,
  template: Readonly<Record<string, unknown>>,
  path: Path,
  say: Say,
): boolean {
  const numbers = addresses(template).flatMap((at) =>
    Object.keys(at).filter((field) => typeof at[field] === "number"),
  );
  const wrong = Object.keys(stride).filter((field) => !numbers.includes(field));
  for (const field of wrong) {
    const near = suggest(field, numbers) ?? (numbers.length === 1 ? numbers[0] : undefined);
    say([...path, "stride", field], "key", {
      code: "unknown-stride",
      message: `"at" has no number "${field}" that could be counted up`,
      hint: near === undefined ? 'name the key of "at" that holds the address' : `did you mean "${near}"?`,
    });
  }
  return wrong.length === 0;
}

function substitute(
  value: unknown,
  entry: string | number,
  index: number,
  stride: Readonly<Record<string, number>>,
): unknown {
  if (typeof value === "string") return value === place ? entry : value.replaceAll(place, String(entry));
  if (Array.isArray(value)) return value.map((one) => substitute(one, entry, index, stride));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === "at" && isMapping(one)
        ? shift(one, entry, index, stride)
        : substitute(one, entry, index, stride),
    ]),
  );
}

function shift(
  at: Readonly<Record<string, unknown>>,
  entry: string | number,
  index: number,
  stride: Readonly<Record<string, number>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(at).map(([field, value]) => {
      const step = stride[field];
      return [
        field,
        step !== undefined && typeof value === "number"
          ? value + index * step
          : substitute(value, entry, index, stride),
      ];
    }),
  );
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
