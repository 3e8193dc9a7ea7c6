import { ValueError } from "../../codec/numbers.ts";
import { ConfigError, RefusedError, TransientError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import { LineDeframer } from "../line-deframer.ts";
import type { WriteFrame } from "../protocol.ts";
import { bytesOf } from "./escapes.ts";
import { Line } from "./line.ts";
import { type LineUnit, messagesOf, sentText } from "./messages.ts";
import { commandField, type FieldStep } from "./pattern.ts";
import type { LineAddress, LineHead, MessageSpec, PolledBy } from "./settings.ts";

/** A message whose request carries a value to a device. */
export interface LineOrder {
  readonly message: string;
  readonly request: PolledBy;
  readonly bytes: Uint8Array;
  /** Nothing answers it. */
  readonly unanswered: boolean;
  /** For people: `set_level by "L5\r"`. */
  readonly label: string;
  /** Whether a line answers or refuses it. */
  accepts(line: Uint8Array): boolean;
  /**
   * Looks at a line that `accepts` took. Throws RefusedError (`refused`) and TransientError (`bad-echo`:
   * a field named as the value holds another one).
   */
  confirm(line: Uint8Array): void;
}

/** Why nothing can be written at an address; undefined for a value of a request. */
export function writable({ value, field, path }: LineAddress): { message: string; hint: string } | undefined {
  if (value !== undefined) return undefined;
  return {
    message: `"${field ?? path}" is what the device says: it cannot be written`,
    hint: "name the message whose request carries the value: write: {at: {message: ..., value: ...}}",
  };
}

/** Throws ValueError when the value does not fit, ConfigError when there is no such message or no address. */
export function orderOf(device: LineUnit, address: LineAddress, raw: RawValue): LineOrder {
  const refused = writable(address);
  if (refused) throw new ValueError(refused.message, { code: "not-writable", hint: refused.hint });
  const head = device.profile.protocolSettings;
  const messages = messagesOf(device);
  const spec = head.messages.find(({ name }) => name === address.message);
  const field = commandField(spec?.request?.send ?? []);
  if (!spec?.request || !field || field.name !== address.value)
    throw new ConfigError(`no request of "${address.message}" carries a {${address.value}:...}`, {
      code: "no-request",
    });
  const text = sentText(
    spec.request.send,
    device.settings.address ?? head.address,
    written(field, raw, head),
  );
  const { request } = spec;
  return {
    message: spec.name,
    request,
    bytes: bytesOf(text),
    unanswered: !isAnswered(spec),
    label: `${spec.name} by ${JSON.stringify(text)}`,
    accepts: (line) =>
      messages.refusal(line, spec.name) !== undefined ||
      messages.decode(new Line(line), spec.name).kind === "message",
    confirm(line) {
      const refusal = messages.refusal(line, spec.name);
      if (refusal !== undefined)
        throw new RefusedError(`${device.id} refused ${spec.name}: ${JSON.stringify(refusal)}`, {
          code: "refused",
        });
      const verdict = messages.decode(new Line(line), spec.name);
      if (verdict.kind !== "message") return;
      const told = verdict.decoded.at({ message: spec.name, field: field.name, type: "number" });
      if (told?.kind !== "value" || told.raw === raw) return;
      throw new TransientError(
        `${device.id} was told ${field.name} = ${String(raw)} and confirmed ${String(told.raw)}`,
        { code: "bad-echo", hint: "read what is there now" },
      );
    },
  };
}

function isAnswered({ forms, json, refusals }: MessageSpec): boolean {
  return forms.length > 0 || json !== undefined || refusals.length > 0;
}

/** The text of a value, which says nothing to the device but the value. */
function written({ type, width, optional, name }: FieldStep, raw: RawValue, head: LineHead): string {
  const wrong = (why: string, code = "does-not-fit") =>
    new ValueError(`{${name}} of the request ${why}`, { code });
  const kinds = {
    integer: ["number", "bigint"],
    float: ["number", "bigint"],
    boolean: ["boolean"],
    text: ["string"],
  };
  if (!kinds[type.kind].includes(typeof raw)) throw wrong(`cannot hold ${String(raw)}`, "wrong-kind");
  const plain = raw === "" && optional ? "" : type.write?.(raw);
  if (plain === undefined) throw wrong(`cannot hold ${JSON.stringify(String(raw))}`);
  const text = width === undefined ? plain : padded(plain, width, type.kind);
  if (width !== undefined && text.length !== width) throw wrong(`has ${width} characters`);
  for (const sign of text) {
    const code = sign.charCodeAt(0);
    const printable =
      code >= 0x20 && code <= (head.encoding === "ascii" ? 0x7e : 0xff) && (code < 0x7f || code > 0x9f);
    if (!printable || head.framing.starts.includes(code))
      throw wrong("cannot hold signs that steer the line");
  }
  if (head.framing.terminators.some((bytes) => text.includes(Buffer.from(bytes).toString("latin1"))))
    throw wrong("cannot hold what ends a line");
  const back = raw === "" && optional ? raw : type.read(text.trim());
  if (back !== raw && String(back) !== String(raw)) throw wrong(`cannot hold ${JSON.stringify(String(raw))}`);
  return text;
}

/** Numbers with zeros in front, behind their sign; texts with blanks behind. */
function padded(text: string, width: number, kind: FieldStep["type"]["kind"]): string {
  if (kind === "text") return text.padEnd(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** The line of a write, as examples show it. */
export function encodeWrite(device: LineUnit, address: LineAddress, raw: RawValue): WriteFrame {
  const order = orderOf(device, address, raw);
  return {
    bytes: order.bytes,
    label: order.label,
    unanswered: order.unanswered,
    answered(reply) {
      const deframer = new LineDeframer(device.profile.protocolSettings.framing);
      const line = [...deframer.push(reply), ...deframer.quiet()].find(order.accepts);
      if (!line) return undefined;
      order.confirm(line);
      return "done";
    },
  };
}

/** `orderOf`; a value that cannot be encoded was never sent. Throws ConfigError. */
export function orderToSend(device: LineUnit, address: LineAddress, raw: RawValue): LineOrder {
  try {
    return orderOf(device, address, raw);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ConfigError(error.message, { code: error.code, hint: error.hint, cause: error });
  }
}
