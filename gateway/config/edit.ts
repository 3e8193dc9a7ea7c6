import { isDeepStrictEqual } from "node:util";
import { isMap, isPair, isScalar, isSeq, Lexer, Pair, parseDocument, type YAMLMap } from "yaml";
import { parseYaml } from "../codec/yaml.ts";
import { ConfigError } from "../model/errors.ts";
import { block, endOfLine, flow, newline, putLines, scalar } from "./yaml-lines.ts";

// Edits of gateway.yaml that leave the rest of a person's text as it is: pieces are put in and taken out by
// where they stand. What comes out is read again, and only given back when it says what was wanted and no more.

/** Sets the value at a path (mappings on the way are made), or takes an entry out. Paths lead through mappings only. */
export type Edit =
  | { readonly path: readonly string[]; readonly set: unknown }
  | { readonly path: readonly string[]; readonly remove: true };

/**
 * The text with these edits; comments, order and style of everything else stay. Throws ConfigError
 * (`cannot-edit`) where the text is no readable YAML or cannot be edited so.
 */
export function editYaml(text: string, edits: readonly Edit[]): string {
  return edits.reduce(
    (so, edit) => editOnce(so, "set" in edit ? { ...edit, set: plain(edit.set) } : edit),
    text,
  );
}

function editOnce(text: string, edit: Edit): string {
  const wanted = applied(read(text), edit);
  for (const attempt of [spliced, rewritten]) {
    const made = attempt(text, edit);
    if (made === undefined) continue;
    const { document } = parseYaml(made.text, "");
    if (document && isDeepStrictEqual(document.value, wanted) && countComments(made.text) === made.comments)
      return made.text;
  }
  throw new ConfigError(`${edit.path.join(".")} cannot be changed in this text`, {
    code: "cannot-edit",
    hint: "change it by hand: it is written in a way that only a person should touch",
  });
}

interface Made {
  readonly text: string;
  /** How many comments it must have. */
  readonly comments: number;
}

function read(text: string): unknown {
  const { document, diagnostics } = parseYaml(text, "gateway.yaml");
  if (document) return document.value;
  const [first] = diagnostics;
  throw new ConfigError(`gateway.yaml:${first?.line}: ${first?.message}`, {
    code: "cannot-edit",
    hint: "correct the text first",
  });
}

/** The plain data after an edit. */
function applied(value: unknown, edit: Edit): unknown {
  const [step, ...rest] = edit.path;
  if (step === undefined) return value;
  if (!isRecord(value) && value !== null && value !== undefined)
    throw new ConfigError(`${step} has no place in this text: what is there is no mapping`, {
      code: "cannot-edit",
    });
  const here: Record<string, unknown> = { ...value };
  if (rest.length > 0) here[step] = applied(here[step], { ...edit, path: rest });
  else if ("set" in edit) here[step] = edit.set;
  else delete here[step];
  return here;
}

/** Only what a text can say: no undefined, no prototypes. */
function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function countComments(text: string): number {
  let found = 0;
  for (const lexeme of new Lexer().lex(text)) if (lexeme.startsWith("#")) found++;
  return found;
}

/** By pieces of the text; undefined where that is not to be had. */
function spliced(text: string, edit: Edit): Made | undefined {
  const document = parseDocument(text, { version: "1.2", schema: "core", intAsBigInt: true });
  const comments = countComments(text);
  let map: unknown = document.contents;
  let owner: Pair | undefined;
  for (const [depth, step] of edit.path.entries()) {
    if (!isMap(map)) {
      const value = "set" in edit ? nested(edit.path.slice(depth), edit.set) : undefined;
      const whole = value && filled(text, owner, map, value);
      return whole === undefined ? undefined : { text: whole, comments };
    }
    const pair = map.items.find(({ key }) => keyOf(key) === step);
    if (!pair) {
      if (!("set" in edit)) return { text, comments };
      const value = nested(edit.path.slice(depth), edit.set);
      const grown = map.items.length === 0 ? filled(text, owner, map, value) : inserted(text, map, value);
      return grown === undefined ? undefined : { text: grown, comments };
    }
    if (depth === edit.path.length - 1) {
      if ("set" in edit) return replaced(text, pair, edit.set, map.flow === true, comments);
      return removed(text, map, pair, owner, comments);
    }
    owner = pair;
    map = pair.value;
  }
  return undefined;
}

/** By the library, which keeps comments and order, and writes blanks in its own way. */
function rewritten(text: string, edit: Edit): Made {
  const options = { version: "1.2", schema: "core", intAsBigInt: true } as const;
  const written = parseDocument(text, options);
  // A lone `~` says nothing either, but the library puts nothing into it.
  const document = isScalar(written.contents) ? parseDocument("", options) : written;
  let depth = edit.path.length;
  while (depth > 1 && !isMap(document.getIn(edit.path.slice(0, depth - 1)))) depth--;
  const value =
    "set" in edit ? nested(edit.path.slice(depth - 1), edit.set)[edit.path[depth - 1] ?? ""] : undefined;
  if ("set" in edit) document.setIn(edit.path.slice(0, depth), document.createNode(value));
  else document.deleteIn(edit.path);
  const style = { lineWidth: 0, flowCollectionPadding: false } as const;
  return { text: document.toString(style), comments: countComments(text) };
}

function keyOf(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}

function nested(path: readonly string[], value: unknown): Record<string, unknown> {
  const [step = "", ...rest] = path;
  return { [step]: rest.length === 0 ? value : nested(rest, value) };
}

/** A new entry behind the last one of a mapping. */
function inserted(text: string, map: YAMLMap, value: Record<string, unknown>): string | undefined {
  const last = map.items.at(-1);
  const first = map.items[0];
  if (!last || !first || !isScalar(first.key) || !first.key.range) return undefined;
  const end = endOf(last);
  if (end === undefined) return undefined;
  if (map.flow) return `${text.slice(0, end)}, ${flow(value).slice(1, -1)}${text.slice(end)}`;
  const indent = first.key.range[0] - (text.lastIndexOf("\n", first.key.range[0] - 1) + 1);
  const place = endOfLine(text, end);
  const gap = hasGap(text, map) ? newline(text) : "";
  return putLines(text, place, gap + block(text, value, indent));
}

/** The entries of a mapping that has none yet: behind `{}`, behind the bare key, or at the end of the text. */
function filled(
  text: string,
  owner: Pair | undefined,
  node: unknown,
  value: Record<string, unknown>,
): string | undefined {
  const empty = isMap(node) && node.items.length === 0;
  if (!empty && node !== null && !(isScalar(node) && node.value === null)) return undefined;
  if (!owner) return empty ? undefined : putLines(text, text.length, block(text, value, 0));
  if (!isScalar(owner.key) || !owner.key.range) return undefined;
  const [from, to] = owner.key.range;
  const start = text.lastIndexOf("\n", from - 1) + 1;
  // Inside of a flow mapping, or behind a dash.
  if (text.slice(start, from).trim() !== "") return undefined;
  const range = rangeOf(node) ?? ([to, to] as const);
  const bare = range[1] > range[0] ? text.slice(0, range[0]).trimEnd() + text.slice(range[1]) : text;
  return putLines(bare, endOfLine(bare, to), block(text, value, from - start + 2));
}

/** Another value in the place of one. */
function replaced(
  text: string,
  pair: Pair,
  value: unknown,
  inFlow: boolean,
  comments: number,
): Made | undefined {
  const { key, value: old } = pair;
  if (!isScalar(key) || !key.range) return undefined;
  const written = typeof value === "object" && value !== null ? flow(value) : scalar(value, inFlow);
  const colon = text.indexOf(":", key.range[1]) + 1;
  const isBlock = isScalar(old) ? old.type?.startsWith("BLOCK") : (isMap(old) || isSeq(old)) && !old.flow;
  const range = rangeOf(old) ?? ([colon, colon] as const);
  const bare = isBlock || range[1] === range[0];
  const end = endOf(pair);
  const [from, to] = bare ? [colon, isBlock ? end : colon] : range;
  if (colon === 0 || to === undefined) return undefined;
  const gone = text.slice(from, to);
  const lineEnd = isBlock && gone.endsWith("\n") ? newline(text) : "";
  return {
    text: text.slice(0, from) + (bare ? " " : "") + written + lineEnd + text.slice(to),
    comments: comments - countComments(gone),
  };
}

function removed(
  text: string,
  map: YAMLMap,
  pair: Pair,
  owner: Pair | undefined,
  comments: number,
): Made | undefined {
  const end = endOf(pair);
  if (!isScalar(pair.key) || !pair.key.range || end === undefined) return undefined;
  const [from] = pair.key.range;
  const without = (start: number, stop: number, instead = ""): Made => ({
    text: text.slice(0, start) + instead + text.slice(stop),
    comments: comments - countComments(text.slice(start, stop)),
  });
  if (map.flow) {
    const place = map.items.indexOf(pair);
    const next = map.items[place + 1]?.key;
    if (isScalar(next) && next.range) return without(from, next.range[0]);
    const before = map.items[place - 1];
    return without(before ? (endOf(before) ?? from) : from, end);
  }
  const start = text.lastIndexOf("\n", from - 1) + 1;
  if (text.slice(start, from).trim() !== "") return undefined;
  const made = without(start, endOfLine(text, end));
  if (map.items.length > 1 || !owner) return made;
  // The last one: an empty mapping is written as one.
  if (!isScalar(owner.key) || !owner.key.range) return undefined;
  const colon = made.text.indexOf(":", owner.key.range[1]);
  return { ...made, text: `${made.text.slice(0, colon + 1)} {}${made.text.slice(colon + 1)}` };
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return undefined;
  return node.range ? [node.range[0], node.range[1]] : undefined;
}

/** Where the last thing of an entry ends; undefined where the library does not say. */
function endOf({ key, value }: Pair): number | undefined {
  if ((isMap(value) || isSeq(value)) && !value.flow) {
    const last = value.items.at(-1);
    // An entry of a list is looked at like one of a mapping.
    return last === undefined ? undefined : endOf(isPair(last) ? last : new Pair(key, last));
  }
  if (isScalar(value) || isMap(value) || isSeq(value)) return value.range?.[1];
  return isScalar(key) ? key.range?.[1] : undefined;
}

/** Whether people leave a line empty between the entries. */
function hasGap(text: string, { items }: YAMLMap): boolean {
  const last = items.at(-1)?.key;
  const before = items.at(-2);
  const end = before && endOf(before);
  return (
    end !== undefined &&
    isScalar(last) &&
    !!last.range &&
    /\n[ \t]*\r?\n/.test(text.slice(end - 1, last.range[0]))
  );
}
