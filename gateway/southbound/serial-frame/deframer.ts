import type { Deframer } from "../exchange.ts";
import type { CompiledHead } from "./compile.ts";
import { type Fault, hasSoFar, type Shape, type Verdict } from "./shape.ts";
import { type Stuffing, unstuff } from "./stuffing.ts";

/** A whole frame whose checksum was right; `bytes` without stuffing, the caller's own. */
export interface LineFrame {
  readonly head: CompiledHead;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

type Counts = Record<"frames" | "skipped" | "incomplete" | "unmatched" | Fault, number>;

/** What was found at the beginning of what is held: it goes, or more is needed. */
type Step =
  | "more"
  | {
      readonly taken: number;
      readonly frame?: LineFrame;
      readonly count?: keyof Counts;
      /** A delimiter that ends nothing. */
      readonly idle?: boolean;
    };

/**
 * Cuts the frames of one profile out of a byte stream. After a failed check it looks again one byte
 * further on, so a start that was none never swallows a good frame. Holds at most two frames.
 */
export class HeadDeframer implements Deframer<LineFrame> {
  readonly quietMs: number;
  readonly #head: CompiledHead;
  readonly #buffer: Uint8Array;
  #length = 0;
  readonly #counts: Counts = {
    frames: 0,
    skipped: 0,
    incomplete: 0,
    unmatched: 0,
    "bad-checksum": 0,
    "bad-length": 0,
    "bad-end": 0,
    "too-long": 0,
  };

  constructor(head: CompiledHead) {
    this.#head = head;
    this.quietMs = head.framing.gapMs;
    this.#buffer = new Uint8Array(2 * head.longest);
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  push(chunk: Uint8Array): LineFrame[] {
    const frames: LineFrame[] = [];
    const flip = this.#head.framing.inverted ? 0xff : 0;
    for (let from = 0; from < chunk.length; ) {
      const count = Math.min(chunk.length - from, this.#buffer.length - this.#length);
      for (let index = 0; index < count; index++)
        this.#buffer[this.#length + index] = chunk[from + index]! ^ flip;
      this.#length += count;
      from += count;
      this.#cut(frames);
    }
    return frames;
  }

  /** The rest of an unfinished frame will not come: what looks like one inside it is tried. */
  quiet(): LineFrame[] {
    const frames: LineFrame[] = [];
    // Between two stuffed frames their common delimiter is held: that is no unfinished frame.
    if (this.#length <= this.#head.delimiter) this.#length = 0;
    else this.#counts.incomplete++;
    while (this.#length > 0) {
      this.#drop(1);
      this.#cut(frames);
    }
    return frames;
  }

  reset(): void {
    if (this.#length > this.#head.delimiter) this.#counts.skipped += this.#length;
    this.#length = 0;
  }

  #cut(frames: LineFrame[]): void {
    const { stuffing } = this.#head;
    let at = 0;
    while (at < this.#length) {
      const step = stuffing ? this.#stuffed(at, stuffing) : this.#plain(at);
      if (step === "more") break;
      at += step.taken;
      if (step.count) this.#counts[step.count]++;
      if (step.frame) {
        this.#counts.frames++;
        frames.push(step.frame);
      } else if (!step.idle) this.#counts.skipped += step.taken;
    }
    this.#shift(at);
  }

  /** The first shape, in the order of the profile, that does not say no, decides. */
  #plain(at: number): Step {
    let fault: Fault | undefined;
    for (const shape of this.#head.shapes) {
      const verdict: Verdict = shape.judge(this.#buffer, at, this.#length);
      if (verdict === "more") return "more";
      if (typeof verdict === "number")
        return { taken: verdict, frame: this.#frame(shape, this.#buffer.slice(at, at + verdict)) };
      fault ??= verdict.no;
    }
    return fault ? { taken: 1, count: fault } : { taken: 1 };
  }

  /** Stuffed frames lie between delimiters that stand nowhere else. */
  #stuffed(at: number, stuffing: Stuffing): Step {
    const { start, end, longest } = this.#head;
    const buffer = this.#buffer;
    // Never looks further than the longest frame: what it finds must not depend on what else is here.
    const to = Math.min(this.#length, at + longest);
    const short: Step =
      to === at + longest ? { taken: Math.max(1, start.length), count: "too-long" } : "more";
    if (!hasSoFar(buffer, start, at, to)) return { taken: 1 };
    if (to - at < start.length) return short;
    for (let index = at + start.length; index < to; ) {
      if (hasSoFar(buffer, end, index, to))
        return to - index < end.length ? short : this.#between(at, index, stuffing);
      if (start.length > 0 && hasSoFar(buffer, start, index, to))
        return to - index < start.length ? short : { taken: index - at, count: "incomplete" };
      if (buffer[index] !== stuffing.mark) index++;
      else if (index + 1 === to) return short;
      // A delimiter after a mark is still one: the rest of a broken frame must not hide it.
      else index += this.#delimits(index + 1) || stuffing.original(buffer[index + 1]!) === undefined ? 1 : 2;
    }
    return short;
  }

  /** Whether a one-byte delimiter stands here. */
  #delimits(at: number): boolean {
    const { start, end } = this.#head;
    const byte = this.#buffer[at];
    return (end.length === 1 && end[0] === byte) || (start.length === 1 && start[0] === byte);
  }

  #between(at: number, last: number, stuffing: Stuffing): Step {
    const { start, end, shapes, shared } = this.#head;
    // A delimiter that ends one frame may begin the next.
    const taken = last - at + (shared ? 0 : end.length);
    const first = at + start.length;
    if (last === first) return { taken: Math.max(1, taken), idle: true };
    const body = unstuff(this.#buffer.subarray(first, last), stuffing);
    if (!body) return { taken, count: "unmatched" };
    const bytes = Uint8Array.from([...start, ...body, ...end]);
    let fault: Fault | undefined;
    for (const shape of shapes) {
      const verdict = shape.fits(bytes);
      if (typeof verdict === "number") return { taken, frame: this.#frame(shape, bytes) };
      if (verdict !== "more") fault ??= verdict.no;
    }
    return { taken, count: fault ?? "unmatched" };
  }

  #frame(shape: Shape, bytes: Uint8Array): LineFrame {
    return { head: this.#head, shape, bytes };
  }

  #drop(count: number): void {
    this.#counts.skipped += count;
    this.#shift(count);
  }

  #shift(count: number): void {
    if (count === 0) return;
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }
}
