import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChecksumName, checksumBytes, checksumNames, checksumOf, readChecksum } from "./checksum.ts";

// Over the nine ASCII characters 123456789: the check values of the catalogue of parametrised CRC
// algorithms for the CRCs; the sums by hand (31h + ... + 39h = 1DDh, 31h xor ... xor 39h = 31h).
const check: Record<ChecksumName, number> = {
  none: 0,
  "crc16-modbus": 0x4b37,
  "crc16-x25": 0x906e,
  "crc16-arc": 0xbb3d,
  "crc16-ccitt-false": 0x29b1,
  crc8: 0xf4,
  "crc8-dallas": 0xa1,
  sum8: 0xdd,
  sum16: 0x01dd,
  xor8: 0x31,
  complement: 0x23,
  lrc: 0x23,
};
const digits = Buffer.from("123456789");

describe.each(checksumNames)("%s", (name) => {
  const checksum = checksumOf(name);

  it("gives its check value, also inside a longer run of bytes", () => {
    expect(checksum.compute(digits)).toBe(check[name]);
    expect(checksum.compute(Buffer.from("xx123456789yyy"), 2, 11)).toBe(check[name]);
  });

  it("is written and read back in both orders", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom("big", "little"), (bytes, order) => {
        const value = checksum.compute(bytes);
        const wire = checksumBytes(checksum, value, order);
        expect(wire.length).toBe(checksum.size);
        expect(readChecksum(checksum, Buffer.concat([bytes, wire]), bytes.length, order)).toBe(value);
        expect(readChecksum(checksum, bytes, bytes.length - checksum.size + 1, order)).toBeUndefined();
      }),
    );
  });

  it.skipIf(name === "none")("sees every flipped bit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (bytes, place) => {
        const bit = place % (bytes.length * 8);
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(checksum.compute(flipped)).not.toBe(checksum.compute(bytes));
      }),
    );
  });
});

describe("a checksum on the wire", () => {
  it("has the byte order that is asked for", () => {
    const modbus = checksumOf("crc16-modbus");
    expect([...checksumBytes(modbus, 0x4b37, "little")]).toEqual([0x37, 0x4b]);
    expect([...checksumBytes(modbus, 0x4b37, "big")]).toEqual([0x4b, 0x37]);
  });
});
