import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bcd, int } from "../../../simulators/mbus-meter.ts";
import { decimalText, type RecordValue } from "./data.ts";
import { MbusDeframer } from "./deframer.ts";
import { encodeLong, encodeShort, type Frame, lookAt } from "./frame.ts";
import { type DataRecord, decodeRecords, keyText } from "./records.ts";
import { decodeTelegram, manufacturerCode, manufacturerLetters } from "./telegram.ts";

const bytes = (...list: readonly number[]) => Uint8Array.of(...list);
const records = (...list: readonly number[]) => decodeRecords(bytes(...list), false).records;
const only = (...list: readonly number[]): DataRecord => {
  const [record, ...others] = records(...list);
  if (!record || others.length > 0) throw new Error("not one record");
  return record;
};
const plain = (value: RecordValue) => {
  if (value.kind === "whole") return value.mantissa;
  if (value.kind === "problem") return `${value.quality}: ${value.detail}`;
  return value.kind === "real" ? value.value : value.kind === "text" ? value.text : value.kind;
};

describe("the data of a record", () => {
  it.each([
    ["8 bits", [0x01, 0x13, 0xff], -1],
    ["16 bits", [0x02, 0x13, 0xfe, 0xff], -2],
    ["24 bits", [0x03, 0x13, 0x00, 0x00, 0x01], 65_536],
    ["32 bits", [0x04, 0x13, ...int(-123_456_789, 4)], -123_456_789],
    ["48 bits", [0x06, 0x13, ...int(-(2 ** 40), 6)], -(2 ** 40)],
    ["64 bits", [0x07, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 2n ** 63n - 1n],
    ["32-bit float", [0x05, 0x5b, 0x00, 0x00, 0xbc, 0x41], 23.5],
    ["2 digits", [0x09, 0x13, 0x42], 42],
    ["4 digits", [0x0a, 0x13, ...bcd(1234, 2)], 1234],
    ["6 digits below zero", [0x0b, 0x13, ...bcd(-12_345, 3)], -12_345],
    ["8 digits", [0x0c, 0x13, ...bcd(98_765_432, 4)], 98_765_432],
    ["12 digits", [0x0e, 0x13, ...bcd(123_456_789_012, 6)], 123_456_789_012],
    ["nothing", [0x00, 0x13], "none"],
    ["text of variable length", [0x0d, 0xfd, 0x11, 0x05, ...Buffer.from("mlohk")], "kholm"],
    ["digits of variable length", [0x0d, 0x13, 0xc2, 0x34, 0x12], 1234],
    ["digits below zero", [0x0d, 0x13, 0xd2, 0x34, 0x12], -1234],
    ["an integer of variable length", [0x0d, 0x13, 0xe3, 0x01, 0x00, 0x01], 65_537],
    ["bytes of variable length", [0x0d, 0x13, 0xf0, ...new Array<number>(16).fill(7)], "bytes"],
    [
      "the lowest integer",
      [0x02, 0x59, 0x00, 0x80],
      "sentinel: the meter gives the lowest integer, which stands for no value",
    ],
    ["no float", [0x05, 0x5b, 0x00, 0x00, 0xc0, 0x7f], "sentinel: the meter gives the float NaN"],
    ["digits beyond nine", [0x0a, 0x13, 0xeb, 0xdd], "sentinel: the meter gives the digits DDEB"],
    ["all digits F", [0x0c, 0x13, 0xff, 0xff, 0xff, 0xff], "sentinel: the meter gives the digits FFFFFFFF"],
    ["flags have no sign", [0x02, 0xfd, 0x17, 0x00, 0x80], 0x8000],
    ["type D has no sign", [0x02, 0x93, 0xfc, 0x12, 0xff, 0xff], 0xffff],
  ])("%s", (_, list, expected) => {
    expect(plain(only(...list).value)).toBe(expected);
  });

  it.each([
    [[0x02, 0x6c, 0x5e, 0x36], "2026-06-30"],
    [[0x02, 0x6c, 0x9f, 0xc1], "sentinel: the meter gives year 100 of the century"],
    [[0x02, 0x6c, 0xbf, 0xc1], "sentinel: the meter gives year 101 of the century"],
    [[0x02, 0x6c, 0xff, 0xff], "sentinel: the meter gives no date is set"],
    [[0x02, 0x6c, 0x5d, 0x32], "sentinel: the meter gives 2026-02-29 is no date"],
    [[0x04, 0x6d, 59, 23, 0x5e, 0x36], "2026-06-30T23:59"],
    // Summer time, and the century of 19xx + 100.
    [[0x04, 0x6d, 5, 0x80 | 0x20 | 7, 0x5e, 0x36], "2026-06-30T07:05"],
    [[0x04, 0x6d, 0x80 | 5, 7, 0x5e, 0x36], "sentinel: the meter gives a time that it calls invalid"],
    [[0x04, 0x6d, 5, 24, 0x5e, 0x36], "sentinel: the meter gives a time that no clock shows"],
    // 1996, from a meter that knows no century.
    [[0x04, 0x6d, 16, 9, 0x05, 0xc5], "1996-05-05T09:16"],
    [[0x06, 0x6d, 30, 59, 23, 0x5e, 0x36, 0], "2026-06-30T23:59:30"],
    [[0x03, 0x6d, 30, 59, 23], "23:59:30"],
    [[0x01, 0x6d, 30], "config-error: a time of 1 bytes"],
  ])("the time %j is %s", (list, expected) => {
    expect(plain(only(...list).value)).toBe(expected);
  });
});

describe("the head of a record", () => {
  it("has a storage number of 41 bits, a tariff of 20 and a subunit of 10", () => {
    const difes = [...new Array<number>(9).fill(0xff), 0x7f];
    const record = only(0xc4, ...difes, 0x06, 0, 0, 0, 0);
    expect([record.storage, record.tariff, record.subunit]).toEqual([2 ** 41 - 1, 2 ** 20 - 1, 1023]);
    expect(keyText(record.head)).toBe(`C4 ${"FF ".repeat(9)}7F 06`);
  });

  it("has at most ten extensions of each", () => {
    expect(() => records(0x84, ...new Array<number>(10).fill(0x80), 0x00, 0x06, 0, 0, 0, 0)).toThrow("DIFEs");
    expect(() => records(0x04, 0x86, ...new Array<number>(10).fill(0x80), 0x00, 0, 0, 0, 0)).toThrow("VIFEs");
    expect(records(0x04, 0x86, ...new Array<number>(9).fill(0x80), 0x00, 0, 0, 0, 0)).toHaveLength(1);
  });

  it.each<[number[], string, string, number, number, string[]]>([
    [[0x04, 0x06], "energy", "Wh", 3, 1, []],
    [[0x04, 0x0e], "energy", "J", 6, 1, []],
    [[0x04, 0xfb, 0x00], "energy", "Wh", 5, 1, []],
    [[0x04, 0xfb, 0x09], "energy", "J", 9, 1, []],
    [[0x04, 0xfb, 0x0d], "energy", "cal", 6, 1, []],
    [[0x04, 0xfb, 0x1b], "relative-humidity", "%RH", 0, 1, []],
    [[0x04, 0xfb, 0x2e], "frequency", "Hz", -1, 1, []],
    [[0x04, 0x25], "operating-time", "s", 0, 60, []],
    [[0x04, 0x42], "volume-flow", "m3/min", -5, 1, []],
    [[0x04, 0xfd, 0x48], "voltage", "V", -1, 1, []],
    [[0x04, 0xfd, 0xc8, 0xfc, 0x01], "voltage", "V", -1, 1, ["phase-l1"]],
    [[0x04, 0xfd, 0xfd, 0x02], "battery-remaining", "month", 0, 1, []],
    [[0x04, 0x86, 0x3b], "energy", "Wh", 3, 1, ["forward"]],
    [[0x04, 0x86, 0x22], "energy", "Wh", 3, 1, ["per-hour"]],
    [[0x04, 0x93, 0x74], "volume", "m3", -5, 1, []],
    [[0x04, 0x93, 0x7d], "volume", "m3", 0, 1, []],
    [[0x04, 0x93, 0x7b], "volume", "m3", -3, 1, ["plus-1"]],
    [[0x04, 0xbb, 0x49], "volume-flow", "count", 0, 1, ["upper-limit-exceeds"]],
    [[0x04, 0xbb, 0x5e], "volume-flow", "s", 0, 3600, ["last-upper-limit-exceed-hours"]],
    [[0x04, 0xff, 0x81, 0x02], "manufacturer", "", 0, 1, ["manufacturer-01", "manufacturer-02"]],
    [[0x04, 0x94, 0x7f], "volume", "m3", -2, 1, ["manufacturer"]],
    [[0x04, 0x6f], "reserved", "", 0, 1, []],
  ])("%j is %s in %s * 10^%d * %d", (head, quantity, unit, exponent, factor, modifiers) => {
    const record = only(...head, 1, 0, 0, 0);
    expect(record).toMatchObject({ quantity, unit, exponent, factor, modifiers });
    expect(plain(record.value)).toBe(1);
  });

  it("gives a limit's date as a date", () => {
    expect(plain(only(0x04, 0xbb, 0x4a, 59, 23, 0x5e, 0x36).value)).toBe("2026-06-30T23:59");
  });

  it("has no value where the meter reports an error of the record", () => {
    expect(plain(only(0x02, 0xd9, 0x15, 1, 0).value)).toBe("sentinel: the meter says: no data available");
    expect(plain(only(0x02, 0xd9, 0x02, 1, 0).value)).toMatch(/^config-error: the meter says: this storage/);
  });

  it("skips idle bytes, keeps the maker's block, and tells whether more follows", () => {
    const list = decodeRecords(bytes(0x2f, 0x2f, 0x01, 0x13, 5, 0x2f, 0x1f, 1, 2, 3), false);
    expect(list.records).toHaveLength(1);
    expect(list.manufacturerData).toEqual(bytes(1, 2, 3));
    expect(list.more).toBe(true);
    expect(() => records(0x3f)).toThrow("reserved DIF");
    expect(() => records(0x0d, 0x13, 0xf9)).toThrow("reserved length");
  });
});

describe("a telegram", () => {
  const head = [0x78, 0x56, 0x34, 0x12, 0x8e, 0x4e, 7, 4, 33, 0x0c, 0, 0];
  const frame = (information: number, data: readonly number[]) => {
    const found = lookAt(encodeLong({ control: 8, address: 5, information, data: bytes(...data) }), 0, 300);
    if (typeof found === "string" || found.frame.kind !== "long") throw new Error("no frame");
    return found.frame;
  };

  it("says who speaks, and its status", () => {
    const { header } = decodeTelegram(frame(0x72, head));
    expect(header).toEqual({
      id: "12345678",
      manufacturer: "STN",
      version: 7,
      medium: 4,
      access: 33,
      status: 0x0c,
      signature: 0,
    });
  });

  it("has all of it the other way round in mode 2", () => {
    const swapped = [0x12, 0x34, 0x56, 0x78, 0x4e, 0x8e, 7, 4, 33, 0x0c, 0, 0];
    const telegram = decodeTelegram(
      frame(0x76, [...swapped, 0x04, 0x06, 0, 0, 1, 2, 0x0d, 0xfd, 0x11, 2, 65, 66]),
    );
    expect(telegram.header).toEqual(decodeTelegram(frame(0x72, head)).header);
    expect(telegram.records.map(({ value }) => plain(value))).toEqual([258, "AB"]);
  });

  it("may have a short header or none", () => {
    expect(decodeTelegram(frame(0x7a, [9, 4, 0, 0, 0x01, 0x13, 1])).header).toEqual({
      access: 9,
      status: 4,
      signature: 0,
    });
    expect(decodeTelegram(frame(0x78, [0x01, 0x13, 1])).records).toHaveLength(1);
  });

  it("may be of the fixed structure", () => {
    const data = [0x78, 0x56, 0x34, 0x12, 10, 0x08, 0x05, 0x6c, ...bcd(1234, 4), ...bcd(56_789, 4)];
    const { header, records: counters } = decodeTelegram(frame(0x73, data));
    expect(header).toEqual({ id: "12345678", access: 10, status: 8, medium: 4 });
    expect(
      counters.map(({ quantity, unit, exponent, value }) => [quantity, unit, exponent, plain(value)]),
    ).toEqual([
      ["energy", "Wh", 3, 1234],
      ["volume", "m3", 0, 56_789],
    ]);
  });

  it.each([
    [0x70, [8], "application-error"],
    [0x71, [1], "alarm"],
    [0x51, [], "unsupported-telegram"],
    [0x72, [1, 2, 3], "malformed"],
    [0x73, [1, 2, 3], "malformed"],
    [0x72, [...head.slice(0, 10), 0x10, 0x05, 1, 2], "encrypted"],
  ])("of CI %i and data %j is refused: %s", (information, data, code) => {
    expect(() => decodeTelegram(frame(information, data))).toThrow(expect.objectContaining({ code }));
  });

  it("has a maker of three letters", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z]{3}$/), (letters) => {
        expect(manufacturerLetters(manufacturerCode(letters))).toBe(letters);
      }),
    );
  });
});

describe("frames on a line", () => {
  const frame: fc.Arbitrary<Uint8Array> = fc.oneof(
    fc.constant(bytes(0xe5)),
    fc.tuple(fc.nat(255), fc.nat(255)).map(([control, address]) => encodeShort(control, address)),
    fc
      .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 252 }))
      .map(([control, address, information, data]) => encodeLong({ control, address, information, data })),
  );

  it("come out as they went in, however they are cut", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 1, max: 300 }), (frames, size) => {
        const stream = Buffer.concat(frames);
        const deframer = new MbusDeframer();
        const found: Frame[] = [];
        for (let from = 0; from < stream.length; from += size)
          found.push(...deframer.push(stream.subarray(from, from + size), 0));
        expect(found.map(encoded)).toEqual(frames.map((one) => Buffer.from(one).toString("hex")));
        expect(deframer.statistics["skipped-bytes"]).toBe(0);
      }),
    );
  });

  function encoded(found: Frame): string {
    const list =
      found.kind === "ack"
        ? bytes(0xe5)
        : found.kind === "short"
          ? encodeShort(found.control, found.address)
          : encodeLong(found);
    return Buffer.from(list).toString("hex");
  }

  it("are found behind the beginning of one that never ends, once the line is quiet", () => {
    const deframer = new MbusDeframer(150);
    const good = encodeShort(0x5b, 1);
    expect(deframer.push(bytes(0x68, 0x20, 0x20, 0x68, 1, 2), 0)).toEqual([]);
    expect(deframer.push(good, 0)).toEqual([]);
    expect(deframer.quiet(0)).toEqual([{ kind: "short", control: 0x5b, address: 1 }]);
    expect(deframer.statistics).toEqual({ frames: 1, "bad-frames": 2, "skipped-bytes": 6 });
  });

  it("refuses more data than a frame can say", () => {
    const data = new Uint8Array(253);
    expect(() => encodeLong({ control: 8, address: 1, information: 0x72, data })).toThrow(RangeError);
  });
});

describe("a value as decimal text", () => {
  it("has every digit of mantissa * 10^exponent", () => {
    expect(decimalText(56_108, -2)).toBe("561.08");
    expect(decimalText(-5, -3)).toBe("-0.005");
    expect(decimalText(37, 4)).toBe("370000");
    expect(decimalText(0, 4)).toBe("0");
    expect(decimalText(1200, -2)).toBe("12");
    expect(decimalText(2n ** 63n, -3)).toBe("9223372036854775.808");
  });
});
