import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from "yaml";
import type { Diagnostic } from "../model/diagnostic.ts";
import { explain, type Finding, type Range } from "./syntax-error.ts";

// YAML 1.2 core as far as configuration needs it: mappings, lists and scalars. What can surprise or
// explode (aliases, anchors, tags, merge keys, several documents, deep nesting) is refused.

/** Bytes of UTF-8 that a file may have. */
export const maxYamlBytes = 64 * 1024;
/** Levels of nesting that a file may have. */
const maxYamlDepth = 32;

export type Path = readonly (string | number)[];

/** Where something stands in the text. Lines and columns count from 1. */
export interface Span {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  /** When it is another file than the document's: what was taken over from there. */
  readonly file?: string;
}

/** A parsed file that still knows where everything stands. */
export interface YamlDocument {
  readonly file: string;
  readonly text: string;
  /** Plain data. Integers outside the safe range are bigint; keys are always strings (`0x10:` is "16"). */
  readonly value: unknown;
  /**
   * Where the value (or the key) at a path stands; the nearest parent when the path leads nowhere.
   * `within`: only that part of a text, where it can be found.
   */
  span(path: Path, part: "key" | "value", within?: Range): Span;
  /** A scalar as it was written, so that 0.1 stays the decimal 0.1. Undefined for anything else. */
  source(path: Path): string | undefined;
  /** Keys of the mapping at a path, in written order. */
  keys(path: Path): string[];
}

/** Places a finding at the key or value of a path. */
export function diagnose(
  document: YamlDocument,
  path: Path,
  part: "key" | "value",
  finding: Finding,
): Diagnostic {
  const { code, message, hint, severity = "error", within } = finding;
  return { severity, code, message, hint, file: document.file, ...document.span(path, part, within) };
}

/** Diagnostics in reading order, without repetitions. */
export function sorted(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics
    .filter((one) => {
      const key = `${one.line}:${one.column}:${one.code}:${one.message}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

interface Located {
  readonly key: Range | undefined;
  readonly value: Range;
  readonly source: string | undefined;
  readonly children: Map<string, Located> | undefined;
}

/**
 * Reads YAML text. Never throws; `document` is there exactly when no diagnostic is an error. A
 * syntax error hides everything after it, so only the first one is reported.
 */
export function parseYaml(
  text: string,
  file: string,
): { document?: YamlDocument; diagnostics: readonly Diagnostic[] } {
  const lines = lineStarts(text);
  const at = (range: Range, finding: Finding): Diagnostic => ({
    severity: "error",
    code: finding.code,
    message: finding.message,
    hint: finding.hint,
    file,
    ...spanOf(text, lines, range),
  });
  if (Buffer.byteLength(text) > maxYamlBytes) {
    const kilobytes = Math.ceil(Buffer.byteLength(text) / 1024);
    return {
      diagnostics: [
        at([0, 1], {
          code: "file-too-large",
          message: `the file has ${kilobytes} kB; at most ${maxYamlBytes / 1024} kB are read`,
        }),
      ],
    };
  }
  const parser = new Parser();
  const tokens = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // The parser keeps its own stack; what comes after it recurses, so depth is bounded here.
    if (parser.stack.length > maxYamlDepth + 2) {
      const finding = { code: "too-deep", message: `nested deeper than ${maxYamlDepth} levels` };
      return { diagnostics: [at([parser.offset, parser.offset + 1], finding)] };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  const composer = new Composer({ version: "1.2", schema: "core", intAsBigInt: true, uniqueKeys: false });
  const [first, second] = composer.compose(tokens, true, text.length);
  const error = first?.errors[0];
  if (error) {
    const { range, finding } = explain(error, text);
    return { diagnostics: [at(range, finding)] };
  }
  if (second) {
    const finding = {
      code: "several-documents",
      message: "a second document starts here; one file is one document",
    };
    return { diagnostics: [at([second.range[0], second.range[0] + 3], finding)] };
  }
  const walk = new Walk(at);
  const { value, located } = walk.node(first?.contents ?? null, undefined, [0, 1]);
  if (walk.diagnostics.length > 0) return { diagnostics: sorted(walk.diagnostics) };
  const nearest = (path: Path): { found: Located; exact: boolean } => {
    let found = located;
    for (const step of path) {
      const next = found.children?.get(String(step));
      if (!next) return { found, exact: false };
      found = next;
    }
    return { found, exact: true };
  };
  const document: YamlDocument = {
    file,
    text,
    value,
    span: (path, part, within) => {
      const { found, exact } = nearest(path);
      const inside = within && exact && part === "value" ? partOf(text, found, within) : undefined;
      return spanOf(text, lines, inside ?? (part === "key" || !exact ? found.key : undefined) ?? found.value);
    },
    source: (path) => {
      const { found, exact } = nearest(path);
      return exact ? found.source : undefined;
    },
    keys: (path) => {
      const { found, exact } = nearest(path);
      return exact ? [...(found.children?.keys() ?? [])] : [];
    },
  };
  return { document, diagnostics: [] };
}

/** Turns nodes into plain data and remembers where each stood. */
class Walk {
  readonly diagnostics: Diagnostic[] = [];
  readonly #at: (range: Range, finding: Finding) => Diagnostic;

  constructor(at: (range: Range, finding: Finding) => Diagnostic) {
    this.#at = at;
  }

  node(node: unknown, key: Range | undefined, fallback: Range): { value: unknown; located: Located } {
    const nothing = {
      value: null,
      located: { key, value: key ?? fallback, source: undefined, children: undefined },
    };
    if (isAlias(node)) {
      return this.#refuse(node.range, "alias", `an alias (*${node.source}) is not read here`, nothing);
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return nothing;
    const [from, to] = node.range ?? fallback;
    if (node.anchor !== undefined)
      return this.#refuse([from, to], "anchor", `an anchor (&${node.anchor}) is not read here`, nothing);
    if (node.tag !== undefined)
      return this.#refuse([from, to], "tag", `a tag (${node.tag}) is not read here`, nothing);
    if (isScalar(node)) {
      // An empty value has no place of its own: point at its key.
      const value: Range = from === to ? (key ?? fallback) : [from, to];
      return {
        value: plain(node.value),
        located: { key, value, source: from === to ? undefined : node.source, children: undefined },
      };
    }
    const children = new Map<string, Located>();
    const located = { key, value: [from, to] as const, source: undefined, children };
    if (isSeq(node)) {
      const value = node.items.map((item, index) => {
        const child = this.node(item, undefined, [from, to]);
        children.set(String(index), child.located);
        return child.value;
      });
      return { value, located };
    }
    const value: Record<string, unknown> = {};
    for (const pair of node.items) {
      const keyRange: Range = rangeOf(pair.key) ?? [from, to];
      const name = this.#keyName(pair.key, keyRange);
      if (name === undefined) continue;
      if (children.has(name)) {
        const finding = {
          code: "duplicate-key",
          message: `the key "${name}" is here twice`,
          hint: "keep one of them; the first is further up in the same block",
        };
        this.diagnostics.push(this.#at(keyRange, finding));
        continue;
      }
      const child = this.node(pair.value, keyRange, keyRange);
      children.set(name, child.located);
      value[name] = child.value;
    }
    return { value, located };
  }

  #keyName(key: unknown, range: Range): string | undefined {
    if (isAlias(key) || (isScalar(key) && (key.anchor !== undefined || key.tag !== undefined))) {
      this.node(key, range, range);
      return undefined;
    }
    const value = isScalar(key) ? key.value : undefined;
    if (value === "<<")
      return this.#refuse(range, "merge-key", "a merge key (<<) is not read here", undefined);
    const named = typeof value === "string" || typeof value === "bigint" || typeof value === "boolean";
    if (!named || value === "__proto__") {
      this.diagnostics.push(
        this.#at(range, { code: "bad-key", message: "a key must be a word or a whole number" }),
      );
      return undefined;
    }
    return String(value);
  }

  #refuse<T>(range: readonly number[] | null | undefined, code: string, message: string, instead: T): T {
    const [from = 0, to = from + 1] = range ?? [];
    this.diagnostics.push(
      this.#at([from, to], { code, message, hint: "write the value out where it is used" }),
    );
    return instead;
  }
}

function rangeOf(node: unknown): Range | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return undefined;
  return node.range ? [node.range[0], node.range[1]] : undefined;
}

function plain(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/**
 * Where a part of a scalar's text stands in the file. Quotes, escapes and folded lines move things: so
 * the characters are looked for one by one, white space left out. Undefined when they cannot be followed.
 */
function partOf(
  text: string,
  { value: [from, to], source }: Located,
  [first, last]: Range,
): Range | undefined {
  if (source === undefined) return undefined;
  const places: number[] = [];
  // No plain text begins with a quote.
  let at = text[from] === '"' || text[from] === "'" ? from + 1 : from;
  for (const character of source) {
    const found = /\s/.test(character) ? at : text.indexOf(character, at);
    if (found < 0 || found >= to) return undefined;
    for (let unit = 0; unit < character.length; unit++) places.push(found + unit);
    at = /\s/.test(character) ? at : found + character.length;
  }
  // What comes too early stands behind the last character.
  const start = places[first] ?? (places.at(-1) ?? from) + 1;
  const end = last > first ? (places[last - 1] ?? start) + 1 : start + 1;
  return [start, Math.max(start + 1, end)];
}

/** A range as line, column and the length of what stands on its first line. */
function spanOf(text: string, starts: readonly number[], [from, to]: Range): Span {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= from) low = middle;
    else high = middle - 1;
  }
  const start = starts[low]!;
  const end = low + 1 < starts.length ? starts[low + 1]! - 1 : text.length;
  const written = text.slice(from, Math.max(from, Math.min(to, end))).trimEnd();
  return { line: low + 1, column: from - start + 1, length: Math.max(1, written.length) };
}
