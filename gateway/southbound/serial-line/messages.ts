import type { Instant } from "../../model/clock.ts";
import type { Device, Point } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import type { PointResult } from "../protocol.ts";
import { bytesOf } from "./escapes.ts";
import { captureJson, hasShape, parseJsonLine, valueAt } from "./json-line.ts";
import { Line, textOf } from "./line.ts";
import { type Captured, type Captures, compileMatcher, type Matcher } from "./matcher.ts";
import { compilePairs, type PairReader } from "./pairs.ts";
import { commandField, flatten, hasAddress, type Step } from "./pattern.ts";
import type { LineAddress, LineDevice, LineHead, MessageSpec } from "./settings.ts";

export type LinePoint = Point<LineAddress>;
export type LineUnit = Device<LineAddress, LineDevice, LineHead>;

/** What one line told one device's profile. */
export interface Decoded {
  readonly message: string;
  /** What it says at a point's address; undefined when the address is not in this line. */
  at(address: LineAddress): Captured | undefined;
}

export type Verdict =
  | { readonly kind: "message"; readonly decoded: Decoded }
  | { readonly kind: "bad-checksum" }
  | { readonly kind: "bad-character" }
  | { readonly kind: "unmatched" };

interface CompiledMessage {
  readonly spec: MessageSpec;
  readonly forms: readonly Matcher[];
  readonly pairs: PairReader | undefined;
  readonly refusals: readonly Matcher[];
  readonly send: Uint8Array | undefined;
}

/** A profile's messages for one address. Compiled once. */
export class MessageSet {
  readonly #head: LineHead;
  readonly #messages: readonly CompiledMessage[];

  /** Throws ConfigError (`missing-address`) when the profile needs an address and there is none. */
  constructor(head: LineHead, address: string | undefined) {
    this.#head = head;
    this.#messages = head.messages.map((spec) => compile(spec, address));
  }

  /** Which message a line is, the first of the profile's whose form and checksum fit; `only`: that one or none. */
  decode(line: Line, only?: string): Verdict {
    let worst: Verdict = { kind: "unmatched" };
    const texts = new Map<Uint8Array, string | undefined>();
    const read = (body: Uint8Array): string | undefined => {
      if (!texts.has(body)) texts.set(body, textOf(body, this.#head));
      return texts.get(body);
    };
    for (const message of this.#messages) {
      const { checksum, name } = message.spec;
      if (only !== undefined && name !== only) continue;
      const checked = checksum && line.checked(checksum);
      if (checked?.outcome === "missing" && !checksum?.optional) continue;
      const text = read(checked?.body ?? line.bytes);
      if (text === undefined) {
        worst = { kind: "bad-character" };
        continue;
      }
      const decoded = decodeText(message, text);
      if (!decoded) continue;
      if (checked?.outcome !== "bad") return { kind: "message", decoded };
      worst = { kind: "bad-checksum" };
    }
    return worst;
  }

  /** The text of a line by which the device refuses the request of a message; undefined for any other line. */
  refusal(bytes: Uint8Array, name: string): string | undefined {
    const message = this.#messages.find(({ spec }) => spec.name === name);
    if (!message || message.refusals.length === 0) return undefined;
    const line = new Line(bytes);
    const { checksum } = message.spec;
    const checked = checksum && line.checked(checksum);
    if (checked && checked.outcome !== "good" && !(checked.outcome === "missing" && checksum?.optional))
      return undefined;
    const text = textOf(checked?.body ?? bytes, this.#head);
    return text !== undefined && message.refusals.some((form) => form.match(text)) ? text : undefined;
  }

  /** The bytes that ask for a message. Throws ConfigError for one that is not asked for. */
  request(name: string): Uint8Array {
    const send = this.#messages.find(({ spec }) => spec.name === name)?.send;
    if (!send) throw new ConfigError(`the message "${name}" has no request`, { code: "no-request" });
    return send;
  }
}

const sets = new WeakMap<LineHead, Map<string | undefined, MessageSet>>();

/** The messages of a device. Throws ConfigError (`missing-address`). */
export function messagesOf(device: LineUnit): MessageSet {
  const head = device.profile.protocolSettings;
  const address = device.settings.address ?? head.address;
  const known = sets.get(head) ?? new Map<string | undefined, MessageSet>();
  sets.set(head, known);
  let set = known.get(address);
  if (!set) {
    set = new MessageSet(head, address);
    known.set(address, set);
  }
  return set;
}

function compile(spec: MessageSpec, address: string | undefined): CompiledMessage {
  const patterns = [
    ...spec.forms,
    ...spec.refusals,
    ...(spec.pairs?.items.values() ?? []),
    spec.request?.send ?? [],
  ];
  if (address === undefined && patterns.some(hasAddress))
    throw new ConfigError(`the message "${spec.name}" needs the device's address`, {
      code: "missing-address",
      hint: "write address: under the device in gateway.yaml",
    });
  const options = { address, absent: spec.absent };
  return {
    spec,
    forms: spec.forms.map((form) => compileMatcher(form, options)),
    pairs: spec.pairs && compilePairs(spec.pairs, options),
    refusals: spec.refusals.map((form) => compileMatcher(form, options)),
    send:
      spec.request && !commandField(spec.request.send)
        ? bytesOf(sentText(spec.request.send, address))
        : undefined,
  };
}

/** The text that the steps of a request stand for; `value`: what it carries. */
export function sentText(steps: readonly Step[], address = "", value = ""): string {
  return flatten(steps)
    .map((step) => {
      if (step.kind === "literal") return step.text;
      if (step.kind === "blank") return " ";
      if (step.kind === "address") return address;
      return step.kind === "field" ? value : "";
    })
    .join("");
}

function decodeText(message: CompiledMessage, text: string): Decoded | undefined {
  const { spec, forms, pairs } = message;
  if (spec.json) {
    const value = parseJsonLine(text);
    if (!value || !hasShape(value, spec.json)) return undefined;
    const at = (address: LineAddress) => captureJson(valueAt(value, address.path ?? ""), address.type);
    return { message: spec.name, at: absentAware(at, spec) };
  }
  for (const form of forms) {
    let captures: Captures | undefined;
    if (pairs) {
      const begun = form.begin(text);
      captures = begun && new Map([...begun.captures, ...pairs(text.slice(begun.end))]);
    } else captures = form.match(text);
    if (captures) return { message: spec.name, at: guarded(captures, spec) };
  }
  return undefined;
}

function absentAware(at: Decoded["at"], { absent }: MessageSpec): Decoded["at"] {
  if (absent.length === 0) return at;
  return (address) => {
    const captured = at(address);
    if (captured?.kind !== "value" || !absent.includes(String(captured.raw))) return captured;
    return { kind: "absent", text: String(captured.raw) };
  };
}

/** Where a field says that the message is not valid, all others have no value. */
function guarded(captures: Captures, { valid }: MessageSpec): Decoded["at"] {
  let refusal: Captured | undefined;
  for (const [field, allowed] of valid) {
    const captured = captures.get(field);
    if (captured?.kind === "value" && allowed.some((one) => one === captured.raw)) continue;
    const said = captured?.kind === "value" ? String(captured.raw) : "missing";
    refusal = { kind: "absent", text: `${field} is ${said}` };
  }
  return ({ field = "" }) => (refusal && !valid.has(field) ? refusal : captures.get(field));
}

/** What a line says about points; nothing for those that it does not hold. */
export function resultsOf(
  decoded: Decoded,
  points: readonly LinePoint[],
  at: Instant,
): PointResult<LineAddress>[] {
  return points.flatMap((point): PointResult<LineAddress>[] => {
    const captured = decoded.at(point.address);
    if (!captured) return [];
    if (captured.kind === "value") return [{ point, at, raw: captured.raw }];
    if (captured.kind === "absent")
      return [{ point, at, problem: "sentinel", detail: JSON.stringify(captured.text) }];
    return [{ point, at, problem: "config-error", detail: captured.detail }];
  });
}
