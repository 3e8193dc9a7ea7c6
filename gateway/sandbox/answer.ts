import {
  type CodecFailure,
  type CodecFailureCode,
  type Decoded,
  type Encoded,
  type JsonObject,
  type JsonValue,
  limits,
} from "./codec.ts";
import type { JobResult } from "./messages.ts";
import { scriptFile } from "./prelude.ts";

/** LoRaWAN 1.0.4, 4.3.2: ports of applications. */
const lastPort = 223;

const codes: readonly CodecFailureCode[] = [
  "threw",
  "bad-output",
  "out-of-memory",
  "stack-overflow",
  "too-large",
  "timeout",
];

/** Where in the script a stack trace begins. */
export function placeIn(stack: string): { line: number; column: number | undefined } | undefined {
  const found = new RegExp(`\\b${scriptFile.replace(".", "\\.")}:(\\d+)(?::(\\d+))?`).exec(stack);
  if (!found) return undefined;
  return { line: Number(found[1]), column: found[2] === undefined ? undefined : Number(found[2]) };
}

/** An outcome without a result; `errors` says why. */
export function failed(
  codec: string,
  code: CodecFailureCode,
  message: string,
  more: {
    line?: number | undefined;
    warnings?: readonly string[];
    errors?: readonly string[];
    printed?: number;
  } = {},
): { errors: readonly string[]; warnings: readonly string[]; failure: CodecFailure; printed: number } {
  const { line, warnings = [], errors, printed = 0 } = more;
  const told = `codec ${codec}: ${message}${line === undefined ? "" : ` (line ${line})`}`;
  return { errors: errors ?? [told], warnings, failure: { code, message: told, line }, printed };
}

/** What a decoding function returned. The text comes from the realm: nothing in it is taken on trust. */
export function readDecoded(codec: string, result: JobResult): Decoded {
  const answer = readAnswer(codec, result);
  if ("failure" in answer) return answer;
  const { data } = answer.fields;
  if (!isObject(data)) return failed(codec, "bad-output", "its data is not an object");
  if (!isPlain(data)) return failed(codec, "bad-output", "its data has a member named __proto__");
  return { data, ...answer.outcome };
}

/** What an encoding function returned. */
export function readEncoded(codec: string, result: JobResult): Encoded {
  const answer = readAnswer(codec, result);
  if ("failure" in answer) return answer;
  const { bytes: list, fPort } = answer.fields;
  const refuse = (message: string) => failed(codec, "bad-output", message);
  if (!Array.isArray(list)) return refuse("it returned no bytes");
  if (list.length > limits.downlinkBytes) {
    return failed(
      codec,
      "too-large",
      `a downlink takes at most ${limits.downlinkBytes} bytes, not ${list.length}`,
    );
  }
  if (fPort !== undefined && !(Number.isInteger(fPort) && Number(fPort) >= 1 && Number(fPort) <= lastPort)) {
    return refuse(`fPort must be a whole number from 1 to ${lastPort}, not ${JSON.stringify(fPort)}`);
  }
  const bytes = new Uint8Array(list.length);
  const warnings = [...answer.outcome.warnings];
  for (const [index, byte] of list.entries()) {
    if (typeof byte !== "number" || !(byte > -1 && byte < 256)) {
      return refuse(`byte ${index} must be a number from 0 to 255, not ${JSON.stringify(byte)}`);
    }
    // As ChirpStack does: scripts that compute with decimals are tested against it.
    bytes[index] = Math.trunc(byte);
    if (bytes[index] !== byte) warnings.push(`byte ${index} is ${byte}: sent as ${bytes[index]}`);
  }
  return { bytes, ...(fPort === undefined ? {} : { fPort: Number(fPort) }), ...answer.outcome, warnings };
}

type Answer =
  | ReturnType<typeof failed>
  | {
      fields: Record<string, unknown>;
      outcome: { errors: readonly string[]; warnings: readonly string[]; printed: number };
    };

function readAnswer(codec: string, result: JobResult): Answer {
  if ("broke" in result) {
    const { code, message, stack = "" } = result.broke;
    return failed(codec, code === "syntax-error" ? "threw" : code, message, { line: placeIn(stack)?.line });
  }
  const fields = parse(result.text);
  if (!fields) return failed(codec, "crashed", "its realm gave no answer");
  const printed = typeof fields.printed === "number" ? fields.printed : 0;
  if (typeof fields.failure === "string") {
    const said = [fields.name, fields.message]
      .filter((text) => typeof text === "string" && text !== "")
      .join(": ");
    const message = typeof fields.message === "string" ? fields.message : "";
    const code =
      inner(message, result.full === true) ?? codes.find((known) => known === fields.failure) ?? "threw";
    return failed(codec, code, said, {
      line: placeIn(typeof fields.stack === "string" ? fields.stack : "")?.line,
      printed,
    });
  }
  const errors = texts(fields.errors);
  const warnings = texts(fields.warnings);
  if (errors.length > 0) return failed(codec, "errors", errors.join("; "), { errors, warnings, printed });
  return { fields, outcome: { errors, warnings, printed } };
}

/** What the engine threw and the realm's own code caught. */
function inner(message: string, full: boolean): CodecFailureCode | undefined {
  // "[uninitialized]" is how QuickJS shows an exception that it had no memory to make.
  if (full || message === "[uninitialized]" || message === "out of memory" || message === "string too long")
    return "out-of-memory";
  return message === "Maximum call stack size exceeded" ? "stack-overflow" : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether no object in a parsed JSON document has a member that could change another object's prototype. */
function isPlain(value: Record<string, unknown>): value is JsonObject {
  return plain(value);
}

function plain(value: unknown): value is JsonValue {
  if (Array.isArray(value)) return value.every(plain);
  if (!isObject(value)) return true;
  return Object.keys(value).every((name) => name !== "__proto__" && plain(value[name]));
}
