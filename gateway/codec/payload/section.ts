import { ConfigError } from "../../model/errors.ts";

/** A schema that cannot be compiled: `path` is where in it the cause stands. */
export function schemaError(path: string, message: string, hint?: string): ConfigError {
  return new ConfigError(`${path === "" ? "payload schema" : path}: ${message}`, {
    code: "bad-payload-schema",
    hint,
  });
}

/** Where a loaded schema keeps what its loader has to say about it. */
export const notesKey: unique symbol = Symbol("notes");

/** One mapping of a schema, from YAML (Map: key order and key types kept) or JSON, with its place for errors. */
export class Section {
  readonly path: string;
  readonly #entries: ReadonlyMap<unknown, unknown>;

  /** Throws ConfigError unless `value` is a mapping. */
  constructor(value: unknown, path: string) {
    const entries = entriesOf(value);
    if (!entries) throw schemaError(path, `a mapping is needed here, not ${describe(value)}`);
    this.path = path;
    this.#entries = entries;
  }

  has(key: string): boolean {
    const value = this.#entries.get(key);
    return value !== undefined && value !== null;
  }

  get(key: string): unknown {
    return this.#entries.get(key) ?? undefined;
  }

  /** What the loader noted about the whole schema. */
  get notes(): readonly string[] {
    const notes = this.#entries.get(notesKey);
    return Array.isArray(notes) ? notes.map(String) : [];
  }

  /** Path of what stands under a key. */
  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  entries(): [key: unknown, value: unknown][] {
    return [...this.#entries];
  }

  section(key: string): Section | undefined {
    return this.has(key) ? new Section(this.get(key), this.at(key)) : undefined;
  }

  list(key: string): readonly unknown[] | undefined {
    const value = this.get(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw schemaError(this.at(key), `a list is needed here, not ${describe(value)}`);
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "bigint") return String(value);
    throw schemaError(this.at(key), `a text is needed here, not ${describe(value)}`);
  }

  number(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const number = numberOf(value);
    if (number === undefined)
      throw schemaError(this.at(key), `a number is needed here, not ${describe(value)}`);
    return number;
  }

  /** A whole number between two bounds. */
  whole(key: string, low: number, high: number): number | undefined {
    const value = this.number(key);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw schemaError(this.at(key), `a whole number from ${low} to ${high} is needed here, not ${value}`);
  }

  /** A word out of a few. */
  word<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw schemaError(this.at(key), `${describe(value)} is none of ${words.join(", ")}`);
  }
}

export function isMapping(value: unknown): boolean {
  return entriesOf(value) !== undefined;
}

function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

/** A number that is written as one, or as a text such as "0x20". */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && /^\s*[+-]?(0x[0-9a-f]+|\d+(\.\d+)?(e[+-]?\d+)?)\s*$/i.test(value)) {
    const text = value.trim();
    return text.startsWith("-") ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ""));
  }
  return undefined;
}

/** A whole number key, also where JSON made it a text: 3, "3", "0x20". */
export function integerKey(key: unknown): number | undefined {
  const number = numberOf(key);
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

export function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? `"${value.slice(0, 60)}"` : String(value);
}

/** `$v`, `${v}` or `v` as the name of a variable. */
export function variableName(text: string): string {
  return text.replace(/^\$\{?/, "").replace(/\}$/, "");
}
