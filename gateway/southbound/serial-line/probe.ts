import { ConfigError, TransientError } from "../../model/errors.ts";
import { overhear } from "../overhear.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { bytesOf, unescaped } from "./escapes.ts";
import { readNumber } from "./fields.ts";
import { parseJsonLine } from "./json-line.ts";
import { compileMatcher } from "./matcher.ts";
import { parsePattern } from "./pattern.ts";
import { escaped } from "./record.ts";
import type { LineConnection, LineDevice } from "./settings.ts";

/** Silence that parts lines which nothing else does, ms. */
const pauseMs = 50;
/** More kinds of lines are none. */
const mostForms = 30;
const longestLine = 512;

/** What is heard of an instrument, line by line, with a guess of each line's form. `at`: what to send first. */
export async function* probeLines(
  { endpoint }: LineConnection,
  { at, listenMs }: ProbeInput<LineDevice>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const send = at === undefined ? undefined : sentBytes(at);
  const bursts = await overhear(endpoint, { listenMs, pauseMs, send }, context);
  if (bursts.length === 0)
    throw new TransientError("nothing was heard", {
      code: "silent",
      hint: 'check the wires and the baud rate; a device that waits to be asked wants --at "R\\r"',
    });
  yield* lineFindings(bursts.map(({ bytes }) => bytes));
}

function sentBytes(at: string): Uint8Array {
  try {
    return bytesOf(unescaped(at));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(`--at is what to send: ${error.message}`, { code: "bad-place", cause: error });
  }
}

interface Ending {
  readonly written: string;
  readonly bytes: string;
}
const endings: readonly Ending[] = [
  { written: "crlf", bytes: "\r\n" },
  { written: "lfcr", bytes: "\n\r" },
  { written: "cr", bytes: "\r" },
  { written: "lf", bytes: "\n" },
  { written: "etx", bytes: "\x03" },
  { written: "nul", bytes: "\0" },
];

/** Printable, or what makes lines of it. */
const usual = /[ -~\s]/;
/** Levels of a JSON object that a path can name. */
const deepest = 8;

/** What bursts of bytes look like as lines: how they end, each form with its fields, and each line as it was. Pure. */
export function* lineFindings(bursts: readonly Uint8Array[]): Generator<ProbeFinding> {
  const text = bursts.map((bytes) => Buffer.from(bytes).toString("latin1")).join("");
  const strange = [...text].filter((sign) => !usual.test(sign)).length;
  if (strange > text.length / 4) {
    yield {
      at: "-",
      value: escaped(bytesOf(text.slice(0, 200))),
      note: "hardly text: a wrong baud rate or parity, or binary frames (--protocol serial-frame)",
    };
    return;
  }
  const ending = endings.find(({ bytes }) => text.includes(bytes));
  const lines = (
    ending
      ? // The first may be the end of one, and the last its beginning.
        text.split(ending.bytes).slice(0, -1)
      : bursts.map((bytes) => Buffer.from(bytes).toString("latin1"))
  ).filter((line) => line !== "");
  yield {
    at: ending ? `serial-line: {terminator: [${ending.written}]}` : `serial-line: {silence: ${pauseMs}ms}`,
    value: "",
    note: ending ? `${lines.length} lines` : `${lines.length} bursts, without an end that is known`,
  };
  for (const { lines: alike, json } of forms(lines)) {
    const [first = ""] = alike;
    const note = `${alike.length} like it`;
    if (json) yield* jsonFindings(json, first, note);
    else yield { at: `match: ${JSON.stringify(patternOf(alike))}`, value: escaped(bytesOf(first)), note };
  }
}

interface Form {
  readonly lines: string[];
  readonly json: object | undefined;
}

/** Lines of one form: the same but for their numbers; JSON objects with the same members. */
function forms(lines: readonly string[]): readonly Form[] {
  const found = new Map<string, Form>();
  for (const line of lines) {
    const json = parseJsonLine(line);
    const key = json ? `json ${Object.keys(json).sort().join(" ")}` : line.replace(numbers, "#");
    const form = found.get(key);
    if (form) form.lines.push(line);
    else if (found.size < mostForms) found.set(key, { lines: [line], json });
  }
  return [...found.values()];
}

function* jsonFindings(value: object, line: string, note: string): Generator<ProbeFinding> {
  yield { at: `json: {has: [${Object.keys(value).slice(0, 8).join(", ")}]}`, value: line, note };
  yield* members(value, "", 1);
}

function* members(value: object, prefix: string, level: number): Generator<ProbeFinding> {
  for (const [key, member] of Object.entries(value)) {
    const path = `${prefix}${key}`;
    if (typeof member === "object" && member !== null) {
      if (level < deepest) yield* members(member, `${path}.`, level + 1);
    } else {
      // A number in quotes is one, too.
      const isText = typeof member === "string" && readNumber(member) === undefined;
      const type = isText ? ", type: text" : typeof member === "boolean" ? ", type: boolean" : "";
      yield { at: `{message: ..., path: ${path}${type}}`, value: JSON.stringify(member) };
    }
  }
}

const numbers = /[+-]?\d+(?:\.\d*)?/g;

/**
 * The form that all these lines have, in the words of a profile: numbers become fields, all else stands
 * for itself.
 */
export function patternOf(lines: readonly string[]): string {
  const all = lines.map((line) => line.match(numbers) ?? []);
  const kinds = (all[0] ?? []).map((_, place) =>
    all.every((found) => /^[+-]?\d+$/.test(found[place] ?? "")) ? "integer" : "number",
  );
  const [first = ""] = lines;
  let pattern = "";
  let end = 0;
  for (const [place, match] of [...first.matchAll(numbers)].entries()) {
    pattern += `${literal(first.slice(end, match.index))}{field${place + 1}:${kinds[place]}}`;
    end = match.index + match[0].length;
  }
  pattern += literal(first.slice(end));
  return fitsAll(pattern, lines) ? pattern : literal(first);
}

function fitsAll(pattern: string, lines: readonly string[]): boolean {
  try {
    const matcher = compileMatcher(parsePattern(pattern.trim()));
    return lines.every((line) => matcher.match(line.trim()) !== undefined);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Text that stands for itself in a pattern, where one blank is any run of blanks. */
function literal(text: string): string {
  return text
    .slice(0, longestLine)
    .replace(/[\\{}[\]]/g, (sign) => `\\${sign}`)
    .replace(/[ \t]+/g, " ")
    .replace(/[^\x20-\x7e]/g, (sign) => escaped(bytesOf(sign)));
}
