import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChecksumName, checksumNames, checksums, verifyChecksum, writeChecksum } from "./checksum.ts";

const digits = new TextEncoder().encode("123456789");

/** Over "123456789". CRCs: the catalogue's check values; sums: 0x1DD is the sum of those characters. */
const published: Readonly<Record<ChecksumName, number>> = {
  "crc16-modbus": 0x4b37,
  "crc16-x25": 0x906e,
  "crc16-arc": 0xbb3d,
  "crc16-ccitt-false": 0x29b1,
  "crc16-xmodem": 0x31c3,
  crc8: 0xf4,
  "crc8-dallas": 0xa1,
  sum8: 0xdd,
  sum16: 0x01dd,
  xor8: 0x31,
  complement: 0x23,
  "not-sum": 0x22,
  lrc: 0x23,
  none: 0,
};

describe("the checksum menu", () => {
  it.each(Object.entries(published))("%s has its published check value", (name, value) => {
    const checksum = checksums[checksumNames.find((one) => one === name)!];
    expect(checksum.compute(digits, 0, digits.length)).toBe(value);
  });

  it("computes a part as if it stood alone", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(8),
        fc.constantFrom(...checksumNames),
        (data, before, name) => {
          const padded = new Uint8Array(before + data.length + 3).fill(0xa5);
          padded.set(data, before);
          const { compute } = checksums[name];
          expect(compute(padded, before, before + data.length)).toBe(compute(data, 0, data.length));
        },
      ),
    );
  });

  it.each([
    ["crc16-modbus", undefined, "37 4b"],
    ["crc16-modbus", "big", "4b 37"],
    ["crc16-xmodem", undefined, "31 c3"],
    ["crc16-xmodem", "little", "c3 31"],
    ["sum16", "little", "dd 01"],
    ["crc8-dallas", undefined, "a1"],
  ] as const)("%s is written in its order (%s)", (name, order, hex) => {
    const frame = Uint8Array.from([...digits, 0, 0]);
    writeChecksum(checksums[name], frame, { start: 0, end: 9, at: 9, order });
    expect(Buffer.from(frame.subarray(9, 9 + checksums[name].size)).toString("hex")).toBe(
      hex.replace(" ", ""),
    );
  });

  it("verifies what it writes, and sees every single flipped bit", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.constantFrom(...checksumNames.filter((name) => name !== "none")),
        fc.constantFrom("big" as const, "little" as const, undefined),
        fc.nat(),
        (data, name, order, seed) => {
          const checksum = checksums[name];
          const frame = new Uint8Array(data.length + checksum.size);
          frame.set(data);
          const place = { start: 0, end: data.length, at: data.length, order };
          writeChecksum(checksum, frame, place);
          expect(verifyChecksum(checksum, frame, place)).toBe(true);
          const bit = seed % (8 * frame.length);
          frame[bit >> 3] = frame[bit >> 3]! ^ (1 << (bit & 7));
          expect(verifyChecksum(checksum, frame, place)).toBe(false);
        },
      ),
    );
  });

  it("never matches and never writes outside", () => {
    const frame = new Uint8Array(4);
    for (const place of [
      { start: 0, end: 5, at: 0 },
      { start: -1, end: 2, at: 2 },
      { start: 0, end: 3, at: 4 },
      { start: 3, end: 2, at: 0 },
    ]) {
      expect(verifyChecksum(checksums.sum8, frame, place)).toBe(false);
      expect(() => writeChecksum(checksums.sum8, frame, place)).toThrow(RangeError);
    }
  });
});
