import { Decoder } from "cbor-x";
import { decode as cborgDecode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CborValue, CborWriter, encodeCbor } from "./cbor.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

// RFC 8949 appendix A, those that the deterministic encoding yields. Floats that are whole numbers
// stand in their own table: a number of JavaScript does not tell 1.0 from 1.
const values: [CborValue, string][] = [
  [0, "00"],
  [1, "01"],
  [10, "0a"],
  [23, "17"],
  [24, "1818"],
  [25, "1819"],
  [100, "1864"],
  [1000, "1903e8"],
  [1000000, "1a000f4240"],
  [1000000000000, "1b000000e8d4a51000"],
  [18446744073709551615n, "1bffffffffffffffff"],
  [-18446744073709551616n, "3bffffffffffffffff"],
  [-1, "20"],
  [-10, "29"],
  [-100, "3863"],
  [-1000, "3903e7"],
  [-0, "f98000"],
  [1.1, "fb3ff199999999999a"],
  [1.5, "f93e00"],
  [1e300, "fb7e37e43c8800759c"],
  [2 ** -24, "f90001"],
  [0.00006103515625, "f90400"],
  [-4.1, "fbc010666666666666"],
  [Number.POSITIVE_INFINITY, "f97c00"],
  [Number.NaN, "f97e00"],
  [Number.NEGATIVE_INFINITY, "f9fc00"],
  [false, "f4"],
  [true, "f5"],
  [null, "f6"],
  [new Uint8Array(), "40"],
  [Uint8Array.of(1, 2, 3, 4), "4401020304"],
  ["", "60"],
  ["a", "6161"],
  ["IETF", "6449455446"],
  ['"\\', "62225c"],
  ["\u00fc", "62c3bc"],
  ["\u6c34", "63e6b0b4"],
  ["\u{10151}", "64f0908591"],
  [[], "80"],
  [[1, 2, 3], "83010203"],
  [[1, [2, 3], [4, 5]], "8301820203820405"],
  [
    Array.from({ length: 25 }, (_, index) => index + 1),
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
  ],
  [{}, "a0"],
  [
    new Map([
      [1, 2],
      [3, 4],
    ]),
    "a201020304",
  ],
  [{ a: 1, b: [2, 3] }, "a26161016162820203"],
  [["a", { b: "c" }], "826161a161626163"],
  [{ a: "A", b: "B", c: "C", d: "D", e: "E" }, "a56161614161626142616361436164614461656145"],
];
const floats: [number, string][] = [
  [0, "f90000"],
  [-0, "f98000"],
  [1, "f93c00"],
  [65504, "f97bff"],
  [100000, "fa47c35000"],
  [3.4028234663852886e38, "fa7f7fffff"],
  [-4, "f9c400"],
];

describe("vectors of RFC 8949 appendix A", () => {
  it.each(values)("%s", (value, expected) => {
    expect(hex(encodeCbor(value))).toBe(expected);
  });

  it.each(floats)("float %s", (value, expected) => {
    const writer = new CborWriter();
    writer.float(value);
    expect(hex(writer.take())).toBe(expected);
  });
});

describe("deterministic encoding (RFC 8949 section 4.2.1)", () => {
  it("orders keys by the bytes of their encoding", () => {
    const map = new Map<number | string, CborValue>([
      ["aa", 0],
      [-1, 0],
      ["b", 0],
      [100, 0],
      [10, 0],
    ]);
    expect(hex(encodeCbor(map))).toBe("a50a00186400200061620062616100");
  });

  it("leaves out keys whose value is undefined", () => {
    expect(hex(encodeCbor({ a: undefined, b: 1 }))).toBe("a1616201");
  });

  it.each([2 ** 24, 2 ** 53 - 1, -(2 ** 53 - 1), 0xffffffff, 0x100000000, 65536, 255, 256])(
    "writes the integer %s as an integer",
    (value) => {
      expect(cborgDecode(encodeCbor(value), { strict: true })).toBe(value);
      expect(encodeCbor(value)[0]! >> 5).toBe(value < 0 ? 1 : 0);
    },
  );

  it.each([2n ** 64n, -(2n ** 64n) - 1n])("refuses %s, which has no 64 bits", (value) => {
    expect(() => encodeCbor(value)).toThrow(RangeError);
  });

  it("refuses a lone surrogate", () => {
    expect(() => encodeCbor("\ud800")).toThrow(RangeError);
  });

  it("writes labels as the integers they are", () => {
    for (let value = -24; value <= 23; value++) {
      const writer = new CborWriter();
      writer.label(value);
      expect(hex(writer.take())).toBe(hex(encodeCbor(value)));
    }
  });

  it("grows, and starts afresh after take", () => {
    const writer = new CborWriter(16);
    writer.text("x".repeat(5000));
    expect(writer.take().length).toBe(5003);
    expect(writer.length).toBe(0);
    writer.number(1);
    expect(hex(writer.take())).toBe("01");
  });
});

/** Text keys only: an object of a foreign decoder has no others. */
const anyValue = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.double(),
    fc.float(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.string({ unit: "binary" }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 30 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie("value")), {
        maxLength: 30,
        selector: ([key]) => (typeof key === "string" ? `"${key}` : key),
      })
      .map((pairs) => new Map(pairs)),
  ),
})).value;

/** One form for what two decoders give back as number or bigint, Buffer or Uint8Array. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  if (typeof value === "number")
    return Number.isInteger(value) && !Object.is(value, -0) ? `${BigInt(value)}` : value;
  if (value instanceof Uint8Array) return `h'${hex(value)}'`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return new Map(Array.from(value, ([key, item]) => [plain(key), plain(item)] as const).sort(byKey));
  return value;
}

function byKey([a]: readonly [unknown, unknown], [b]: readonly [unknown, unknown]): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

describe("property: what foreign libraries decode is what we encoded", () => {
  it("cborg, strict: shortest forms, no duplicate keys", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const options = {
          useMaps: true,
          strict: true,
          rejectDuplicateMapKeys: true,
          allowNaN: true,
          allowInfinity: true,
        };
        expect(plain(cborgDecode(encodeCbor(value), options))).toEqual(plain(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("cbor-x", () => {
    const decoder = new Decoder({ useRecords: false, mapsAsObjects: false });
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(plain(decoder.decode(encodeCbor(value)))).toEqual(plain(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("every float takes the shortest form that keeps it", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true }),
          fc.float({ noNaN: true }),
          fc.integer({ min: -70000, max: 70000 }).map((n) => n / 1024),
        ),
        (value) => {
          const writer = new CborWriter();
          writer.float(value);
          const bytes = writer.take();
          expect(cborgDecode(bytes)).toBe(value);
          const half = new DataView(new ArrayBuffer(8));
          // Whether a shorter form exists, asked of the significand: 11 bits fit f16, 24 bits fit f32.
          half.setFloat64(0, value);
          const bits = half.getBigUint64(0) & (2n ** 52n - 1n);
          const exponent = Number((half.getBigUint64(0) >> 52n) & 0x7ffn) - 1023;
          if (exponent >= -14 && exponent <= 15 && bits % 2n ** 42n === 0n) expect(bytes.length).toBe(3);
          else if (exponent >= -126 && exponent <= 127 && bits % 2n ** 29n === 0n)
            expect(bytes.length).toBeLessThanOrEqual(5);
          else if (exponent >= -126 && exponent <= 127) expect(bytes.length).toBe(9);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
