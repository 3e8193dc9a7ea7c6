// One file for one table: what a type reads, it writes, so both directions are tested side by side.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../model/errors.ts";
import type { RawValue } from "../model/value.ts";
import {
  compileReader,
  compileWriter,
  encodingNames,
  isPartial,
  type Layout,
  layoutKind,
  orderNames,
  parseType,
  typeNames,
  ValueError,
  wireSize,
} from "./numbers.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const read = (layout: Layout, text: string): RawValue => compileReader(layout)(hex(text), 0);
const register = (type: string, rest: Omit<Layout, "type" | "cells"> = {}): Layout => ({
  type,
  cells: "registers",
  ...rest,
});
const stream = (type: string, rest: Omit<Layout, "type" | "cells"> = {}): Layout => ({
  type,
  cells: "bytes",
  ...rest,
});
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ValueError) return error.code;
    throw error;
  }
  return "no error";
};

const integers = [
  ["u8", 8, false],
  ["u16", 16, false],
  ["u24", 24, false],
  ["u32", 32, false],
  ["u48", 48, false],
  ["u64", 64, false],
  ["s8", 8, true],
  ["s16", 16, true],
  ["s24", 24, true],
  ["s32", 32, true],
  ["s48", 48, true],
  ["s64", 64, true],
] as const;
const wideOrders = orderNames.filter((name) => name.length >= 4);

function bounds(bits: number, signed: boolean): { min: bigint; max: bigint } {
  return signed
    ? { min: -(1n << BigInt(bits - 1)), max: (1n << BigInt(bits - 1)) - 1n }
    : { min: 0n, max: (1n << BigInt(bits)) - 1n };
}

/** Bytes of one value in the picture that an eight-letter order is, without the codec. */
function picture(order: string, value: bigint): string {
  const letters = value.toString(16).padStart(16, "0").match(/../g)!;
  return order.replace(/[A-H]/g, (letter) => letters["ABCDEFGH".indexOf(letter)]!);
}

describe("byte orders", () => {
  it.each([
    ["ABCD", "aabbccdd"],
    ["CDAB", "ccddaabb"],
    ["BADC", "bbaaddcc"],
    ["DCBA", "ddccbbaa"],
  ])("reads u32 %s from %s", (order, wire) => {
    expect(read(register("u32", { order }), wire)).toBe(0xaabbccdd);
    expect(toHex(compileWriter(register("u32", { order }))(0xaabbccdd))).toBe(wire);
  });

  it.each(["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"])("reads u64 %s as its letters show", (order) => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const found = compileReader(register("u64", { order }))(hex(picture(order, value)), 0);
        expect(BigInt(found as number | bigint)).toBe(value);
        expect(typeof found).toBe(value <= BigInt(Number.MAX_SAFE_INTEGER) ? "number" : "bigint");
      }),
    );
  });

  it.each([
    ["u48", "ABCD", "010203040506", 0x010203040506],
    ["u48", "CDAB", "050603040102", 0x010203040506],
    ["u48", "EFCDAB", "050603040102", 0x010203040506],
    ["u48", "BADC", "020104030605", 0x010203040506],
    ["u48", "DCBA", "060504030201", 0x010203040506],
    ["u24", "ABCD", "00010203", 0x010203],
    ["u24", "CDAB", "02030001", 0x010203],
    ["u24", "BADC", "01000302", 0x010203],
    ["u24", "DCBA", "03020100", 0x010203],
    ["u16", "BA", "3412", 0x1234],
    ["u16", "CDAB", "1234", 0x1234],
    ["u16", "DCBA", "3412", 0x1234],
  ])("carries the meaning of an order over to %s %s", (type, order, wire, value) => {
    expect(read(register(type, { order }), wire)).toBe(value);
    expect(toHex(compileWriter(register(type, { order }))(value))).toBe(wire);
  });

  it("gives four different wires for one value", () => {
    for (const type of ["u32", "f32", "u48", "u64", "f64"]) {
      const wires = ["ABCD", "CDAB", "BADC", "DCBA"].map((order) =>
        toHex(compileWriter(register(type, { order }))(123456.5 * (type.startsWith("f") ? 1 : 2))),
      );
      expect(new Set(wires).size).toBe(4);
    }
  });

  it("refuses what says nothing about these bytes", () => {
    expect(codeOf(() => wireSize(register("u32", { order: "ABDC" })))).toBe("unknown-order");
    expect(codeOf(() => wireSize(register("u32", { order: "BA" })))).toBe("ambiguous-order");
    expect(codeOf(() => wireSize(stream("u24", { order: "CDAB" })))).toBe("order-needs-words");
  });
});

describe("decode(encode(x)) = x", () => {
  const cells = ["registers", "bytes"] as const;

  it.each(integers)("%s in every order and both kinds of cells", (type, bits, signed) => {
    for (const order of wideOrders) {
      for (const cell of cells) {
        if (type.endsWith("24") && cell === "bytes" && !["ABCD", "DCBA"].includes(order)) continue;
        const layout: Layout = { type, cells: cell, order };
        const reader = compileReader(layout);
        const writer = compileWriter(layout);
        fc.assert(
          fc.property(fc.bigInt(bounds(bits, signed)), (value) => {
            const wire = writer(value);
            expect(wire.length).toBe(wireSize(layout));
            expect(BigInt(reader(wire, 0) as number | bigint)).toBe(value);
          }),
          { numRuns: 30 },
        );
      }
    }
  });

  it.each([
    ["f16", fc.nat(0xffff).map((bits) => halfOf(bits))],
    ["f32", fc.float()],
    ["f64", fc.double()],
  ] as const)("%s in every order", (type, values) => {
    for (const order of wideOrders) {
      const layout = register(type, { order });
      fc.assert(
        fc.property(values, (value) => {
          expect(compileReader(layout)(compileWriter(layout)(value), 0)).toBe(value);
        }),
        { numRuns: 100 },
      );
    }
  });

  it("bcd of every length", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16 }),
        fc.bigInt({ min: 0n, max: 10n ** 32n }),
        (length, seed) => {
          const value = seed % 10n ** BigInt(length * 2);
          const layout = register("bcd", { length, order: "CDAB" });
          expect(BigInt(compileReader(layout)(compileWriter(layout)(value), 0) as number)).toBe(value);
        },
      ),
    );
  });

  it.each(encodingNames)("encoding %s of u16, u32, u48 and u64", (encoding) => {
    const reach: Record<string, (bits: number) => { min: bigint; max: bigint }> = {
      sign_magnitude: (bits) => ({ min: 1n - (1n << BigInt(bits - 1)), max: (1n << BigInt(bits - 1)) - 1n }),
      bcd: (bits) => ({ min: 0n, max: 10n ** BigInt(bits / 4) - 1n }),
      gray: (bits) => bounds(bits, false),
      mod10000: (bits) => ({ min: 0n, max: 10000n ** BigInt(bits / 16) - 1n }),
    };
    for (const bits of [16, 32, 48, 64]) {
      const layout = register(`u${bits}`, { encoding, order: "CDAB" });
      fc.assert(
        fc.property(fc.bigInt(reach[encoding]!(bits)), (value) => {
          expect(BigInt(compileReader(layout)(compileWriter(layout)(value), 0) as number)).toBe(value);
        }),
      );
    }
  });

  it("bit ranges, and nothing else on the wire changes", () => {
    const range = fc
      .tuple(fc.constantFrom(8, 16, 24, 32, 48, 64), fc.nat(63), fc.nat(63))
      .map(([bits, a, b]) => ({
        bits,
        low: Math.min(a % bits, b % bits),
        high: Math.max(a % bits, b % bits),
      }));
    fc.assert(
      fc.property(
        range,
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        ({ bits, low, high }, seed, around) => {
          const layout = register(`u${bits}[${low}:${high}]`, { order: "CDAB" });
          const whole = register(`u${bits}`, { order: "CDAB" });
          const before = around.subarray(0, wireSize(layout));
          const value = BigInt.asUintN(high - low + 1, seed);
          const after = compileWriter(layout)(value, before);
          expect(BigInt(compileReader(layout)(after, 0) as number)).toBe(value);
          const mask = ~(((1n << BigInt(high - low + 1)) - 1n) << BigInt(low));
          const rest = (bytes: Uint8Array): bigint => BigInt(compileReader(whole)(bytes, 0) as number) & mask;
          expect(rest(after)).toBe(rest(before));
        },
      ),
    );
  });

  it("texts, in both byte orders and in one half of each register", () => {
    const text = fc
      .string({ unit: fc.constantFrom(..."aZ09 -_/åäö€😀"), maxLength: 12 })
      .filter((value) => !value.endsWith(" "));
    fc.assert(
      fc.property(
        text,
        fc.constantFrom("AB", "BA"),
        fc.constantFrom(undefined, "low", "high"),
        (value, order, byte) => {
          const layout = register("utf8", { length: 60, order, byte });
          expect(compileReader(layout)(compileWriter(layout)(value), 0)).toBe(value);
        },
      ),
    );
  });

  it("bytes and hex", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 9 }),
        fc.constantFrom("AB", "BA"),
        (value, order) => {
          const bytes = register("bytes", { length: value.length, order });
          expect(compileReader(bytes)(compileWriter(bytes)(value), 0)).toEqual(value);
          const digits = register("hex", { length: value.length, order });
          expect(compileReader(digits)(compileWriter(digits)(toHex(value)), 0)).toBe(toHex(value));
        },
      ),
    );
  });

  it("udec and sdec", () => {
    for (let tenths = 0; tenths <= 165; tenths += 1) expectBack(stream("udec"), tenths / 10);
    for (let tenths = -80; tenths <= 85; tenths += 1) expectBack(stream("sdec"), tenths / 10);
    expect(codeOf(() => compileWriter(stream("udec"))(16.6))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(stream("udec"))(-0.1))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(stream("sdec"))(-8.1))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(stream("udec"))(1.25))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(stream("udec"))(Number.NaN))).toBe("does-not-fit");
  });
});

function expectBack(layout: Layout, value: number): void {
  expect(compileReader(layout)(compileWriter(layout)(value), 0)).toBe(value);
}

/** Binary16 by the platform, to check our own against. */
function halfOf(bits: number): number {
  const view = new DataView(new ArrayBuffer(2)) as DataView & {
    getFloat16(at: number): number;
  };
  view.setUint16(0, bits);
  return view.getFloat16(0);
}

function halfBits(value: number): number {
  const view = new DataView(new ArrayBuffer(2)) as DataView & {
    setFloat16(at: number, value: number): void;
  };
  view.setFloat16(0, value);
  return view.getUint16(0);
}

describe("f16", () => {
  it("reads all 65536 as the platform does", () => {
    const reader = compileReader(register("f16"));
    for (let bits = 0; bits < 65536; bits += 1) {
      const found = reader(Uint8Array.of(bits >> 8, bits & 255), 0);
      if (!Object.is(found, halfOf(bits))) expect(found, bits.toString(16)).toBe(halfOf(bits));
    }
  });

  it("rounds as the platform does, and refuses what overflows", () => {
    const writer = compileWriter(register("f16"));
    fc.assert(
      fc.property(
        fc.double({ min: -65519, max: 65519, noNaN: true }),
        fc.integer({ min: -26, max: 0 }),
        (value, power) => {
          const small = value * 2 ** power;
          expect(toHex(writer(small))).toBe(halfBits(small).toString(16).padStart(4, "0"));
        },
      ),
    );
    // Halfway between neighbours: to the even one.
    for (let bits = 0; bits < 0x7bff; bits += 1) {
      const middle = (halfOf(bits) + halfOf(bits + 1)) / 2;
      const expected = bits % 2 === 0 ? bits : bits + 1;
      if (toHex(writer(middle)) !== expected.toString(16).padStart(4, "0")) expect.fail(`${middle}`);
    }
    expect(codeOf(() => writer(65520))).toBe("does-not-fit");
    expect(toHex(writer(Number.POSITIVE_INFINITY))).toBe("7c00");
  });
});

describe("registers", () => {
  it("keeps a byte in the low half unless told otherwise", () => {
    expect(read(register("u8"), "180d")).toBe(0x0d);
    expect(read(register("u8", { byte: "high" }), "180d")).toBe(0x18);
    expect(read(register("u8", { order: "BA" }), "180d")).toBe(0x18);
    expect(read(register("s8", { byte: "low" }), "988d")).toBe(-115);
    expect(wireSize(register("u8"))).toBe(2);
    expect(wireSize(stream("u8"))).toBe(1);
  });

  it("does not overwrite the half that is not its own", () => {
    const layout = register("u8", { byte: "high" });
    expect(isPartial(layout)).toBe(true);
    expect(toHex(compileWriter(layout)(0xee, hex("180d")))).toBe("ee0d");
    expect(codeOf(() => compileWriter(layout)(0xee))).toBe("needs-current");
    expect(codeOf(() => compileWriter(layout)(0xee, hex("18")))).toBe("too-short");
  });

  it("fills the register of a short signed number with its sign", () => {
    expect(toHex(compileWriter(register("s8"))(-2))).toBe("fffe");
    expect(toHex(compileWriter(register("s8"))(2))).toBe("0002");
    expect(toHex(compileWriter(register("s24", { order: "CDAB" }))(-2))).toBe("fffeffff");
    expect(toHex(compileWriter(register("u8"))(254))).toBe("00fe");
  });

  it("reads at an offset and never past the end", () => {
    const reader = compileReader(register("u32"));
    expect(reader(hex("0000 0000 0001 0002"), 4)).toBe(0x10002);
    expect(codeOf(() => reader(hex("00000001"), 2))).toBe("too-short");
    expect(codeOf(() => reader(hex("00000001"), -1))).toBe("too-short");
  });
});

describe("bits", () => {
  it("reads ranges and single bits", () => {
    expect(read(register("u16[4:11]"), "1230")).toBe(0x23);
    expect(read(register("u64[60:63]"), "f000000000000000")).toBe(15);
    expect(read(register("u64[0:63]"), "ffffffffffffffff")).toBe(2n ** 64n - 1n);
    expect(read(register("bool", { bit: 3 }), "180d")).toBe(true);
    expect(read(register("bool", { bit: 14 }), "180d")).toBe(false);
    expect(read(register("bool", { bit: 0, order: "BA" }), "0100")).toBe(true);
    expect(read(stream("bool", { bit: 7 }), "80")).toBe(true);
    expect(layoutKind(register("bool", { bit: 3 }))).toBe("boolean");
  });

  it("takes anything but 0 for true where no bit is named", () => {
    expect(read(register("bool"), "0000")).toBe(false);
    expect(read(register("bool"), "ff00")).toBe(true);
    expect(read(stream("bool"), "01")).toBe(true);
    expect(toHex(compileWriter(register("bool"))(true))).toBe("0001");
    expect(toHex(compileWriter(register("bool", { order: "BA" }))(true))).toBe("0100");
  });

  it("writes a bit among others", () => {
    const writer = compileWriter(register("bool", { bit: 3 }));
    expect(toHex(writer(true, hex("8001")))).toBe("8009");
    expect(toHex(writer(false, hex("800f")))).toBe("8007");
    expect(codeOf(() => writer(1, hex("0000")))).toBe("wrong-kind");
    expect(codeOf(() => compileWriter(register("u16[4:11]"))(256, hex("0000")))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("u16[4:11]"))(-1, hex("0000")))).toBe("does-not-fit");
  });

  it("decodes an encoding inside a range", () => {
    expect(read(register("u16[4:11]", { encoding: "bcd" }), "f42f")).toBe(42);
    expect(toHex(compileWriter(register("u16[4:11]", { encoding: "bcd" }))(99, hex("f42f")))).toBe("f99f");
  });
});

describe("encodings", () => {
  it.each([
    ["sign_magnitude", "u16", "8005", -5],
    ["sign_magnitude", "s16", "8005", -5],
    ["sign_magnitude", "u16", "8000", 0],
    ["bcd", "u32", "12345678", 12345678],
    ["gray", "u8", "000d", 9],
    ["mod10000", "u32", "0001 270f", 19999],
    ["mod10000", "u64", "0000 0001 0002 0003", 100020003],
  ])("%s %s %s is %d", (encoding, type, wire, value) => {
    expect(read(register(type, { encoding }), wire)).toBe(value);
  });

  it("never makes a number of bits that are none", () => {
    expect(codeOf(() => read(register("bcd", { length: 2 }), "12a4"))).toBe("bad-digit");
    expect(codeOf(() => read(register("bcd", { length: 2 }), "124f"))).toBe("bad-digit");
    expect(codeOf(() => read(register("u16", { encoding: "bcd" }), "ffff"))).toBe("bad-digit");
    expect(codeOf(() => read(register("u32", { encoding: "mod10000" }), "00002710"))).toBe("bad-digit");
  });

  it("puts an odd number of BCD bytes at the low end of its registers", () => {
    expect(read(register("bcd", { length: 3 }), "00123456")).toBe(123456);
  });

  it("refuses to write what they cannot hold", () => {
    expect(codeOf(() => compileWriter(register("u16", { encoding: "sign_magnitude" }))(32768))).toBe(
      "does-not-fit",
    );
    expect(codeOf(() => compileWriter(register("u16", { encoding: "bcd" }))(10000))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("u16", { encoding: "bcd" }))(-1))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("u8", { encoding: "gray" }))(256))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("u32", { encoding: "mod10000" }))(10 ** 8))).toBe(
      "does-not-fit",
    );
    expect(codeOf(() => compileWriter(register("bcd", { length: 2 }))(10000))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("bcd", { length: 2 }))(-1))).toBe("does-not-fit");
  });
});

describe("writing integers", () => {
  it.each(integers)("%s: the ends fit, one more does not", (type, bits, signed) => {
    const writer = compileWriter(register(type));
    const { min, max } = bounds(bits, signed);
    expect(codeOf(() => writer(min))).toBe("no error");
    expect(codeOf(() => writer(max))).toBe("no error");
    expect(codeOf(() => writer(min - 1n))).toBe("does-not-fit");
    expect(codeOf(() => writer(max + 1n))).toBe("does-not-fit");
  });

  it("refuses everything that is no integer", () => {
    const writer = compileWriter(register("u16"));
    expect(codeOf(() => writer(1.5))).toBe("not-an-integer");
    expect(codeOf(() => writer(Number.NaN))).toBe("not-an-integer");
    expect(codeOf(() => writer(Number.POSITIVE_INFINITY))).toBe("not-an-integer");
    expect(codeOf(() => writer("1"))).toBe("wrong-kind");
    expect(codeOf(() => writer(true))).toBe("wrong-kind");
    expect(codeOf(() => compileWriter(register("f32"))(1e39))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("f32"))("1"))).toBe("wrong-kind");
    expect(codeOf(() => compileWriter(register("bool"))(1))).toBe("wrong-kind");
  });
});

describe("texts", () => {
  it("ends at NUL and loses its padding", () => {
    expect(read(register("ascii", { length: 8 }), "4142 2020 0000 5858")).toBe("AB");
    expect(read(register("ascii", { length: 4 }), "2041 4220")).toBe(" AB");
    expect(read(register("ascii", { length: 4 }), "0000 0000")).toBe("");
    expect(read(register("ascii", { length: 3, order: "BA" }), "4241 0043")).toBe("ABC");
    expect(read(register("ascii", { length: 3, byte: "low" }), "0041 0042 0043")).toBe("ABC");
    expect(read(register("ascii", { length: 3, byte: "high" }), "4100 4200 4300")).toBe("ABC");
    expect(read(stream("ascii", { length: 3, order: "DCBA" }), "414243")).toBe("ABC");
  });

  it("marks bytes that are no characters", () => {
    expect(read(register("ascii", { length: 2 }), "41ff")).toBe("A\ufffd");
    expect(read(register("utf8", { length: 2 }), "41ff")).toBe("A\ufffd");
    expect(read(register("utf8", { length: 2 }), "c3a5")).toBe("å");
  });

  it("writes what fits, padded with NUL", () => {
    expect(toHex(compileWriter(register("ascii", { length: 4 }))("AB"))).toBe("41420000");
    expect(codeOf(() => compileWriter(register("ascii", { length: 2 }))("ABC"))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("ascii", { length: 2 }))("å"))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("ascii", { length: 2 }))("\0"))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("utf8", { length: 8 }))("\ud800"))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("utf8", { length: 8 }))(1))).toBe("wrong-kind");
    expect(codeOf(() => compileWriter(register("hex", { length: 2 }))("12 3"))).toBe("bad-digit");
    expect(codeOf(() => compileWriter(register("hex", { length: 2 }))("123456"))).toBe("does-not-fit");
    expect(codeOf(() => compileWriter(register("bytes", { length: 2 }))(Uint8Array.of(1)))).toBe(
      "does-not-fit",
    );
    expect(codeOf(() => compileWriter(register("bytes", { length: 2 }))("0102"))).toBe("wrong-kind");
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("ascii", "utf8", "hex"),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        (type, bytes) => {
          const text = compileReader(stream(type, { length: bytes.length }))(bytes, 0);
          expect(typeof text).toBe("string");
          expect((text as string).isWellFormed()).toBe(true);
        },
      ),
    );
  });
});

describe("mistakes in a layout", () => {
  it.each([
    ["unknown-type", register("u12")],
    ["unknown-type", register("U16")],
    ["unknown-type", register("u16[4]")],
    ["bad-bit-range", register("s16[0:3]")],
    ["bad-bit-range", register("f32[0:3]")],
    ["bad-bit-range", register("u16[8:4]")],
    ["bad-bit-range", register("u16[0:16]")],
    ["bad-bit-range", register("bool", { bit: 16 })],
    ["bad-bit-range", stream("bool", { bit: 8 })],
    ["bit-needs-bool", register("u16", { bit: 3 })],
    ["length-missing", register("ascii")],
    ["length-missing", register("bcd", { length: 17 })],
    ["length-missing", register("ascii", { length: 1.5 })],
    ["length-missing", register("ascii", { length: 1025 })],
    ["length-not-applicable", register("u16", { length: 2 })],
    ["byte-not-applicable", register("u16", { byte: "low" })],
    ["byte-not-applicable", stream("u8", { byte: "low" })],
    ["unknown-encoding", register("u16", { encoding: "ebcdic" })],
    ["encoding-not-applicable", register("f32", { encoding: "bcd" })],
    ["encoding-not-applicable", register("bcd", { length: 2, encoding: "bcd" })],
    ["encoding-not-applicable", register("u16[0:4]", { encoding: "bcd" })],
    ["encoding-not-applicable", register("u24", { encoding: "mod10000" })],
  ])("%s", (code, layout) => {
    expect(codeOf(() => compileReader(layout))).toBe(code);
    expect(codeOf(() => compileWriter(layout))).toBe(code);
  });

  it("knows the whole vocabulary", () => {
    expect(typeNames).toEqual([
      ..."u8 u16 u24 u32 u48 u64 s8 s16 s24 s32 s48 s64 bcd udec sdec f16 f32 f64 bool".split(" "),
      ..."ascii utf8 hex bytes".split(" "),
    ]);
    expect(encodingNames).toEqual(["sign_magnitude", "bcd", "gray", "mod10000"]);
    for (const name of typeNames) expect(parseType(name).type.name).toBe(name);
  });
});
