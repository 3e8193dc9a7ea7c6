import { type Checksum, checksums, verifyChecksum } from "../../codec/checksum.ts";
import { hexBytes } from "../../codec/hex.ts";
import type { FrameKind, Framing, WrittenSpan } from "./settings.ts";
import { type WireNumber, wireNumber } from "./wire-number.ts";

/** Why bytes are not a frame of this shape; in the words of the counters. */
export type Fault = "bad-length" | "too-long" | "bad-end" | "bad-checksum";

/**
 * Whether a frame of one shape begins at a place: `no` (with the fault when it began like one), `more`
 * bytes are needed to tell, or its length.
 */
export type Verdict = { readonly no: Fault | undefined } | "more" | number;

const no: Verdict = { no: undefined };

/** One kind of frame, compiled. */
export interface Shape {
  readonly name: string;
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  /** Shortest and longest frame, bytes. */
  readonly min: number;
  readonly max: number;
  readonly address: Placed | undefined;
  readonly tag: Placed | undefined;
  /** Looks at `bytes[at..to)`. */
  judge(bytes: Uint8Array, at: number, to: number): Verdict;
  /** Like `judge` of a frame whose end is already known: never `more`. */
  fits(frame: Uint8Array): Verdict;
  /** The bytes that its fields lie in. */
  body(frame: Uint8Array): Uint8Array;
}

export interface Placed {
  readonly at: number;
  readonly number: WireNumber;
}

/** Thrown while a shape is compiled: what is wrong, and under which key. */
export class ShapeProblem extends Error {
  readonly path: readonly (string | number)[];
  constructor(path: readonly (string | number)[], message: string) {
    super(message);
    this.path = path;
  }
}

interface Match {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Check {
  readonly checksum: Checksum;
  readonly over: WrittenSpan;
  readonly at: number;
  readonly order: "big" | "little" | undefined;
}

/** Compiles a kind with what all kinds share. Throws ShapeProblem. */
export function compileShape(name: string, framing: Framing, kind: FrameKind): Shape {
  const start = hexBytes(kind.start ?? framing.start ?? "");
  const end = hexBytes(kind.end ?? framing.end ?? "");
  const length = kind.length ?? framing.length;
  const max = typeof length === "number" ? length : framing.maxLength;
  const field = typeof length === "object" ? placed("length", length) : undefined;
  const adds = typeof length === "object" ? length.adds : 0;
  const check = checkOf(framing, kind, end.length);
  const least = Math.max(
    start.length + end.length + (check?.checksum.size ?? 0),
    field ? field.at + field.number.size : 0,
    1,
  );
  const min = typeof length === "number" ? length : least;
  const matches = matchesOf(framing, kind);
  const delimited = framing.escape !== undefined;
  checkLength(length, { least, end, max, start, delimited });
  for (const match of matches) within("match", match.at, match.bytes.length, { min, max });
  const address = kind.address ?? framing.address;
  const tag = kind.tag ?? framing.tag;
  const shape = {
    name,
    start,
    end,
    min,
    max,
    address: address && placed("address", address),
    tag: tag && placed("tag", tag),
    body: bodyOf(kind.body ?? framing.body, start, end, check),
  };
  if (check) checkPlace(check, { min, max, end: end.length, fixed: typeof length === "number" });

  const whole = (frame: Uint8Array): Fault | undefined => {
    const { length: size } = frame;
    if (!has(frame, end, size - end.length)) return "bad-end";
    if (check && !holds(check, frame)) return "bad-checksum";
    return undefined;
  };
  const fits = (frame: Uint8Array): Verdict => {
    if (!has(frame, start, 0)) return no;
    if (!matches.every((match) => has(frame, match.bytes, place(match.at, frame.length)))) return no;
    if (frame.length < min || frame.length > max) return { no: "bad-length" };
    if (field && read(field, frame) + adds !== frame.length) return { no: "bad-length" };
    const fault = whole(frame);
    return fault ? { no: fault } : frame.length;
  };
  return {
    ...shape,
    fits,
    judge(bytes, at, to) {
      const have = to - at;
      if (!hasSoFar(bytes, start, at, to)) return no;
      for (const match of matches)
        if (match.at >= 0 && !hasSoFar(bytes, match.bytes, at + match.at, to)) return no;
      let size: number;
      if (typeof length === "number") size = length;
      else if (field) {
        if (have < field.at + field.number.size) return "more";
        size = read(field, bytes.subarray(at, to)) + adds;
        if (!(size >= min && size <= max)) return { no: "bad-length" };
      } else {
        const from = at + Math.max(start.length, min - end.length);
        const found = indexOf(bytes, end, from, Math.min(to, at + max));
        if (found === undefined) return have >= max ? { no: "too-long" } : "more";
        size = found + end.length - at;
      }
      return have < size ? "more" : fits(bytes.subarray(at, at + size));
    },
  };
}

function checkLength(
  length: FrameKind["length"],
  shape: { least: number; max: number; start: Uint8Array; end: Uint8Array; delimited: boolean },
): void {
  const { least, max, start, end, delimited } = shape;
  if (start.length === 0 && !delimited)
    throw new ShapeProblem(["start"], "a frame without start bytes cannot be found among others");
  if (length === undefined && end.length === 0)
    throw new ShapeProblem(["length"], "a frame needs a length, a length field or end bytes");
  if (max < least)
    throw new ShapeProblem(["length"], `start, checksum and end alone need ${least} bytes, not ${max}`);
}

function matchesOf(framing: Framing, kind: FrameKind): Match[] {
  return Object.entries({ ...framing.match, ...kind.match }).map(([at, hex]) => ({
    at: Number(at),
    bytes: hexBytes(hex),
  }));
}

function checkOf(framing: Framing, kind: FrameKind, endLength: number): Check | undefined {
  const written = kind.check ?? framing.check;
  if (written === undefined)
    throw new ShapeProblem(["check"], 'a frame needs a checksum, or says so: "check: none"');
  if (written === "none") return undefined;
  const checksum = checksums[written.name];
  if (checksum.size === 0) return undefined;
  const { over, order, at = -endLength - checksum.size } = written;
  return { checksum, over, at, order };
}

function checkPlace(
  { checksum, over, at }: Check,
  { min, max, end, fixed }: { min: number; max: number; end: number; fixed: boolean },
): void {
  // A frame of any length must have room for it; where the length varies, the shortest is the judge.
  const length = fixed ? max : min;
  const where = place(at, length);
  if (where < 0 || where + checksum.size > length)
    throw new ShapeProblem(["check", "at"], `the checksum at ${at} lies outside a frame of ${length} bytes`);
  if (where + checksum.size > length - end)
    throw new ShapeProblem(["check", "at"], `the checksum at ${at} lies on the end bytes`);
  const { from, to } = span(over, length, where);
  if (to < from && fixed)
    throw new ShapeProblem(["check"], `the checksum counts no byte: ${from} to ${to - 1}`);
  if (from < 0 || to > length)
    throw new ShapeProblem(["check"], `the checksum counts bytes outside a frame of ${length} bytes`);
  if (from < where + checksum.size && where < to)
    throw new ShapeProblem(
      ["check"],
      `the checksum at ${where} counts itself: it is over ${from} to ${to - 1}`,
    );
}

function holds({ checksum, over, at, order }: Check, frame: Uint8Array): boolean {
  const where = place(at, frame.length);
  const { from, to } = span(over, frame.length, where);
  return verifyChecksum(checksum, frame, { start: from, end: to, at: where, order });
}

function bodyOf(
  written: WrittenSpan | undefined,
  start: Uint8Array,
  end: Uint8Array,
  check: Check | undefined,
): Shape["body"] {
  return (frame) => {
    const tail = frame.length - end.length;
    const where = check ? place(check.at, frame.length) : tail;
    const last = where > start.length ? Math.min(where, tail) : tail;
    const { from, to } = written ? span(written, frame.length, last) : { from: start.length, to: last };
    return frame.subarray(Math.max(0, from), Math.max(0, from, Math.min(to, frame.length)));
  };
}

function placed(key: string, { at, type }: { at: number; type: string }): Placed {
  const number = wireNumber(type);
  if (!number) throw new ShapeProblem([key, "type"], `"${type}" is no type of a number in a frame`);
  if (key === "length" && (at < 0 || /^(hex|s)/.test(type)))
    throw new ShapeProblem([key], "a length field has a place from the start and an unsigned type");
  return { at, number };
}

/** A number of a frame; NaN for what is none or lies outside. */
function read({ at, number }: Placed, frame: Uint8Array): number {
  return Number(number.read(frame, at) ?? Number.NaN);
}

/** What stands at a place of a frame, or undefined. */
export function readPlaced({ at, number }: Placed, frame: Uint8Array): number | string | undefined {
  const where = place(at, frame.length);
  return where < 0 || where + number.size > frame.length ? undefined : number.read(frame, where);
}

function within(key: string, at: number, size: number, { min, max }: { min: number; max: number }): void {
  if (at >= 0 ? at + size > max : -at < size || -at > min)
    throw new ShapeProblem([key, String(at)], `${size} bytes at ${at} lie outside the frame`);
}

/** A place counted from the first byte. */
function place(at: number, length: number): number {
  return at < 0 ? length + at : at;
}

/** First byte and the byte after the last. `open` is where a span without an end ends. */
export function span({ from, to }: WrittenSpan, length: number, open: number): { from: number; to: number } {
  return { from: place(from, length), to: to === undefined ? open : place(to, length) + 1 };
}

function has(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  return at >= 0 && at + wanted.length <= bytes.length && hasSoFar(bytes, wanted, at, bytes.length);
}

/** Whether what is here of `wanted` at `at` is right. */
export function hasSoFar(bytes: Uint8Array, wanted: Uint8Array, at: number, to: number): boolean {
  const end = Math.min(wanted.length, to - at);
  for (let index = 0; index < end; index++) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number, to: number): number | undefined {
  for (let at = from; at + wanted.length <= to; at++) if (hasSoFar(bytes, wanted, at, to)) return at;
  return undefined;
}
