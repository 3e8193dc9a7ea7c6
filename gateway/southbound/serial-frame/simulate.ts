import { checksums, writeChecksum } from "../../codec/checksum.ts";
import { hexBytes, toHex } from "../../codec/hex.ts";
import type { DeviceProfile } from "../../model/device.ts";
import type { SimulatedDevice, SimulationInput } from "../protocol.ts";
import type { CompiledHead, CompiledRequest } from "./compile.ts";
import { HeadDeframer, type LineFrame } from "./deframer.ts";
import { headOf, prepare } from "./request.ts";
import { contentOf } from "./results.ts";
import { type FrameGiven, givenSchema } from "./schema.ts";
import type { FrameAddress, FrameConnection, FrameDevice, FrameHead } from "./settings.ts";
import { type Placed, type Shape, span } from "./shape.ts";
import { stuff } from "./stuffing.ts";
import { wireNumber } from "./wire-number.ts";

/** The device that examples speak of. */
export const exampleDevice: FrameDevice = { address: 1 };
/** More often nobody wants to see it, ms. */
const shortestPauseMs = 100;
const usualPauseMs = 1000;
/** Of what is asked, so much is kept while it is no request yet. */
const mostAsked = 1024;
/** Longest frame that is made up. */
const longestBlank = 256;

/**
 * A device that sends and answers with the frames of the profile's examples, those in which most
 * fields have a value, under the address of the settings. Answers without fields are made up.
 */
export function simulateFrames(
  profile: DeviceProfile<FrameAddress, FrameHead>,
  { given, settings }: SimulationInput<FrameConnection, FrameDevice>,
): SimulatedDevice {
  const head = headOf(profile.protocolSettings);
  const examples = given.map((one) => givenSchema.parse(one));
  const heard = examples.flatMap(({ rx }) => framesIn(head, rx));
  const spoken = new Set(profile.points.flatMap(({ address }) => ("frame" in address ? address.frame : [])));
  const words = Array.from(spoken, (name) => best(heard.filter(({ shape }) => shape.name === name)))
    .filter((frame) => frame !== undefined)
    .map((frame) => sent(head, readdressed(frame, settings, 0)));
  const requests = Array.from(head.requests.values(), (request) => ({
    request,
    reply: replyTo(request, head, examples),
  }));
  let pending: Buffer = Buffer.alloc(0);
  return {
    words,
    everyMs: Math.max(shortestPauseMs, head.head.listen.everyMs ?? usualPauseMs),
    answer(bytes) {
      pending = Buffer.concat([pending, bytes]).subarray(-mostAsked);
      for (const { request, reply } of requests) {
        const tag = tagOf(head, request, settings, pending);
        if (tag === undefined) continue;
        pending = Buffer.alloc(0);
        return reply && sent(head, readdressed(reply, settings, tag));
      }
      return undefined;
    },
  };
}

function framesIn(head: CompiledHead, hex: string | undefined): readonly LineFrame[] {
  const deframer = new HeadDeframer(head);
  return [...deframer.push(hexBytes(hex ?? "")), ...deframer.quiet()];
}

/** The first of those that tell most. */
function best(frames: readonly LineFrame[]): LineFrame | undefined {
  const told = (frame: LineFrame): number => {
    const content = contentOf(frame);
    return "values" in content ? Object.keys(content.values).length + 1 : 0;
  };
  return frames.toSorted((a, b) => told(b) - told(a))[0];
}

/** What answers a request in the examples, or a frame of its kind without fields. */
function replyTo(
  { name, settings }: CompiledRequest,
  head: CompiledHead,
  examples: readonly FrameGiven[],
): LineFrame | undefined {
  const request = head.requests.get(name);
  const shape = head.shapes.find((one) => one.name === settings.reply);
  if (!request || !shape) return undefined;
  const asked = toHex(prepare(head, request, exampleDevice, 0).bytes);
  const given = examples
    .flatMap(({ exchange = [] }) => exchange)
    .filter(({ ">": bytes }) => toHex(hexBytes(bytes)) === asked)
    .flatMap(({ "<": bytes }) => framesIn(head, bytes))
    .filter((frame) => frame.shape === shape);
  return best(given) ?? blank(head, shape);
}

/** The tag that a request was sent with; undefined when these bytes do not hold the request. */
function tagOf(
  head: CompiledHead,
  request: CompiledRequest,
  settings: FrameDevice,
  bytes: Buffer,
): number | undefined {
  const tags = request.template.names.includes("tag") ? 256 : 1;
  for (let tag = 0; tag < tags; tag++)
    if (bytes.includes(Buffer.from(prepare(head, request, settings, tag).bytes))) return tag;
  return undefined;
}

/** The shortest frame of a kind, its fields all zero; undefined when there is none. */
function blank(head: CompiledHead, shape: Shape): LineFrame | undefined {
  const kind = head.head.frames[shape.name];
  if (!kind || (kind.fields?.length ?? 0) > 0) return undefined;
  const length = kind.length ?? head.framing.length;
  const matches = Object.entries({ ...head.framing.match, ...kind.match });
  for (let size = shape.min; size <= Math.min(shape.max, longestBlank); size++) {
    const bytes = new Uint8Array(size);
    bytes.set(shape.start);
    bytes.set(shape.end, size - shape.end.length);
    if (typeof length === "object") writeLength(bytes, length.at, size - length.adds, length.type);
    for (const [at, hex] of matches) {
      const place = Number(at) < 0 ? size + Number(at) : Number(at);
      const match = hexBytes(hex);
      if (place >= 0 && place + match.length <= size) bytes.set(match, place);
    }
    const frame = sealed({ head, shape, bytes });
    if (typeof shape.fits(frame.bytes) === "number") return frame;
  }
  return undefined;
}

function writeLength(bytes: Uint8Array, at: number, value: number, type: string): void {
  const number = wireNumber(type);
  if (!number || at + number.size > bytes.length) return;
  try {
    number.write(value, bytes, at);
  } catch (error) {
    // A length that does not fit is none: the next longer frame is tried.
    if (!(error instanceof RangeError)) throw error;
  }
}

function readdressed(frame: LineFrame, { address }: FrameDevice, tag: number): LineFrame {
  const bytes = frame.bytes.slice();
  const put = (placed: Placed | undefined, value: number | string | undefined) => {
    if (!placed || value === undefined) return;
    const at = placed.at < 0 ? bytes.length + placed.at : placed.at;
    if (at >= 0 && at + placed.number.size <= bytes.length) placed.number.write(value, bytes, at);
  };
  put(frame.shape.address, address);
  put(frame.shape.tag, tag);
  return sealed({ ...frame, bytes });
}

/** With the checksum that its bytes have. */
function sealed({ head, shape, bytes }: LineFrame): LineFrame {
  const check = head.head.frames[shape.name]?.check ?? head.framing.check;
  if (check === undefined || check === "none") return { head, shape, bytes };
  const checksum = checksums[check.name];
  const written = check.at ?? -shape.end.length - checksum.size;
  const at = written < 0 ? bytes.length + written : written;
  const { from, to } = span(check.over, bytes.length, at);
  const fits = from >= 0 && from <= to && to <= bytes.length && at >= 0 && at + checksum.size <= bytes.length;
  const whole = bytes.slice();
  if (fits) writeChecksum(checksum, whole, { start: from, end: to, at, order: check.order });
  return { head, shape, bytes: whole };
}

/** As it goes over the line. */
function sent({ stuffing, start, end, framing }: CompiledHead, { bytes }: LineFrame): Uint8Array {
  const last = bytes.length - end.length;
  const line = stuffing
    ? Uint8Array.from([
        ...bytes.subarray(0, start.length),
        ...stuff(bytes.subarray(start.length, last), stuffing),
        ...bytes.subarray(last),
      ])
    : bytes;
  return framing.inverted ? line.map((byte) => byte ^ 0xff) : line;
}
