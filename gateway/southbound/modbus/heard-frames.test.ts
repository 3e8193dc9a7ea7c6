import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldenIsHere, readGolden } from "../../../test/golden/golden.ts";
import { type HeardFrame, HeardFrames } from "./heard-frames.ts";

/** CRC by shifting bits: not the gateway's table. */
function crcOf(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0xffff): number {
  let crc = seed;
  for (let index = start; index < end; index++) {
    crc ^= bytes[index]!;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
function framed(...body: readonly number[]): Uint8Array {
  const crc = crcOf(Uint8Array.from(body));
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** A frame as it stood on the line. */
const whole = ({ unit, pdu }: HeardFrame) => hex(framed(unit, ...pdu));

function heard(stream: Uint8Array, cuts: readonly number[] = []): { frames: HeardFrame[]; by: HeardFrames } {
  const by = new HeardFrames();
  const ends = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].toSorted((a, b) => a - b);
  const frames: HeardFrame[] = [];
  let from = 0;
  for (const end of [...ends, stream.length]) {
    frames.push(...by.push(stream.slice(from, end), end));
    from = end;
  }
  frames.push(...by.quiet());
  return { frames, by };
}

const byte = fc.integer({ min: 0, max: 255 });
const word = fc.tuple(byte, byte);
const unit = fc.integer({ min: 0, max: 255 });
const span = (most: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 1, max: most }))
    .map(([start, count]) => [Math.min(start, 0x10000 - count), count] as const);
const two = (value: number) => [value >> 8, value & 0xff];
const data = (length: number) => fc.array(byte, { minLength: length, maxLength: length });

const pdu = fc.oneof(
  fc
    .tuple(fc.constantFrom(1, 2), span(2000))
    .map(([code, [start, count]]) => [code, ...two(start), ...two(count)]),
  fc
    .tuple(fc.constantFrom(3, 4), span(125))
    .map(([code, [start, count]]) => [code, ...two(start), ...two(count)]),
  fc
    .tuple(fc.constantFrom(1, 2), fc.array(byte, { minLength: 1, maxLength: 250 }))
    .map(([code, bytes]) => [code, bytes.length, ...bytes]),
  fc
    .tuple(fc.constantFrom(3, 4, 23), fc.array(word, { minLength: 1, maxLength: 125 }))
    .map(([code, words]) => [code, 2 * words.length, ...words.flat()]),
  fc.tuple(word, fc.boolean()).map(([at, on]) => [5, ...at, on ? 255 : 0, 0]),
  fc.tuple(word, word).map(([at, value]) => [6, ...at, ...value]),
  span(1968).chain(([start, count]) =>
    data(Math.ceil(count / 8)).map((bytes) => [15, ...two(start), ...two(count), bytes.length, ...bytes]),
  ),
  span(123).chain(([start, count]) =>
    data(2 * count).map((bytes) => [16, ...two(start), ...two(count), bytes.length, ...bytes]),
  ),
  span(123).map(([start, count]) => [16, ...two(start), ...two(count)]),
  data(6).map((bytes) => [22, ...bytes]),
  fc.constant([17]),
  fc.array(byte, { minLength: 2, maxLength: 60 }).map((bytes) => [17, bytes.length, ...bytes]),
  fc.integer({ min: 1, max: 4 }).map((level) => [43, 14, level, 0]),
  fc
    .array(fc.array(byte, { maxLength: 20 }), { maxLength: 5 })
    .map((objects) => [
      43,
      14,
      1,
      1,
      0,
      0,
      objects.length,
      ...objects.flatMap((bytes, id) => [id, bytes.length, ...bytes]),
    ]),
  fc
    .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 15, 16, 43), fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 10, 11))
    .map(([code, exception]) => [code | 0x80, exception]),
);
const frame = fc.tuple(unit, pdu).map(([id, bytes]) => framed(id, ...bytes));
const garbage = fc.uint8Array({ maxLength: 40 });
const stream = fc.array(fc.record({ garbage, frame }), { minLength: 1, maxLength: 8 });

const functions = new Set([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43]);

/** Pieces of a line one after the other: frames, and what is none. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly isFrame: boolean;
}

/** Noise makes a frame by chance now and then, and then nobody can tell: a CRC that fits where none was sent. */
function hasChance(pieces: readonly Piece[]): boolean {
  const bytes = Buffer.concat(pieces.map((piece) => piece.bytes));
  let at = 0;
  for (const piece of pieces) {
    const { length } = piece.bytes;
    for (let start = at; start < (piece.isFrame ? at + 1 : at + length); start++) {
      if (!functions.has((bytes[start + 1] ?? 0) & 0x7f)) continue;
      let crc = 0xffff;
      for (let end = start + 1; end <= Math.min(bytes.length, start + 256); end++) {
        crc = crcOf(bytes, end - 1, end, crc);
        if (crc === 0 && end - start >= 4 && !(piece.isFrame && end === at + length)) return true;
      }
    }
    at += length;
  }
  return false;
}

describe("frames of other people", () => {
  it("are found in any stream, however it was cut, with garbage between", () => {
    fc.assert(
      fc.property(stream, garbage, fc.array(fc.nat(4000), { maxLength: 40 }), (parts, tail, cuts) => {
        const bytes = Buffer.concat([...parts.flatMap((part) => [part.garbage, part.frame]), tail]);
        const pieces = parts.flatMap((part) => [
          { bytes: part.garbage, isFrame: false },
          { bytes: part.frame, isFrame: true },
        ]);
        fc.pre(!hasChance([...pieces, { bytes: tail, isFrame: false }]));
        const { frames, by } = heard(bytes, cuts);
        expect(frames.map(whole)).toEqual(parts.map((part) => hex(part.frame)));
        const junk = parts.reduce((sum, part) => sum + part.garbage.length, tail.length);
        expect([by.bytes, by.whole, by.skipped]).toEqual([bytes.length, parts.length, junk]);
      }),
      { numRuns: 300 },
    );
  });

  it("are lost only where something touched them", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 3, maxLength: 8 }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (all, which, where, flip) => {
          const hurt = which % all.length;
          const damaged = Uint8Array.from(all[hurt]!);
          damaged[where % damaged.length]! ^= flip;
          const pieces = all.map((one, index) =>
            index === hurt ? { bytes: damaged, isFrame: false } : { bytes: one, isFrame: true },
          );
          fc.pre(!hasChance(pieces));
          const bytes = Buffer.concat(pieces.map((piece) => piece.bytes));
          const wanted = all.filter((_, index) => index !== hurt).map(hex);
          expect(heard(bytes).frames.map(whole)).toEqual(wanted);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are the same however any bytes were cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(4000), { maxLength: 60 }), (parts, cuts) => {
        const bytes = Buffer.concat(parts.flatMap((part) => [part.garbage, part.frame]));
        const strip = ({ frames }: ReturnType<typeof heard>) => frames.map((one) => ({ ...one, at: 0 }));
        expect(strip(heard(bytes, cuts))).toEqual(strip(heard(bytes)));
      }),
      { numRuns: 200 },
    );
  });

  it("keep little, and come soon: a request without an answer at once", () => {
    const by = new HeardFrames();
    const ask = framed(7, 3, 0, 0, 0, 2);
    expect(by.push(ask, 5).map(({ at, isRequest, isReply }) => ({ at, isRequest, isReply }))).toEqual([
      { at: 5, isRequest: true, isReply: false },
    ]);
    const noise = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919) >> 3);
    for (let start = 0; start < noise.length; start += 1000)
      by.push(noise.subarray(start, start + 1000), start);
    expect(by.pending).toBeLessThan(256);
    expect(by.bytes).toBe(100_008);
  });

  it("tell a request from its answer by their forms", () => {
    const forms = (bytes: Uint8Array) =>
      heard(bytes).frames.map(({ isRequest, isReply }) => [isRequest, isReply])[0];
    expect(forms(framed(1, 3, 0, 0, 0, 2))).toEqual([true, false]);
    expect(forms(framed(1, 3, 4, 0, 1, 0, 2))).toEqual([false, true]);
    expect(forms(framed(1, 6, 0, 1, 0, 2))).toEqual([true, true]);
    expect(forms(framed(1, 16, 0, 1, 0, 1, 2, 0, 9))).toEqual([true, false]);
    expect(forms(framed(1, 16, 0, 1, 0, 1))).toEqual([false, true]);
    expect(forms(framed(1, 0x83, 2))).toEqual([false, true]);
    // A function that the standard does not know, and a read that runs past the end.
    expect(forms(framed(1, 99, 2, 3, 4))).toBeUndefined();
    expect(forms(framed(1, 3, 255, 255, 0, 2))).toBeUndefined();
  });
});

describe.skipIf(!goldenIsHere)("golden frames (needs ../shared/golden)", () => {
  interface Golden {
    readonly rtu: readonly { readonly hex: string; readonly unit: number; readonly fc: number }[];
    readonly other: readonly { readonly hex: string }[];
  }
  const golden = goldenIsHere ? readGolden<Golden>("modbus-frames", "pymodbus.json") : undefined;
  // Two bytes of a read's PDU are missing: its CRC is right, and it is neither request nor answer.
  const isFrame = ({ hex: text }: { readonly hex: string }) => text !== "ff018180";

  it("are found, one after the other and with noise between", () => {
    const frames = golden!.rtu.filter(isFrame);
    const bytes = (separator: string) =>
      Buffer.from(frames.map(({ hex: text }) => text).join(separator), "hex");
    for (const separator of ["", "ff", "00ff55"])
      expect(heard(bytes(separator)).frames.map(({ unit: id, pdu: [code] }) => [id, code])).toEqual(
        frames.map(({ unit: id, fc: code }) => [id, code]),
      );
    expect(frames).toHaveLength(15);
  });

  it("are not seen in fragments, garbage and frames of ASCII and TCP", () => {
    const found = golden!.other.map(({ hex: text }) => heard(Buffer.from(text, "hex")).frames.length);
    // Two have a whole frame behind a damaged one, one has it in braces.
    expect(found.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(Math.max(...found)).toBe(1);
  });
});
