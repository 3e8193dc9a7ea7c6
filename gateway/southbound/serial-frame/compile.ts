import {
  compileExpression,
  ExpressionError,
  type ExpressionValue,
  Fault,
} from "../../codec/expression/expression.ts";
import { hexBytes } from "../../codec/hex.ts";
import { compilePayload, type Payload } from "../../codec/payload/index.ts";
import { GatewayError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { ProtocolFinding } from "../protocol.ts";
import { type FieldKind, fieldKinds } from "./fields.ts";
import type { FrameHead, FrameKind, FrameRequest, Framing } from "./settings.ts";
import { compileShape, type Shape, ShapeProblem } from "./shape.ts";
import { type Stuffing, stuff, stuffingOf } from "./stuffing.ts";
import { compileTemplate, type Template } from "./template.ts";

/** What a profile says about its frames, ready to use. */
export interface CompiledHead {
  readonly head: FrameHead;
  readonly framing: Framing;
  /** Delimiters of stuffed frames. */
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly stuffing: Stuffing | undefined;
  /** Whether the end of one frame may be the start of the next. */
  readonly shared: boolean;
  /** Bytes of a shared delimiter. */
  readonly delimiter: number;
  /** Most bytes of a frame on the line, stuffing included. */
  readonly longest: number;
  readonly shapes: readonly Shape[];
  readonly bodies: ReadonlyMap<string, Body>;
  readonly requests: ReadonlyMap<string, CompiledRequest>;
}

export interface CompiledRequest {
  readonly name: string;
  readonly settings: FrameRequest;
  readonly template: Template;
}

/** What a frame says: raw values by field, or why it says nothing. */
export type Content =
  | { readonly values: Readonly<Record<string, unknown>> }
  | { readonly problem: "sentinel" | "config-error"; readonly detail: string };

/** The fields of one kind of frame. */
export interface Body {
  readonly kinds: ReadonlyMap<string, FieldKind>;
  decode(bytes: Uint8Array): Content;
}

export interface Compilation {
  /** There exactly when there are no findings. */
  readonly compiled: CompiledHead | undefined;
  readonly findings: readonly ProtocolFinding[];
}

const known = new WeakMap<FrameHead, Compilation>();

/** Compiles a head once. Never throws; what is wrong stands in the findings, by its path below the profile's root. */
export function compileHead(head: FrameHead): Compilation {
  const found = known.get(head) ?? compile(head);
  known.set(head, found);
  return found;
}

const root = "serial-frame";

function compile(head: FrameHead): Compilation {
  const findings: ProtocolFinding[] = [];
  const refuse = (path: readonly (string | number)[], code: string, message: string, hint?: string) =>
    findings.push({ path: [root, ...path], code, message, hint });
  const { framing } = head;
  const start = hexBytes(framing.start ?? "");
  const end = hexBytes(framing.end ?? "");
  if (framing.escape && end.length === 0)
    refuse(["framing", "end"], "missing-end", "stuffed frames end with a byte that stands nowhere else");
  const shapes: Shape[] = [];
  const bodies = new Map<string, Body>();
  for (const [name, kind] of Object.entries(head.frames)) {
    if (framing.escape && (kind.start !== undefined || kind.end !== undefined))
      refuse(["frames", name], "own-delimiter", "stuffed frames all have the start and end of the framing");
    try {
      shapes.push(compileShape(name, framing, kind));
    } catch (error) {
      if (!(error instanceof ShapeProblem)) throw error;
      const [key = ""] = error.path;
      const own = Reflect.get(kind, key) !== undefined;
      const where = own || Reflect.get(framing, key) === undefined ? ["frames", name] : ["framing"];
      const path = own || where[0] === "framing" ? [...where, ...error.path.slice(0, 1)] : where;
      refuse(path, "bad-frame", `frame "${name}": ${error.message}`);
    }
    try {
      bodies.set(name, bodyOf(name, kind));
    } catch (error) {
      if (error instanceof ExpressionError)
        refuse(["frames", name, "reject"], "bad-expression", error.message, error.hint);
      else if (error instanceof GatewayError)
        refuse(["frames", name, "fields"], error.code, error.message, error.hint);
      else throw error;
    }
  }
  const requests = new Map<string, CompiledRequest>();
  for (const [name, settings] of Object.entries(head.requests)) {
    try {
      requests.set(name, { name, settings, template: compileTemplate(settings.send) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refuse(["requests", name, "send"], "bad-template", error.message);
    }
  }
  if (findings.length > 0) return { compiled: undefined, findings };
  const longest = Math.max(...shapes.map(({ max }) => max));
  const shared = start.length > 0 && Buffer.compare(start, end) === 0;
  const compiled: CompiledHead = {
    head,
    framing,
    start,
    end,
    stuffing: framing.escape && stuffingOf(framing.escape, [...start, ...end]),
    shared,
    delimiter: framing.escape && shared ? end.length : 0,
    // At worst every byte between the delimiters is escaped.
    longest: framing.escape ? 2 * longest + start.length + end.length : longest,
    shapes,
    bodies,
    requests,
  };
  return { compiled, findings };
}

function bodyOf(name: string, kind: FrameKind): Body {
  if (kind.fields === undefined) {
    return { kinds: new Map(), decode: () => ({ values: {} }) };
  }
  const payload = compilePayload({ name, endian: kind.endian ?? "big", fields: kind.fields });
  const kinds = fieldKinds(payload.fields());
  const reject = kind.reject === undefined ? undefined : guardOf(kind.reject, kinds);
  return { kinds, decode: (bytes) => decode(payload, reject, bytes) };
}

type Guard = (values: Readonly<Record<string, unknown>>) => Content | undefined;

function decode(payload: Payload, reject: Guard | undefined, bytes: Uint8Array): Content {
  const { data, errors } = payload.decode(bytes);
  const [error] = errors;
  if (error !== undefined) return { problem: "config-error", detail: error };
  return reject?.(data) ?? { values: data };
}

function guardOf(text: string, kinds: ReadonlyMap<string, FieldKind>): Guard {
  const scope = new Map(Array.from(kinds, ([name, kind]) => [name, typeOf(kind)]));
  const expression = compileExpression(text, scope, "boolean");
  return (data) => {
    const values: ExpressionValue[] = [];
    for (const { name } of expression.names) {
      const found = fieldOf(data, name, kinds.get(name));
      const value = typeof found === "bigint" ? Number(found) : found;
      if (value === undefined || value instanceof Uint8Array || typeofWord(value) !== scope.get(name))
        return {
          problem: "config-error",
          detail: `${name}, on which it hangs whether the frame counts, is missing`,
        };
      values.push(value);
    }
    const result = expression.evaluate(values);
    if (result instanceof Fault) return { problem: "config-error", detail: `${text}: ${result.reason}` };
    return result === true
      ? { problem: "sentinel", detail: `the device has nothing to say: ${text}` }
      : undefined;
  };
}

function typeOf(kind: FieldKind): "number" | "boolean" | "text" {
  return kind === "integer" || kind === "float" ? "number" : kind === "boolean" ? "boolean" : "text";
}

function typeofWord(value: ExpressionValue): "number" | "boolean" | "text" {
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "text";
}

/** The field of a decoded frame as a raw value; undefined for none. Nested members by `object.member`. */
export function fieldOf(
  values: Readonly<Record<string, unknown>>,
  path: string,
  kind: FieldKind | undefined,
): RawValue | undefined {
  let value: unknown = values;
  for (const step of path.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
  // What no double can hold comes as its decimal text.
  if (kind === "integer" && typeof value === "string") return BigInt(value);
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
    case "string":
      return value;
    default:
      return undefined;
  }
}

/** A request, as it is and as it goes over the line. Throws RangeError for a value that is missing or does not fit. */
export function renderRequest(
  { stuffing, start, end, framing }: CompiledHead,
  { template, settings }: CompiledRequest,
  values: Readonly<Record<string, number | string>>,
): { readonly plain: Uint8Array; readonly bytes: Uint8Array } {
  const plain = template.render({ ...settings.values, ...values });
  let bytes = plain;
  if (stuffing) {
    const last = plain.length - end.length;
    const inner = stuff(plain.subarray(start.length, last), stuffing);
    bytes = Uint8Array.from([...plain.subarray(0, start.length), ...inner, ...plain.subarray(last)]);
  }
  return { plain, bytes: framing.inverted ? bytes.map((byte) => byte ^ 0xff) : bytes };
}
