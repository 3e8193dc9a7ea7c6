import { stringify } from "yaml";
import { similarUnits, unitOf } from "../../model/units.ts";

/** One point that another tool's file described, in the words of a profile. */
export interface ImportedPoint {
  readonly name: string;
  readonly title?: string | undefined;
  readonly at: Readonly<Record<string, unknown>>;
  /** As the other file wrote it; translated when it is written. */
  readonly unit?: string | undefined;
  readonly scale?: number | string | undefined;
  readonly offset?: number | undefined;
  readonly kind?: "gauge" | "counter" | "state" | "text" | "id" | undefined;
  readonly resolution?: number | undefined;
  readonly class?: "fast" | "normal" | "slow" | "once" | undefined;
  readonly range?: readonly [number, number] | undefined;
  readonly absent?: readonly (number | bigint | string)[] | undefined;
  readonly values?: Readonly<Record<string, string>> | undefined;
  readonly bits?: Readonly<Record<string, string>> | undefined;
  readonly doc?: string | undefined;
  /** The device takes this value too. */
  readonly writable?: boolean | undefined;
}

/** Whether the protocol that is imported for takes an `at:`. */
export type Takes = (at: unknown) => boolean;

/** What a device gives, and what comes of it. */
export interface ImportedExample {
  readonly name: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly expect: Readonly<Record<string, number | string | boolean>>;
}

/** What came of another tool's file. */
export interface Imported {
  readonly title: string;
  readonly manufacturer?: string | undefined;
  readonly models?: readonly string[] | undefined;
  readonly protocol: string;
  /** What goes below the protocol's own key. */
  readonly head: Readonly<Record<string, unknown>>;
  /** Instead of `head`: YAML with that key and all below it. */
  readonly headText?: string | undefined;
  readonly points: readonly ImportedPoint[];
  readonly examples?: readonly ImportedExample[] | undefined;
  /** What could not be carried over, for people. */
  readonly leftOut: readonly string[];
}

/** What nobody but the importing person knows. */
export interface ImportAbout {
  readonly id: string;
  readonly category: string;
  /** Where the file came from, for `sources`. */
  readonly source: string;
}

/** Longest name of a point. */
const longestName = 64;

/** A name of a point made of any text, different from those in `taken`, to which it is added. */
export function pointName(text: string, taken: Set<string>): string {
  const words = text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  const plain = (/^[a-z]/.test(words) ? words : `point_${words}`).slice(0, longestName - 4).replace(/_$/, "");
  let name = plain;
  for (let count = 2; taken.has(name); count++) name = `${plain}_${count}`;
  taken.add(name);
  return name;
}

/** The profile as YAML, and what a person has to look at before it can be used. */
export function writeImported(
  { title, manufacturer, models, protocol, head, headText, points, examples = [], leftOut }: Imported,
  { id, category, source }: ImportAbout,
): { readonly text: string; readonly leftOut: readonly string[] } {
  const notes = [...leftOut];
  const [maker = "", model = ""] = id.split("/");
  const written = points.map((point) => pointText(point, notes));
  const text = `# yaml-language-server: $schema=../profile.schema.json
# Imported: look at every point, unit and scale, and add an example from the device before you trust it.
profile: ${id}
version: 0.1.0
title: ${flow({ en: title, sv: title })}
manufacturer: ${flow(manufacturer ?? maker)}
models: ${flow(models ?? [model])}
category: ${category}
sources: [${flow({ document: source })}]
status: draft
protocol: ${protocol}
${headText ?? (Object.keys(head).length === 0 ? "" : `${protocol}: ${flow(head)}\n`)}points:
${written.join("")}${exampleTexts(examples)}`;
  return { text, leftOut: notes };
}

function exampleTexts(examples: readonly ImportedExample[]): string {
  const texts = examples.map(
    ({ name, given, expect }) =>
      `  - name: ${flow(name)}\n    given: ${flow(given)}\n    expect: ${flow(expect)}\n`,
  );
  return texts.length === 0 ? "" : `examples:\n${texts.join("")}`;
}

function pointText(point: ImportedPoint, notes: string[]): string {
  const { name, title, at, unit, scale, offset, kind, range, absent, values, bits, doc } = point;
  const coded = values !== undefined || bits !== undefined;
  const numeric = !coded && kind !== "text" && kind !== "state" && kind !== "id";
  const known = numeric ? unitFor(name, unit, notes) : undefined;
  const fields: [string, unknown][] = [
    ["title", title],
    ["at", at],
    ["unit", known],
    ["scale", coded || scale === 1 || scale === "1" ? undefined : scale],
    ["offset", coded || offset === 0 ? undefined : offset],
    ["resolution", coded ? undefined : point.resolution],
    ["kind", kind],
    ["class", point.class],
    ["range", coded ? undefined : range],
    ["absent", absent],
    ["values", values],
    ["bits", bits],
    ["doc", doc],
  ];
  const lines = fields.flatMap(([key, value]) =>
    value === undefined ? [] : [`    ${key}: ${flow(value)}\n`],
  );
  if (point.writable) notes.push(`${name} can be written: add "write:" when that is wanted`);
  return `  ${name}:\n${lines.join("")}`;
}

/** A SenML unit for what the other file wrote; "count" where nothing is known, and a note. */
function unitFor(name: string, written: string | undefined, notes: string[]): string {
  if (written !== undefined && written !== "") {
    const plain = written.trim();
    if (unitOf(plain)) return plain;
    const [near] = similarUnits(plain);
    if (near !== undefined) return near;
    notes.push(`${name}: the unit "${plain}" is not known; "count" stands for it`);
    return "count";
  }
  notes.push(`${name} has no unit; "count" stands for it`);
  return "count";
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();
}
