import { ValueError } from "../../codec/numbers.ts";
import { ConfigError, RefusedError, TransientError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { WriteFrame } from "../protocol.ts";
import { type CompiledHead, type CompiledRequest, fieldOf } from "./compile.ts";
import { HeadDeframer, type LineFrame } from "./deframer.ts";
import { headOf, type Prepared, prepare } from "./request.ts";
import { contentOf } from "./results.ts";
import type { FrameTarget } from "./session.ts";
import type { FrameAddress } from "./settings.ts";
import { wireNumber } from "./wire-number.ts";

/** A request that carries a value to a device. */
export interface FrameOrder {
  readonly request: CompiledRequest;
  readonly prepared: Prepared;
  /** For people: `output, code = 1`. */
  readonly label: string;
  /**
   * Looks at a frame that `prepared` accepts. Throws RefusedError (`refused`, with what the frame says)
   * and TransientError (`bad-echo`: a field named as the value holds another one).
   */
  confirm(frame: LineFrame): void;
}

/** Why nothing can be written at an address; undefined for a value of a request. */
export function writable(address: FrameAddress): { message: string; hint: string } | undefined {
  if ("value" in address) return undefined;
  return {
    message: `the field "${address.field}" is what the device says: it cannot be written`,
    hint: "name the request that carries the value: write: {at: {request: ..., value: ...}}",
  };
}

/** The raw type of a request's value; undefined when it has no such place. */
export function valueKind(
  head: CompiledHead,
  { request, value }: Extract<FrameAddress, { value: string }>,
): "integer" | "text" | undefined {
  const type = head.requests.get(request)?.template.types.get(value);
  if (type === undefined) return undefined;
  return type.startsWith("hex") ? "text" : "integer";
}

/** Throws ValueError when the value does not fit, ConfigError when there is no such request or place. */
export function orderOf(
  head: CompiledHead,
  { id, settings }: Pick<FrameTarget, "id" | "settings">,
  address: FrameAddress,
  raw: RawValue,
  tag: number,
): FrameOrder {
  const refused = writable(address);
  if (refused || !("value" in address))
    throw new ValueError(refused?.message ?? "not writable", { code: "not-writable", hint: refused?.hint });
  const { value: name } = address;
  const request = head.requests.get(address.request);
  const type = request?.template.types.get(name);
  if (!request || type === undefined)
    throw new ConfigError(`the profile has no request "${address.request}" with {${name}:...}`, {
      code: "unknown-request",
    });
  const value = written(raw, type);
  const prepared = prepare(head, request, settings, tag, { [name]: value });
  return {
    request,
    prepared,
    label: `${request.name}, ${name} = ${value}`,
    confirm: (frame) => {
      const content = contentOf(frame);
      const values = "values" in content ? content.values : {};
      if (prepared.refuses(frame))
        throw new RefusedError(refusal(id, request.name, values), { code: "refused" });
      const told = fieldOf(values, name, head.bodies.get(frame.shape.name)?.kinds.get(name));
      if (told !== undefined && String(told).toLowerCase() !== String(value).toLowerCase())
        throw new TransientError(`${id} was told ${name} = ${value} and confirmed ${String(told)}`, {
          code: "bad-echo",
          hint: "read what is there now",
        });
    },
  };
}

/** What the frame that refuses says beside: `dev-1 refused output: reason 3`. */
function refusal(id: string, request: string, values: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(values).flatMap(([name, value]) =>
    typeof value === "object" ? [] : [`${name} ${String(value)}`],
  );
  return `${id} refused ${request}${said.length > 0 ? `: ${said.join(", ")}` : ""}`;
}

function written(raw: RawValue, type: string): number | string {
  const number = wireNumber(type);
  const value = typeof raw === "bigint" ? Number(raw) : raw;
  if (!number || typeof value === "boolean" || typeof value === "object")
    throw new ValueError(`a ${type} cannot hold ${String(raw)}`, { code: "wrong-kind" });
  if (type.startsWith("hex") !== (typeof value === "string"))
    throw new ValueError(`a ${type} cannot hold ${JSON.stringify(value)}`, { code: "wrong-kind" });
  // Digits that are left out would come back as zeros.
  if (typeof value === "string" && value.length !== 2 * number.size)
    throw new ValueError(`a ${type} has ${2 * number.size} digits`, { code: "does-not-fit" });
  try {
    number.write(value, new Uint8Array(number.size), 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const code = typeof value === "number" && !Number.isInteger(value) ? "not-an-integer" : "does-not-fit";
    throw new ValueError(error.message, { code, cause: error });
  }
  return value;
}

/** The frame of a write with the tag 0, as examples show it. */
export function encodeWrite(device: FrameTarget, address: FrameAddress, raw: RawValue): WriteFrame {
  const head = headOf(device.profile.protocolSettings);
  const order = orderOf(head, device, address, raw, 0);
  const { prepared, label } = order;
  return {
    bytes: prepared.bytes,
    label,
    unanswered: prepared.answers.length === 0,
    answered(reply) {
      const deframer = new HeadDeframer(head);
      const frame = [...deframer.push(reply), ...deframer.quiet()].find(prepared.accepts);
      if (!frame) return undefined;
      order.confirm(frame);
      return "done";
    },
  };
}

/** A value that cannot be encoded was never sent. Throws ConfigError. */
export function encodable<T>(encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ConfigError(error.message, { code: error.code, hint: error.hint, cause: error });
  }
}
