import type { YAMLParseError } from "yaml";
import { alternatives } from "./suggest.ts";

/** What a diagnostic says, before it knows where it stands. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly severity?: "error" | "warning" | undefined;
  /** The part of a text that it is about: offsets in what the text says, not in how YAML writes it. */
  readonly within?: Range | undefined;
}

/** Offsets into the text, the second one not included. */
export type Range = readonly [from: number, to: number];

/** The parser's errors in words that say what to do, and where a person should look. */
export function explain(error: YAMLParseError, text: string): { range: Range; finding: Finding } {
  const [from, to] = error.pos;
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const line = /^([ \t]*)([^\n]*)/.exec(text.slice(start)) ?? ["", "", ""];
  const [, indent = "", written = ""] = line;
  const message = firstLine(error.message);
  if (error.code === "TAB_AS_INDENT" || /^ *\t/.test(indent)) {
    const hint = "replace each tab by two spaces";
    const finding = { code: "tab", message: "a tab stands where the indentation must be spaces", hint };
    return { range: [start + indent.indexOf("\t"), start + indent.length], finding };
  }
  const sameColumn = "the keys of one block all start in the same column";
  if (/flow (map|sequence|collection)/i.test(message) && /indented|expected|must end/.test(message)) {
    const bracket = /map/i.test(message) ? "{" : "[";
    const finding = {
      code: "syntax",
      message: `a "${bracket}" is opened further up and not closed before here`,
    };
    return { range: [start + indent.length, start + indent.length + firstWord(written)], finding };
  }
  switch (error.code) {
    case "BAD_INDENT": {
      const columns = blockColumns(text.slice(0, start), indent.length);
      const hint = `${sameColumn}: this one starts in column ${indent.length + 1}, the blocks above in ${columns}`;
      const finding = { code: "indentation", message: "wrong indentation", hint };
      return { range: [start + indent.length, start + indent.length + firstWord(written)], finding };
    }
    case "BLOCK_AS_IMPLICIT_KEY":
    case "MULTILINE_IMPLICIT_KEY": {
      if (!written.includes(":")) return missingColon(text, from);
      const below = /^[^\n]*\n\s*?( *)\S/.exec(text.slice(start))?.[1] ?? "";
      if (/^[^\s:]+: +[^\s#]/.test(written) && below.length > indent.length) {
        const message = `the line below is indented deeper, but this key already has a value`;
        const range: Range = [start + indent.length, start + indent.length + firstWord(written)];
        const hint = "one of the two lines has the wrong indentation";
        return { range, finding: { code: "indentation", message, hint } };
      }
      const hint = `${sameColumn}; a text with ": " in it needs quotes`;
      return {
        range: [from, to],
        finding: { code: "indentation", message: "a key cannot stand here", hint },
      };
    }
    case "MISSING_CHAR":
      if (/quote/.test(message)) {
        return {
          range: [from, to],
          finding: { code: "syntax", message: "a text has no closing quote before here" },
        };
      }
      if (/implicit map keys/i.test(message)) return missingColon(text, from);
      break;
    case "BAD_ALIAS": {
      const hint = "a text that starts with * needs quotes";
      return { range: [from, to], finding: { code: "alias", message: "an alias is not read here", hint } };
    }
  }
  return { range: [from, to], finding: { code: "syntax", message: `this is not YAML: ${message}` } };
}

/** The columns (from 1) in which blocks above start, the ones nearest to `indent` last. */
function blockColumns(above: string, indent: number): string {
  const columns = new Set(
    Array.from(above.matchAll(/^( *)(?:- +)?[^\s#-][^\n]*$/gm), ([line, spaces = ""]) =>
      /^ *- /.test(line) ? line.search(/[^ -]/) + 1 : spaces.length + 1,
    ),
  );
  return alternatives(
    [...columns]
      .filter((column) => Math.abs(column - indent - 1) <= 4)
      .sort((a, b) => a - b)
      .map((column) => `column ${column}`),
  );
}

function missingColon(text: string, from: number): { range: Range; finding: Finding } {
  const finding = { code: "syntax", message: 'a ":" and a value are missing after this key' };
  return { range: [from, from + firstWord(text.slice(from))], finding };
}

function firstWord(written: string): number {
  return Math.max(1, /^[^\s:]*/.exec(written)?.[0].length ?? 1);
}

function firstLine(message: string): string {
  const line = message.split("\n")[0] ?? message;
  return line.charAt(0).toLowerCase() + line.slice(1);
}
