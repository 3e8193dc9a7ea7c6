import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineDeframer, type LineFraming } from "./line-deframer.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const framing = (more: Partial<LineFraming> = {}): LineFraming => ({
  terminators: [bytes("\r\n"), bytes("\n")],
  starts: [],
  max: 16,
  ...more,
});

function cut(deframer: LineDeframer, ...chunks: string[]): string[] {
  return chunks
    .flatMap((chunk) => deframer.push(bytes(chunk)))
    .map((line) => Buffer.from(line).toString("latin1"));
}

describe("lines", () => {
  it("end at any terminator, the longest first; empty ones are none", () => {
    expect(cut(new LineDeframer(framing()), "one\r\ntw", "o\n\r\n\nthree\r", "\n")).toEqual([
      "one",
      "two",
      "three",
    ]);
    const etx = new LineDeframer(framing({ terminators: [bytes("\x03\x04\r")] }));
    expect(cut(etx, "a\x03b\x03\x04", "\rc")).toEqual(["a\x03b"]);
  });

  it("that are too long are counted, and the next is whole again", () => {
    const deframer = new LineDeframer(framing());
    expect(
      cut(deframer, `${"x".repeat(17)}\nok\n${"y".repeat(500)}`, "\r\nfine\n", "z".repeat(16), "\r\n"),
    ).toEqual(["ok", "fine", "z".repeat(16)]);
    expect(deframer.statistics).toMatchObject({ lines: 3, "too-long": 2 });
  });

  it("of a fixed length need no end", () => {
    const deframer = new LineDeframer(framing({ terminators: [], length: 3, starts: [0x52] }));
    expect(cut(deframer, "xxR12R1", "2R34R5")).toEqual(["R12", "R12", "R34"]);
    expect(deframer.statistics.skipped).toBe(2);
  });

  it("can end by silence, which gives up halves of others", () => {
    const silent = new LineDeframer(framing({ terminators: [], silenceMs: 20 }));
    expect(silent.quietMs).toBe(20);
    expect(cut(silent, "ab", "c")).toEqual([]);
    expect(silent.quiet().map((line) => Buffer.from(line).toString())).toEqual(["abc"]);
    expect(silent.quiet()).toEqual([]);
    const fixed = new LineDeframer(framing({ terminators: [], length: 4, silenceMs: 20 }));
    expect(cut(fixed, "ab")).toEqual([]);
    expect(fixed.quiet()).toEqual([]);
    expect(cut(fixed, "cdef")).toEqual(["cdef"]);
  });

  it("begin at the last start, if there is one", () => {
    const deframer = new LineDeframer(framing({ starts: [0x24] }));
    expect(cut(deframer, "noise$ha$whole\r\nnoise\n$next\n")).toEqual(["$whole", "$next"]);
  });

  it("are forgotten before a request, unless someone speaks unasked", () => {
    const deframer = new LineDeframer(framing());
    cut(deframer, "half");
    deframer.reset();
    expect(cut(deframer, "whole\n")).toEqual(["whole"]);
    deframer.resettable = false;
    cut(deframer, "two ");
    deframer.reset();
    expect(cut(deframer, "halves\n")).toEqual(["two halves"]);
  });

  it("are the same however the stream is cut, and no more than a line is held back", () => {
    const kinds: LineFraming[] = [
      framing(),
      framing({ starts: [0x24, 0x21] }),
      framing({ terminators: [bytes("\r")], max: 1 }),
      framing({ terminators: [bytes("ab\r"), bytes("b")] }),
      framing({ terminators: [], length: 5 }),
    ];
    const alphabet = fc.constantFrom(..."$!ab\r\nxyz");
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.array(fc.string({ unit: alphabet, maxLength: 60 }), { maxLength: 12 }),
        (kind, chunks) => {
          const whole = new LineDeframer(kind);
          const pieces = new LineDeframer(kind);
          expect(cut(pieces, ...chunks)).toEqual(cut(whole, chunks.join("")));
          expect(pieces.statistics).toEqual(whole.statistics);
        },
      ),
      { numRuns: 500 },
    );
  });
});
