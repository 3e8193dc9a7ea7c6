// Where a cursor stands in a YAML text, by its lines alone: the text is being typed, and seldom whole.

export interface YamlCursor {
  /** Keys above the cursor, the outermost first; "0" stands for any item of a list. */
  readonly parents: readonly string[];
  /** The key under the cursor, or whose value it is in. */
  readonly key: string | undefined;
  /** What is being typed: the key, or the value when there is a `key` and the cursor is behind its colon. */
  readonly typed: string;
  /** The cursor is where a value stands. */
  readonly inValue: boolean;
}

interface Line {
  /** Columns of the dashes of list items. */
  readonly dashes: readonly number[];
  /** Where the key, or else the content, begins. */
  readonly start: number;
  readonly key: string | undefined;
  /** Behind the colon. */
  readonly keyEnd: number;
  readonly blank: boolean;
}

const keyPattern = /^("[^"]*"|'[^']*'|[^\s:#{}[\],&*!|>'"%@`-][^\s:#{}[\],]*|-[^\s:#{}[\],]+)\s*:(?=\s|$)/;

function lineOf(text: string): Line {
  const dashes: number[] = [];
  let at = text.length - text.trimStart().length;
  while (text[at] === "-" && (text[at + 1] === " " || text[at + 1] === undefined)) {
    dashes.push(at);
    at++;
    while (text[at] === " ") at++;
  }
  const rest = text.slice(at);
  const found = keyPattern.exec(rest);
  return {
    dashes,
    start: at,
    key: found?.[1]?.replaceAll(/^["']|["']$/g, ""),
    keyEnd: at + (found?.[0].length ?? 0),
    blank: dashes.length === 0 && (rest === "" || rest.startsWith("#")),
  };
}

/** Where the cursor is, `offset` characters into the text. */
export function cursorAt(text: string, offset: number): YamlCursor {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const nextBreak = text.indexOf("\n", offset);
  const whole = text.slice(lineStart, nextBreak < 0 ? text.length : nextBreak);
  const column = offset - lineStart;
  const own = lineOf(whole);
  const above = keysAbove(text.slice(0, lineStart), own.blank ? column : (own.dashes[0] ?? own.start));
  for (const _dash of own.dashes) above.push("0");
  if (own.key === undefined || column < own.keyEnd) {
    if (own.key === undefined && /[{[]/.test(whole.slice(own.start, column)))
      return inFlow(above, undefined, whole.slice(own.start, column));
    const typed = whole.slice(Math.min(own.start, column), column).trimStart();
    return { parents: above, key: own.key ?? wordAround(whole, column), typed, inValue: false };
  }
  return inFlow(above, own.key, whole.slice(own.keyEnd, column));
}

/** Keys of the lines above that hold what begins in this column. */
function keysAbove(text: string, column: number): string[] {
  const keys: string[] = [];
  let limit = column;
  const lines = text.split("\n");
  for (let index = lines.length - 1; index >= 0 && limit > 0; index--) {
    const line = lineOf(lines[index] ?? "");
    if (line.blank) continue;
    // From the inside out: a key, then the dashes before it.
    if (line.key !== undefined && line.start < limit) {
      keys.unshift(line.key);
      limit = line.start;
    }
    for (const dash of line.dashes.toReversed()) {
      if (dash >= limit) continue;
      keys.unshift("0");
      limit = dash;
    }
  }
  return keys;
}

/** Within `{...}` and `[...]` on one line. */
function inFlow(above: readonly string[], key: string | undefined, before: string): YamlCursor {
  const outer: string[] = [...above];
  const levels: { key: string | undefined; list: boolean }[] = [{ key, list: false }];
  let token = "";
  let quote = "";
  for (const sign of before) {
    if (quote) {
      if (sign === quote) quote = "";
      else token += sign;
      continue;
    }
    const level = levels.at(-1);
    if ((sign === '"' || sign === "'") && token.trim() === "") {
      quote = sign;
      token = "";
    } else if (sign === "{" || sign === "[") {
      levels.push({ key: sign === "[" ? "0" : undefined, list: sign === "[" });
      token = "";
    } else if (sign === "}" || sign === "]") {
      if (levels.length > 1) levels.pop();
      token = "";
    } else if (sign === ",") {
      if (level && !level.list && levels.length > 1) level.key = undefined;
      token = "";
    } else if (sign === ":" && level && !level.list && level.key === undefined) {
      level.key = token.trim();
      token = "";
    } else token += sign;
  }
  const inner = levels.at(-1);
  const parents = [
    ...outer,
    ...levels.slice(0, -1).flatMap((level) => (level.key === undefined ? [] : [level.key])),
  ];
  if (inner?.list) parents.push("0");
  const inValue = inner?.key !== undefined;
  return {
    parents,
    key: inner?.list ? undefined : (inner?.key ?? (token.trim() || undefined)),
    typed: token.trimStart(),
    inValue,
  };
}

function wordAround(line: string, column: number): string | undefined {
  const before = /[\w./-]*$/.exec(line.slice(0, column))?.[0] ?? "";
  const behind = /^[\w./-]*/.exec(line.slice(column))?.[0] ?? "";
  return before + behind || undefined;
}
