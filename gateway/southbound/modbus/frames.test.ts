import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc16Modbus, lrc8 } from "../../codec/crc.ts";
import { ascii, decodeAscii, encodeAscii } from "./ascii.ts";
import { decodeTcp, encodeTcp, type TcpFrame, TcpFramer } from "./mbap.ts";
import {
  answerLength,
  answers,
  confusable,
  decodeIdentification,
  encodeRequest,
  type Request,
  replyLength,
} from "./pdu.ts";
import { decodeRtu, encodeRtu, rtu } from "./rtu.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
const bytes = (options: fc.IntArrayConstraints) => fc.uint8Array(options);

/** Any reply that a unit may give, as a PDU. */
const anyReply = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), bytes({ minLength: 1, maxLength: 250 }))
    .map(([code, data]) => Uint8Array.of(code, data.length, ...data)),
  fc
    .tuple(fc.constantFrom(5, 6, 15, 16), bytes({ minLength: 4, maxLength: 4 }))
    .map(([code, data]) => Uint8Array.of(code, ...data)),
  bytes({ minLength: 6, maxLength: 6 }).map((data) => Uint8Array.of(22, ...data)),
  fc
    .tuple(fc.constantFrom(0x81, 0x83, 0x84, 0x90), fc.integer({ min: 1, max: 11 }))
    .map(([code, reason]) => Uint8Array.of(code, reason)),
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: 255 }), bytes({ maxLength: 30 })), { maxLength: 6 })
    .map((objects) =>
      Uint8Array.of(
        43,
        14,
        1,
        1,
        0,
        0,
        objects.length,
        ...objects.flatMap(([id, text]) => [id, text.length, ...text]),
      ),
    ),
);
const unit = fc.integer({ min: 0, max: 255 });

describe("checksums", () => {
  it("give the check values of the catalogue", () => {
    expect(crc16Modbus(Buffer.from("123456789"))).toBe(0x4b37);
    expect(lrc8(hex("1103006B0003"))).toBe(0x7e);
  });
});

describe("requests", () => {
  it.each<[Request, string]>([
    [{ function: 1, start: 0x13, count: 0x13 }, "01 0013 0013"],
    [{ function: 2, start: 0xc4, count: 0x16 }, "02 00C4 0016"],
    [{ function: 3, start: 0x6b, count: 3 }, "03 006B 0003"],
    [{ function: 4, start: 8, count: 1 }, "04 0008 0001"],
    [{ function: 5, address: 0xac, on: true }, "05 00AC FF00"],
    [{ function: 5, address: 0xac, on: false }, "05 00AC 0000"],
    [{ function: 6, address: 1, value: 3 }, "06 0001 0003"],
    [
      { function: 15, start: 0x13, bits: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0].map(Boolean) },
      "0F 0013 000A 02 CD 01",
    ],
    [{ function: 16, start: 1, registers: hex("000A0102") }, "10 0001 0002 04 000A 0102"],
    [{ function: 22, address: 4, and: 0xf2, or: 0x25 }, "16 0004 00F2 0025"],
    [{ function: 43, level: 1, object: 0 }, "2B 0E 01 00"],
  ])("encode as the examples of the standard: %j", (request, expected) => {
    expect(encodeRequest(request)).toEqual(hex(expected));
  });

  it.each<Request>([
    { function: 3, start: 0, count: 126 },
    { function: 3, start: 0, count: 0 },
    { function: 1, start: 0, count: 2001 },
    { function: 4, start: 65_535, count: 2 },
    { function: 3, start: -1, count: 1 },
    { function: 6, address: 0, value: 65_536 },
    { function: 16, start: 0, registers: new Uint8Array(3) },
    { function: 15, start: 0, bits: [] },
  ])("outside the protocol are refused: %j", (request) => {
    expect(() => encodeRequest(request)).toThrow(RangeError);
  });

  it("are answered only by a reply of their own form", () => {
    const read: Request = { function: 3, start: 100, count: 2 };
    expect(answers(read, hex("03 04 00010002"))).toBe("answer");
    expect(answers(read, hex("03 02 0001"))).toBe("other");
    expect(answers(read, hex("03 04 0001"))).toBe("other");
    expect(answers(read, hex("04 04 00010002"))).toBe("other");
    expect(answers(read, hex("83 02"))).toBe("exception");
    expect(answers(read, hex("83"))).toBe("other");
    const write: Request = { function: 6, address: 1, value: 3 };
    expect(answers(write, hex("06 0001 0003"))).toBe("answer");
    expect(answers(write, hex("06 0001 0004"))).toBe("other");
    expect(answers({ function: 16, start: 1, registers: hex("000A0102") }, hex("10 0001 0002"))).toBe(
      "answer",
    );
    expect(answers({ function: 22, address: 4, and: 0xf2, or: 0x25 }, hex("16 0004 00F2 0025"))).toBe(
      "answer",
    );
  });

  it("with answers of one form are confusable, others are not", () => {
    const read: Request = { function: 3, start: 100, count: 2 };
    expect(confusable(read, { function: 3, start: 7, count: 2 })).toBe(true);
    expect(confusable(read, { function: 3, start: 100, count: 3 })).toBe(false);
    expect(confusable(read, { function: 4, start: 100, count: 2 })).toBe(false);
    expect(confusable({ function: 1, start: 0, count: 3 }, { function: 1, start: 9, count: 8 })).toBe(true);
  });

  it("for identification are answered by objects", () => {
    const reply = hex("2B 0E 01 01 00 00 03 00 02 4142 01 01 43 02 00");
    expect(answers({ function: 43, level: 1, object: 0 }, reply)).toBe("answer");
    expect(
      Array.from(decodeIdentification(reply) ?? [], ([id, text]) => [id, Buffer.from(text).toString()]),
    ).toEqual([
      [0, "AB"],
      [1, "C"],
      [2, ""],
    ]);
    expect(decodeIdentification(reply.subarray(0, 12))).toBeUndefined();
  });
});

describe("replies", () => {
  it("say their own length, and never more than they have", () => {
    fc.assert(
      fc.property(anyReply, (pdu) => {
        for (let end = 1; end < pdu.length; end++) {
          const told = replyLength(pdu, 0, end);
          expect(told === 0 || told === pdu.length || pdu[0] === 43).toBe(true);
        }
        expect(replyLength(pdu, 0, pdu.length)).toBe(pdu.length);
      }),
    );
  });

  it("have the length that the request foretells", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4),
        fc.integer({ min: 1, max: 125 }),
        (code, count) => {
          const request: Request = { function: code, start: 0, count };
          const size = code <= 2 ? Math.ceil(count / 8) : 2 * count;
          expect(answerLength(request)).toBe(2 + size);
          expect(answers(request, Uint8Array.of(code, size, ...new Uint8Array(size)))).toBe("answer");
        },
      ),
    );
  });
});

describe.each([
  ["RTU", rtu, encodeRtu, decodeRtu],
  ["ASCII", ascii, encodeAscii, decodeAscii],
] as const)("%s frames", (_name, framing, encode, decode) => {
  it("come back as they were sent", () => {
    fc.assert(
      fc.property(unit, anyReply, (address, pdu) => {
        const frame = encode(address, pdu);
        expect(frame.length).toBe(framing.frameLength(pdu.length));
        expect(decode(frame)).toEqual({ unit: address, pdu });
        expect(framing.find(frame, 0, frame.length, 0)).toMatchObject({
          start: 0,
          end: frame.length,
          unit: address,
          pdu,
        });
      }),
    );
  });

  it("with any one bit flipped never give a value", () => {
    fc.assert(
      fc.property(unit, anyReply, fc.nat(), (address, pdu, where) => {
        const frame = encode(address, pdu);
        const bit = where % (8 * frame.length);
        frame[bit >> 3]! ^= 1 << (bit & 7);
        expect(decode(frame)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it("are found behind garbage and in any chunking, each candidate tried once", () => {
    fc.assert(
      fc.property(
        unit,
        anyReply,
        bytes({ maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 30 })),
        (address, pdu, garbage, cuts) => {
          const frame = encode(address, pdu);
          const stream = Uint8Array.of(...garbage, ...frame);
          // What comes out of the stream in one piece is what comes out of it in pieces.
          const whole = framing.find(stream, 0, stream.length, 0);
          let checked = 0;
          let found: ReturnType<typeof framing.find>;
          for (let end = 0, turn = 0; end < stream.length && !found; turn++) {
            end = Math.min(stream.length, end + (cuts[turn % Math.max(1, cuts.length)] ?? stream.length));
            found = framing.find(stream, 0, end, checked);
            checked = end;
          }
          expect(found).toBeDefined();
          expect(whole).toBeDefined();
          if (found && found.start === garbage.length) expect(found.pdu).toEqual(pdu);
        },
      ),
    );
  });

  it("cut short are no frames, unless what is left has a good checksum of its own", () => {
    fc.assert(
      fc.property(unit, anyReply, fc.nat(), (address, pdu, where) => {
        const left = encode(address, pdu).subarray(0, where % encode(address, pdu).length);
        // One cut in 65536 (CRC) or 256 (LRC) is the whole frame of another, shorter reply.
        const shorter = decode(left);
        if (shorter) expect(encode(shorter.unit, shorter.pdu)).toEqual(left);
      }),
    );
    for (const pdu of ["03 04 4366 3333", "01 03 CD6B 05", "83 02", "10 0001 0002", "04 02 FFFF"]) {
      const frame = encode(17, hex(pdu));
      for (let length = 0; length < frame.length; length++) {
        expect(decode(frame.subarray(0, length)), `${pdu} cut to ${length}`).toBeUndefined();
        expect(framing.find(frame, 0, length, 0), `${pdu} cut to ${length}`).toBeUndefined();
      }
    }
  });
});

describe("TCP frames", () => {
  const frames = fc.array(fc.tuple(fc.integer({ min: 0, max: 65_535 }), unit, anyReply), {
    minLength: 1,
    maxLength: 8,
  });

  it("come out of any chunking as they went in", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(
          sent.map(([transaction, address, pdu]) => encodeTcp(transaction, address, pdu)),
        );
        const framer = new TcpFramer();
        const got: TcpFrame[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = cuts[turn % cuts.length]!;
          expect(
            framer.push(Uint8Array.from(stream.subarray(at, at + size)), (frame) => got.push(frame)),
          ).toBe(true);
          at += size;
        }
        expect(got).toEqual(sent.map(([transaction, address, pdu]) => ({ transaction, unit: address, pdu })));
      }),
    );
  });

  it("are refused for another protocol, no length, or too much of it, as soon as that shows", () => {
    for (const text of ["0001 1234", "0001 0000 01", "0001 0000 00 01", "0001 0000 00 FF"])
      expect(new TcpFramer().push(hex(text), () => {})).toBe(false);
    expect(decodeTcp(hex("0001 0000 0006 FF 02 0102 0008"))).toMatchObject({ transaction: 1, unit: 255 });
    expect(decodeTcp(hex("0001 0000 0006 FF 02 0102 00"))).toBeUndefined();
  });
});
