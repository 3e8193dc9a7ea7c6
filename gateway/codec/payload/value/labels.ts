import { describe, integerKey, isMapping, Section, schemaError } from "../section.ts";

export type Label = string | number | boolean;

/** A table of labels for whole numbers. */
export interface Labels {
  readonly all: readonly Label[];
  /** A number without a label: a map leaves its field out, a list is overrun. */
  readonly gap: "omitted" | "error";
  find(value: number): Label | undefined;
  /** The first number with this label; undefined when no number has it. */
  raw(label: unknown): number | undefined;
}

/** Reads `lookup` or `values`: a list counts from 0, a map may have gaps and a `default`. Throws ConfigError. */
export function compileLabels(value: unknown, path: string): Labels {
  if (Array.isArray(value)) {
    const list = value.map((label, index) => labelOf(label, `${path}[${index}]`));
    return {
      all: list,
      gap: "error",
      find: (at) => list[at],
      raw: (label) => place(list.indexOf(asLabel(label))),
    };
  }
  if (!isMapping(value))
    throw schemaError(path, `a list or a mapping of labels is needed here, not ${describe(value)}`);
  const table = new Map<number, Label>();
  const numbers = new Map<Label, number>();
  let otherwise: Label | undefined;
  for (const [key, written] of new Section(value, path).entries()) {
    const label = labelOf(written, `${path}.${String(key)}`);
    if (key === "default") {
      otherwise = label;
      continue;
    }
    const number = integerKey(key);
    if (number === undefined)
      throw schemaError(path, `${describe(key)} is no whole number and not the word default`);
    table.set(number, label);
    if (!numbers.has(label)) numbers.set(label, number);
  }
  return {
    all: [...new Set([...table.values(), ...(otherwise === undefined ? [] : [otherwise])])],
    gap: "omitted",
    find: (at) => table.get(at) ?? otherwise,
    raw: (label) => numbers.get(asLabel(label)),
  };
}

function asLabel(value: unknown): Label {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "string" || typeof value === "boolean" || typeof value === "number"
    ? value
    : Number.NaN;
}

function place(index: number): number | undefined {
  return index < 0 ? undefined : index;
}

function labelOf(value: unknown, path: string): Label {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  throw schemaError(path, `a label is a text, a number or true or false, not ${describe(value)}`);
}
