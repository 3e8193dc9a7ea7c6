import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc16Arc, crc16Modbus, crc16X25, lrc8 } from "./crc.ts";

/** Bit by bit, as the polynomial is defined: shares nothing with the tables. */
function reflected(
  bytes: Uint8Array,
  width: number,
  polynomial: bigint,
  initial: bigint,
  final: bigint,
): number {
  const top = 1n << BigInt(width - 1);
  const mirror = (value: bigint, bits: number): bigint =>
    BigInt(`0b${value.toString(2).padStart(bits, "0").split("").reverse().join("")}`);
  let rest = initial;
  for (const byte of bytes) {
    rest ^= mirror(BigInt(byte), 8) << BigInt(width - 8);
    for (let bit = 0; bit < 8; bit += 1) {
      rest = BigInt.asUintN(width, rest & top ? (rest << 1n) ^ polynomial : rest << 1n);
    }
  }
  return Number(mirror(rest, width) ^ final);
}

const check = Buffer.from("123456789");

describe("crc16Modbus", () => {
  it("gives the catalogue's check value and that of a known frame", () => {
    expect(crc16Modbus(check)).toBe(0x4b37);
    // Read one holding register of unit 1: 01 03 00 00 00 01 84 0A.
    expect(crc16Modbus(Buffer.from("010300000001", "hex"))).toBe(0x0a84);
  });

  it("equals the bitwise definition, and is 0 over a frame that carries it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const crc = crc16Modbus(bytes);
        expect(crc).toBe(reflected(bytes, 16, 0x8005n, 0xffffn, 0n));
        expect(crc16Modbus(Uint8Array.of(...bytes, crc & 0xff, crc >> 8))).toBe(0);
      }),
    );
  });

  it("finds every single damaged bit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 256 }), fc.nat(), (bytes, seed) => {
        const damaged = Uint8Array.from(bytes);
        const bit = seed % (bytes.length * 8);
        damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
        expect(crc16Modbus(damaged)).not.toBe(crc16Modbus(bytes));
      }),
    );
  });
});

describe("lrc8", () => {
  it("makes the sum of all bytes 0", () => {
    expect(lrc8(Buffer.from("0103006b0003", "hex"))).toBe(0x8e);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const lrc = lrc8(bytes);
        expect(lrc).toBeGreaterThanOrEqual(0);
        expect((bytes.reduce((sum, byte) => sum + byte, 0) + lrc) % 256).toBe(0);
      }),
    );
  });
});

describe("the other CRCs of 16 bits", () => {
  it("give the catalogue's check values, and equal the bitwise definition", () => {
    expect(crc16Arc(check)).toBe(0xbb3d);
    expect(crc16X25(check)).toBe(0x906e);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(crc16Arc(bytes)).toBe(reflected(bytes, 16, 0x8005n, 0n, 0n));
        expect(crc16X25(bytes)).toBe(reflected(bytes, 16, 0x1021n, 0xffffn, 0xffffn));
      }),
    );
  });
});

describe("ranges", () => {
  it("cover what they say", () => {
    const framed = Buffer.from("ff0103006b0003ff", "hex");
    const inner = framed.subarray(1, 7);
    expect(crc16Modbus(framed, 1, 7)).toBe(crc16Modbus(inner));
    expect(lrc8(framed, 1, 7)).toBe(lrc8(inner));
    expect(crc16Arc(framed, 1, 7)).toBe(crc16Arc(inner));
    expect(crc16X25(framed, 1, 7)).toBe(crc16X25(inner));
  });
});
