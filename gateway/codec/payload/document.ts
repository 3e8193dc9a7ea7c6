import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, Parser, parseDocument } from "yaml";
import { notesKey, schemaError } from "./section.ts";
import { Approximate } from "./vectors.ts";

/** Bytes of UTF-8 that a schema may have: several times the longest that is known, and read within 200 ms. */
export const maxSchemaBytes = 64 * 1024;
/** Levels of nesting, aliases followed. */
const maxDepth = 48;
/** Values of a schema after every alias is followed. */
const maxNodes = 200_000;

/**
 * Reads the YAML text of a Payload Schema: mappings become Map (order and types of keys kept), hex
 * payloads stay as written (an unquoted 09 is "09"), fractions of expectations are marked as such.
 * Aliases are followed within bounds. Throws ConfigError.
 */
export function readSchemaText(text: string): unknown {
  const size = Buffer.byteLength(text);
  if (size > maxSchemaBytes)
    throw schemaError(
      "",
      `the schema has ${Math.ceil(size / 1024)} kB; at most ${maxSchemaBytes / 1024} kB are read`,
    );
  boundDepth(text);
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    intAsBigInt: true,
    uniqueKeys: false,
    logLevel: "silent",
  });
  const [error] = document.errors;
  if (error) throw schemaError("", error.message.split("\n")[0] ?? "this is not YAML");
  const reading = new Reading(document);
  const { value } = reading.value(document.contents, []);
  if (value instanceof Map && reading.notes.length > 0) value.set(notesKey, reading.notes);
  return value;
}

/** The parser keeps its own stack; what comes after it recurses. */
function boundDepth(text: string): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > maxDepth * 2) throw schemaError("", `nested deeper than ${maxDepth} levels`);
  }
}

/** A value with what it costs to look at all of it. */
interface Read {
  readonly value: unknown;
  readonly nodes: number;
  readonly depth: number;
}

type Steps = readonly string[];

class Reading {
  readonly #document: Document.Parsed | Document;
  /** Anchored values that are complete; an alias shares them instead of copying. */
  readonly #done = new Map<unknown, Read>();
  readonly #open = new Set<unknown>();
  readonly notes: string[] = [];

  constructor(document: Document.Parsed | Document) {
    this.#document = document;
  }

  value(node: unknown, path: Steps): Read {
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) throw schemaError(path.join("."), `there is no anchor &${node.source}`);
      return this.#done.get(target) ?? this.value(target, path);
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return { value: null, nodes: 1, depth: 1 };
    if (this.#open.has(node)) throw schemaError(path.join("."), "an anchor contains an alias of itself");
    this.#open.add(node);
    const read = isScalar(node)
      ? scalar(node, path)
      : isSeq(node)
        ? this.#list(node.items, path)
        : this.#map(node.items, path);
    this.#open.delete(node);
    if (read.nodes > maxNodes)
      throw schemaError(path.join("."), `more than ${maxNodes} values when its aliases are followed`);
    if (read.depth > maxDepth) throw schemaError(path.join("."), `nested deeper than ${maxDepth} levels`);
    if (node.anchor !== undefined) this.#done.set(node, read);
    return read;
  }

  #list(items: readonly unknown[], path: Steps): Read {
    const read = items.map((item, index) => this.value(item, [...path, String(index)]));
    return total(
      read.map(({ value }) => value),
      read,
    );
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: Steps): Read {
    const entries = new Map<unknown, unknown>();
    const merged = new Map<unknown, unknown>();
    const read: Read[] = [];
    for (const pair of items) {
      const key = this.#key(pair.key, path);
      const one = this.value(pair.value, [...path, String(key)]);
      read.push(one);
      if (key === "<<")
        for (const [name, value] of mergeEntries(one.value)) if (!merged.has(name)) merged.set(name, value);
      if (key === "<<") continue;
      if (entries.has(key))
        this.notes.push(`${[...path, String(key)].join(".")}: the key is there twice; the last one counts`);
      entries.set(key, one.value);
    }
    for (const [name, value] of merged) if (!entries.has(name)) entries.set(name, value);
    return total(entries, read);
  }

  /** A list as a key is the text of a tag: [3, 0x67] is "[3, 103]". */
  #key(node: unknown, path: Steps): unknown {
    const { value } = this.value(node, [...path, "key"]);
    if (Array.isArray(value)) return `[${value.join(", ")}]`;
    if (value instanceof Map || value === null)
      throw schemaError(path.join("."), "a key is a word, a number or a list");
    return value instanceof Approximate ? value.value : value;
  }
}

function total(value: unknown, parts: readonly Read[]): Read {
  return {
    value,
    nodes: parts.reduce((sum, part) => sum + part.nodes, 1),
    depth: parts.reduce((most, part) => Math.max(most, part.depth), 0) + 1,
  };
}

function mergeEntries(value: unknown): [unknown, unknown][] {
  if (value instanceof Map) return [...value];
  return Array.isArray(value) ? value.flatMap(mergeEntries) : [];
}

function scalar(
  node: { value: unknown; source?: string | undefined; type?: string | undefined },
  path: Steps,
): Read {
  const read = (value: unknown): Read => ({ value, nodes: 1, depth: 1 });
  const [top, , key, ...rest] = path;
  if (top === "test_vectors" && rest.length === 0 && (key === "payload" || key === "expected_payload"))
    return read(node.source ?? String(node.value));
  if (typeof node.value === "bigint") {
    const number = Number(node.value);
    return read(Number.isSafeInteger(number) ? number : node.value);
  }
  const fraction = typeof node.value === "number" && Number.isInteger(node.value);
  if (fraction && top === "test_vectors" && key === "expected")
    return read(new Approximate(Number(node.value)));
  return read(node.value);
}
