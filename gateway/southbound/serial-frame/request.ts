import { ConfigError } from "../../model/errors.ts";
import { type CompiledHead, type CompiledRequest, compileHead, renderRequest } from "./compile.ts";
import type { LineFrame } from "./deframer.ts";
import type { FrameDevice, FrameHead } from "./settings.ts";
import { type Placed, readPlaced, type Shape } from "./shape.ts";

/** A request ready to be sent to one device. */
export interface Prepared {
  readonly bytes: Uint8Array;
  /** The frames that answer or refuse it. Empty: none does. */
  readonly answers: readonly Shape[];
  /** Whether an answer can have fields. */
  readonly hasValues: boolean;
  readonly address: number | string | undefined;
  /** Whether its answer repeats a number of its own. */
  readonly isTold: boolean;
  accepts(frame: LineFrame): boolean;
  /** Whether a frame that was accepted says no. */
  refuses(frame: LineFrame): boolean;
}

/** The compiled head of a device's profile. Throws ConfigError. */
export function headOf(head: FrameHead): CompiledHead {
  const { compiled, findings } = compileHead(head);
  if (compiled) return compiled;
  throw new ConfigError(findings[0]?.message ?? "the profile's frames make no sense", {
    code: findings[0]?.code ?? "bad-frame",
    hint: findings[0]?.hint,
  });
}

/** Fills a request in. Throws ConfigError when the device's settings lack what it needs. */
export function prepare(
  head: CompiledHead,
  request: CompiledRequest,
  { address }: FrameDevice,
  tag: number,
  values: Readonly<Record<string, number | string>> = {},
): Prepared {
  const { reply, refusal } = request.settings;
  const byName = (name: string | undefined) => head.shapes.filter((shape) => shape.name === name);
  const refusals = byName(refusal);
  const answers = [...byName(reply), ...refusals];
  const tagged = request.template.names.includes("tag");
  const wanted = new Map(answers.map((shape) => [shape, signatureOf(shape, address, tag, tagged)]));
  let bytes: Uint8Array;
  let plain: Uint8Array;
  try {
    const known = { ...values, tag: tag & 0xff, ...(address === undefined ? {} : { address }) };
    ({ bytes, plain } = renderRequest(head, request, known));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(`${request.name}: ${error.message}`, {
      code: "bad-request",
      hint:
        address === undefined && request.template.names.includes("address")
          ? 'the device needs an "address"'
          : undefined,
    });
  }
  return {
    bytes,
    answers,
    hasValues: answers.some((shape) => hasFields(head, shape)),
    address,
    isTold: tagged && answers.every(({ tag: placed }) => placed !== undefined),
    accepts: (frame) => {
      const signature = frame.head === head ? wanted.get(frame.shape) : undefined;
      // Our own request, come back on a two-wire line: no answer that has something to say.
      if (isEcho(frame, plain)) return false;
      return (
        signature?.every(({ placed, value }) => same(readPlaced(placed, frame.bytes), value, placed)) ?? false
      );
    },
    refuses: ({ shape }) => refusals.includes(shape),
  };
}

function isEcho({ head, shape, bytes }: LineFrame, sent: Uint8Array): boolean {
  return Buffer.compare(bytes, sent) === 0 && hasFields(head, shape);
}

function hasFields({ bodies }: CompiledHead, { name }: Shape): boolean {
  return (bodies.get(name)?.kinds.size ?? 0) > 0;
}

interface Sign {
  readonly placed: Placed;
  readonly value: number | string;
}

/** What an answer to this request says at certain places. */
function signatureOf(
  shape: Shape,
  address: number | string | undefined,
  tag: number,
  tagged: boolean,
): readonly Sign[] {
  const signs: Sign[] = [];
  if (shape.address && address !== undefined) signs.push({ placed: shape.address, value: address });
  if (shape.tag && tagged) signs.push({ placed: shape.tag, value: tag & 0xff });
  return signs;
}

/** Whether a frame's own address is this device's; frames without one may be anybody's. */
export function isFrom(frame: LineFrame, { address }: FrameDevice): boolean {
  const { address: placed } = frame.shape;
  if (!placed || address === undefined) return true;
  return same(readPlaced(placed, frame.bytes), address, placed);
}

function same(found: number | string | undefined, wanted: number | string, { number }: Placed): boolean {
  if (found === undefined) return false;
  if (found === wanted) return true;
  // Written as text or number, padded or not: what counts is how it looks on the wire.
  const [left, right] = [new Uint8Array(number.size), new Uint8Array(number.size)];
  try {
    number.write(found, left, 0);
    number.write(wanted, right, 0);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return Buffer.compare(left, right) === 0;
}

/** Whether an answer to one of them could be taken for the other's. */
export function confusable(one: Prepared, other: Prepared): boolean {
  if (one.isTold || other.isTold) return false;
  return one.answers.some(
    (shape) =>
      other.answers.includes(shape) &&
      (!shape.address ||
        one.address === undefined ||
        other.address === undefined ||
        same(one.address, other.address, shape.address)),
  );
}
