import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileTemplate } from "./template.ts";
import { wireNumber } from "./wire-number.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("a request's template", () => {
  it.each([
    [
      "SDS011, sleep",
      "aa b4 06 01 {on:u8} 00000000000000000000 ffff {sum8:2..} ab",
      { on: 0 },
      "aab406010000000000000000000000ffff05ab",
    ],
    [
      "SDS011, work",
      "aa b4 06 01 {on:u8} 00000000000000000000 ffff {sum8:2..} ab",
      { on: 1 },
      "aab406010100000000000000000000ffff06ab",
    ],
    ["MH-Z19B, read", "ff 01 86 00 00 00 00 00 {complement:1..}", {}, "ff0186000000000079"],
    ["HPMA115S0, read", "68 01 04 {complement:0..}", {}, "68010493"],
    ["SPS30, start", "7e 00 00 02 01 03 {not-sum:1..} 7e", {}, "7e0000020103f97e"],
    ["PMS5003, passive", "42 4d e1 00 00 {sum16:0..}", {}, "424de100000170"],
    ["LLS", "31 {address:u8} 06 {crc8-dallas:0..}", { address: 1 }, "3101066c"],
    ["little endian", "{a:u16le} {b:u32le} {c:s16}", { a: 0x1234, b: 1, c: -2 }, "341201000000fffe"],
    [
      "BCD and hex",
      "{a:bcd4} {b:bcd2le} {c:hex3}",
      { a: 12345678, b: 1234, c: "a1b2" },
      "12345678341200a1b2",
    ],
    ["a CRC the other way round", "31323334 3536373839 {crc16-modbus:0..:big}", {}, "3132333435363738394b37"],
    ["a span that counts from the end", "01 02 03 {xor8:0..-3} ff", {}, "0102030" + "0ff"],
  ])("%s", (_, text, values, expected) => {
    const { render, length } = compileTemplate(text);
    expect(hex(render(values))).toBe(expected);
    expect(length).toBe(expected.length / 2);
  });

  it.each([
    ["aa b", "hex digits"],
    ["aa {on}", "neither {name:type}"],
    ["aa {on:u9}", "is no type"],
    ["aa {On:u8}", "neither {name:type}"],
    ["aa {on:u8", "must be closed"],
    ["aa {sum8:0}", "is no span"],
    ["aa {sum8:0..9}", "counts bytes"],
    ["aa {sum8:0..1}", "counts bytes"],
    ["aa {sum8:1..}", "counts bytes"],
    ["aa {crc16-modbus:0..:middle}", "big or little"],
    ["", "at least one byte"],
  ])("refuses %s", (text, message) => {
    expect(() => compileTemplate(text)).toThrow(message);
  });

  it("refuses a value that is missing or does not fit", () => {
    const { render } = compileTemplate("aa {on:u8} {id:bcd1} {key:hex2}");
    expect(() => render({ id: 1, key: "0000" })).toThrow('needs a value for "on"');
    expect(() => render({ on: 256, id: 1, key: "0000" })).toThrow("not a whole number from 0 to 255");
    expect(() => render({ on: 1.5, id: 1, key: "0000" })).toThrow(RangeError);
    expect(() => render({ on: 1, id: 100, key: "0000" })).toThrow("2 decimal digits");
    expect(() => render({ on: 1, id: 1, key: "xyz" })).toThrow("hex digits");
  });
});

describe("numbers in frames", () => {
  const words = ["u8", "u16", "u16le", "u24be", "u24le", "u32", "u32le", "s8", "s16le", "s32"];
  it.each([...words, "bcd1", "bcd3", "bcd6le"])("%s gives back what it wrote", (word) => {
    const number = wireNumber(word)!;
    const bits = 8 * number.size;
    const most = word.startsWith("bcd")
      ? 100 ** number.size - 1
      : word.startsWith("s")
        ? 2 ** (bits - 1) - 1
        : 2 ** bits - 1;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.boolean(), (seed, negative) => {
        const value = negative && word.startsWith("s") ? -(seed % (most + 2)) : seed % (most + 1);
        const bytes = new Uint8Array(number.size + 2).fill(0xee);
        number.write(value, bytes, 1);
        expect(number.read(bytes, 1)).toBe(value === 0 ? 0 : value);
        expect([bytes[0], bytes.at(-1)]).toEqual([0xee, 0xee]);
      }),
    );
    expect(() => number.write(most + 1, new Uint8Array(8), 0)).toThrow(RangeError);
  });

  it("reads no BCD digit above 9", () => {
    expect(wireNumber("bcd2")!.read(Uint8Array.of(0x12, 0x3a), 0)).toBeUndefined();
    expect(wireNumber("bcd2")!.read(Uint8Array.of(0xa2, 0x30), 0)).toBeUndefined();
  });

  it.each(["u7", "u64", "bcd0", "bcd7", "hex9", "hex2le", "f32", "", "u"])("does not know %s", (word) => {
    expect(wireNumber(word)).toBeUndefined();
  });
});
