import { runInThisContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bufferShim } from "./buffer-shim.ts";

// The shim runs here in V8, beside Node's own Buffer, so that the two can be compared call by call.
const Shim: typeof Buffer = runInThisContext(bufferShim);
const encodings = ["utf8", "hex", "ascii", "latin1", "base64", "base64url", "utf16le"] as const;
const bytes = fc.uint8Array({ maxLength: 40 });
const list = (buffer: Uint8Array) => Array.from(buffer);

/** What a call gives or that it throws. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error instanceof RangeError ? "RangeError" : "other error";
  }
}

describe("Buffer of the sandbox, against Node's", () => {
  it("writes bytes as text in every encoding", () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom(...encodings), (data, encoding) => {
        expect(Shim.from(data).toString(encoding)).toBe(Buffer.from(data).toString(encoding));
      }),
      { numRuns: 500 },
    );
  });

  it("reads UTF-8 with every kind of damage like Node", () => {
    const damaged = fc
      .array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc3, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff))
      .map((codes) => Uint8Array.from(codes));
    fc.assert(
      fc.property(damaged, (data) => {
        expect(Shim.from(data).toString()).toBe(Buffer.from(data).toString());
      }),
      { numRuns: 1000 },
    );
  });

  it("reads text in every encoding", () => {
    const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFxz ") });
    const base64 = fc.string({ unit: fc.constantFrom(..."ABYZaz09+/-_ \n") });
    const any = fc.tuple(
      fc.string({ unit: "binary" }),
      fc.constantFrom("utf8", "ascii", "latin1", "utf16le"),
    ) satisfies fc.Arbitrary<[string, BufferEncoding]>;
    const digits = fc.tuple(hex, fc.constant("hex")) satisfies fc.Arbitrary<[string, BufferEncoding]>;
    const sixes = fc.tuple(base64, fc.constantFrom("base64", "base64url")) satisfies fc.Arbitrary<
      [string, BufferEncoding]
    >;
    fc.assert(
      fc.property(fc.oneof(any, digits, sixes), ([said, encoding]) => {
        expect(list(Shim.from(said, encoding))).toEqual(list(Buffer.from(said, encoding)));
      }),
      { numRuns: 1000 },
    );
  });

  it("reads numbers anywhere, and refuses to read outside", () => {
    const fixed = ["UInt8", "Int8", "UInt16LE", "UInt16BE", "Int16LE", "Int16BE", "UInt32LE", "UInt32BE"];
    const more = [
      "Int32LE",
      "Int32BE",
      "FloatLE",
      "FloatBE",
      "DoubleLE",
      "DoubleBE",
      "BigInt64LE",
      "BigUInt64BE",
    ];
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(...fixed, ...more),
        fc.integer({ min: -1, max: 40 }),
        (data, kind, at) => {
          const name = `read${kind}` as "readInt8";
          expect(outcome(() => Shim.from(data)[name](at))).toEqual(
            outcome(() => Buffer.from(data)[name](at)),
          );
        },
      ),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom("readUIntLE", "readUIntBE", "readIntLE", "readIntBE"),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 6 }),
        (data, name, at, size) => {
          expect(outcome(() => Shim.from(data)[name](at, size))).toEqual(
            outcome(() => Buffer.from(data)[name](at, size)),
          );
        },
      ),
      { numRuns: 500 },
    );
    expect(Shim.from([1, 2, 3]).readUint8(1)).toBe(2);
  });

  it("writes numbers, and refuses those that do not fit", () => {
    const kinds = [
      "UInt8",
      "Int8",
      "UInt16LE",
      "UInt16BE",
      "Int16LE",
      "Int32BE",
      "UInt32LE",
      "FloatBE",
      "DoubleLE",
    ];
    const numbers = fc.oneof(fc.integer({ min: -70_000, max: 70_000 }), fc.double({ noNaN: true }));
    fc.assert(
      fc.property(fc.constantFrom(...kinds), numbers, fc.integer({ min: 0, max: 9 }), (kind, value, at) => {
        const name = `write${kind}` as "writeInt8";
        const written = (buffer: Buffer) => outcome(() => [buffer[name](value, at), ...buffer]);
        expect(written(Shim.alloc(10))).toEqual(written(Buffer.alloc(10)));
      }),
      { numRuns: 1000 },
    );
    const whole = fc.integer({ min: -(2 ** 24), max: 2 ** 24 });
    fc.assert(
      fc.property(fc.constantFrom("writeIntLE", "writeUIntBE"), whole, (name, value) => {
        const written = (buffer: Buffer) => outcome(() => [buffer[name](value, 1, 3), ...buffer]);
        expect(written(Shim.alloc(5))).toEqual(written(Buffer.alloc(5)));
      }),
    );
  });

  it("slices share memory; concat, equals, copy, write, toJSON and isBuffer do as Node's", () => {
    const both = [Shim, Buffer].map((Kind) => {
      const whole = Kind.from([1, 2, 3, 4, 5]);
      const part = whole.slice(1, -1);
      part[0] = 99;
      const target = Kind.alloc(4, 7);
      return {
        whole: list(whole),
        kind: Kind.isBuffer(part) && !Kind.isBuffer([1]),
        concat: list(Kind.concat([whole, part], 7)),
        equals: [part.equals(Kind.from([99, 3, 4])), part.equals(whole)],
        copied: [whole.copy(target, 1, 3), ...target],
        written: [target.write("abc", 2, "latin1"), ...target],
        json: JSON.stringify(part),
        length: [Kind.byteLength("aå€"), part.length, Kind.from("ff00", "hex").length],
        again: list(Kind.from(JSON.parse(JSON.stringify(part)))),
        range: whole.toString("hex", 1, 3),
      };
    });
    expect(both[0]).toEqual(both[1]);
  });
});
