import { ConfigError } from "../model/errors.ts";
import { placeIn } from "./answer.ts";
import type { CodecFunction } from "./codec.ts";
import type { Broke } from "./messages.ts";

interface ScriptErrorDetails {
  readonly code:
    | "syntax-error"
    | "threw"
    | "no-function"
    | "too-large"
    | "timeout"
    | "out-of-memory"
    | string;
  readonly hint?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** A codec script cannot be used. */
export class ScriptError extends ConfigError {
  /** In the script, from 1. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  constructor(message: string, { line, column, ...details }: ScriptErrorDetails) {
    super(message, details);
    this.line = line;
    this.column = column;
  }
}

const hints: Record<string, string> = {
  "syntax-error":
    "a codec is one plain script: what it imports must be bundled into it; export before a declaration is accepted",
  threw: "the script itself must only define functions: it runs without require, process, timers or network",
  "no-function": "define decodeUplink(input), encodeDownlink(input) or decodeDownlink(input) as in TS013",
  timeout: "what the script does at its top level must end at once",
};

/** Why a script is not accepted, from what its realm said. */
export function refusal(name: string, { code, message, stack = "" }: Broke): ScriptError {
  const place = placeIn(stack);
  const where = place ? `${name}:${place.line}${place.column === undefined ? "" : `:${place.column}`}` : name;
  return new ScriptError(`${where}: ${message}`, { code, hint: hints[code], ...place });
}

/** The functions that a script has, from the list that its realm gave. @throws ScriptError when it has none */
export function functionsIn(name: string, text: string): ReadonlySet<CodecFunction> {
  const functions = new Set<CodecFunction>();
  const listed: unknown = JSON.parse(text);
  for (const found of Array.isArray(listed) ? listed : []) {
    if (found === "decodeUplink" || found === "encodeDownlink" || found === "decodeDownlink")
      functions.add(found);
    else if (found === "Decode" || found === "Decoder") functions.add("decodeUplink");
  }
  if (functions.size > 0) return functions;
  const message = `${name}: the script defines no decodeUplink, encodeDownlink or decodeDownlink`;
  throw new ScriptError(message, { code: "no-function", hint: hints["no-function"] });
}
