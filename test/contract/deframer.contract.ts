import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deframer } from "../../gateway/southbound/exchange.ts";

/** What a deframer is promised to do, and how to show it. */
export interface DeframerCase<Frame> {
  /** Of nobody's bytes yet. */
  open(): Deframer<Frame>;
  /** Whole frames as they come on the wire, each giving one frame. */
  readonly frames: readonly Uint8Array[];
  /** What a frame says, as text; undefined for one that says nothing (an acknowledgement). */
  show(frame: Frame): string | undefined;
  /** Bytes that mean something to the framing: garbage is made of them, too. */
  readonly marks: readonly number[];
  /**
   * Whether a checksum tells frames from garbage. Without one, garbage and the frame behind it may be
   * one: only what follows a whole frame end is promised.
   */
  readonly checked: boolean;
  /** What ends a frame where no checksum does. */
  readonly end?: Uint8Array;
  /** Whether frames come in the order of their ends; true unless said. */
  readonly ordered?: boolean;
}

const streamBytes = 1 << 19;
/** What may remain in memory of such a stream, the noise of the collector included: less than all of it. */
const mostKeptBytes = 384 * 1024;

/** The promises of `Deframer` on one implementation. */
export function deframerContract<Frame>(name: string, one: DeframerCase<Frame>): void {
  const { open, frames, show, marks, checked, end = new Uint8Array(), ordered = true } = one;
  const inOrder = (found: readonly string[]) => (ordered ? found : found.toSorted());
  const said = (found: readonly Frame[]): string[] =>
    found.map(show).filter((text): text is string => text !== undefined);
  const read = (deframer: Deframer<Frame>, ...chunks: readonly Uint8Array[]): string[] => [
    ...chunks.flatMap((chunk) => said(deframer.push(chunk, 0))),
    ...said(deframer.quiet?.(0) ?? []),
  ];
  const alone = frames.map((frame) => read(open(), frame).join());
  const anyFrame = fc.nat(frames.length - 1);
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.constantFrom(...marks), { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
    fc
      .tuple(anyFrame, fc.nat())
      .map(([index, cut]) => frames[index]!.subarray(0, cut % frames[index]!.length)),
  );

  describe(`the deframer of ${name}`, () => {
    it("finds one frame in each, alone and in a row", () => {
      for (const found of alone) expect(found).not.toBe("");
      expect(read(open(), ...frames)).toEqual(alone);
      expect(new Set(alone).size).toBe(frames.length);
    });

    it("finds the same and counts the same, however the stream is cut", () => {
      const part = fc.oneof(
        garbage,
        anyFrame.map((index) => frames[index]!),
      );
      fc.assert(
        fc.property(
          fc.array(part, { maxLength: 8 }),
          fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
          (parts, sizes) => {
            const stream = Buffer.concat(parts);
            const whole = open();
            const pieces = open();
            const found = read(whole, stream);
            const chunks: Uint8Array[] = [];
            for (let at = 0, turn = 0; at < stream.length; at += sizes[turn++ % sizes.length]!)
              chunks.push(stream.subarray(at, at + sizes[turn % sizes.length]!));
            expect(inOrder(read(pieces, ...chunks))).toEqual(inOrder(found));
            expect(pieces.statistics).toEqual(whole.statistics);
            expect(pieces.quiet?.(0) ?? [], "silence after silence").toEqual([]);
          },
        ),
        { numRuns: 150 },
      );
    });

    it("finds every good frame between any garbage", () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(garbage, anyFrame), { minLength: 1, maxLength: 4 }),
          garbage,
          (turns, last) => {
            const found = read(
              open(),
              Buffer.concat([...turns.flatMap(([noise, index]) => [noise, end, frames[index]!]), last]),
            );
            const wanted = inOrder(turns.map(([, index]) => alone[index]!));
            let next = 0;
            for (const text of inOrder(found)) if (text === wanted[next]) next++;
            expect(next, found.join(" | ")).toBe(turns.length);
            // Garbage of half a frame may be made whole by what follows, but no other frame comes of it.
            // The seed is fixed: one garbage in 65536 has a good checksum by itself.
            if (checked) for (const text of found) expect(alone).toContain(text);
          },
        ),
        { numRuns: 150, seed: 7 },
      );
    });

    it("keeps a bounded part of a stream that never makes sense, and finds the next frame behind it", () => {
      const collect = collector();
      const [first] = frames;
      const streams = [
        ...marks.map((mark) => Uint8Array.of(mark)),
        Uint8Array.from(marks),
        first!.subarray(0, -1),
        first!.subarray(0, Math.ceil(first!.length / 2)),
        Uint8Array.of(0x31),
        Uint8Array.of(0xff, 0x00),
      ];
      for (const unit of streams) {
        const deframer = open();
        const piece = Buffer.alloc(4096 - (4096 % unit.length), unit);
        collect();
        const before = used();
        for (let at = 0; at < streamBytes; at += piece.length) deframer.push(piece, 0);
        // Twice: array buffers are freed behind the first.
        collect();
        collect();
        expect(used() - before, Buffer.from(unit).toString("hex")).toBeLessThan(mostKeptBytes);
        deframer.quiet?.(0);
        deframer.push(end, 0);
        expect(read(deframer, first!).at(-1)).toBe(alone[0]);
      }
    });

    it("forgets the beginning of a frame when it is told to", () => {
      const deframer = open();
      if (!deframer.reset) return;
      for (const [index, frame] of frames.entries()) {
        deframer.push(frame.subarray(0, Math.ceil(frame.length / 2)), 0);
        deframer.reset();
        expect(read(deframer, frame)).toEqual([alone[index]]);
      }
    });

    it("gives frames that neither the sender nor later bytes can change", () => {
      const deframer = open();
      const [first] = frames;
      const chunk = Uint8Array.from(first!);
      const found = [...deframer.push(chunk, 0), ...(deframer.quiet?.(0) ?? [])];
      chunk.fill(0x55);
      deframer.push(new Uint8Array(600).fill(0x55), 0);
      deframer.push(end, 0);
      expect(said(found)).toEqual([alone[0]]);
    });
  });
}

function used(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** A full garbage collection, on demand. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
