import { deflateSync, zstdCompressSync } from "node:zlib";
import { encode } from "cborg";
import { describe, expect, it } from "vitest";
import { readPack, unpack } from "./senml.ts";

type Fields = [number | string, unknown][];
const account: Fields = [
  ["gw", "g"],
  ["run", "r"],
  ["seq", 4],
];
const pack = (...records: Fields[]) => encode(records.map((fields) => new Map(fields)));

describe("the platform's SenML reader", () => {
  it("resolves base name, base time, base unit and base value", () => {
    const bytes = pack(
      [...account, [-2, "urn:dev:ops:1-x-a:"], [-3, 1.79e9], [-4, "W"], [-5, 100], [0, "p"], [2, 1]],
      [
        [0, "q"],
        [1, "V"],
        [2, 2],
        [6, 1.5],
      ],
      [
        [-2, "urn:dev:ops:1-x-b:"],
        [0, "p"],
        [2, 3],
        [6, -1],
      ],
    );
    expect(readPack(bytes)).toEqual({
      gateway: "g",
      audience: undefined,
      run: "r",
      seq: 4,
      seqTo: 4,
      estimated: false,
      gaps: [],
      readings: [
        { name: "urn:dev:ops:1-x-a:p", unit: "W", value: 101, time: 1_790_000_000_000 },
        { name: "urn:dev:ops:1-x-a:q", unit: "V", value: 102, time: 1_790_000_001_500 },
        { name: "urn:dev:ops:1-x-b:p", unit: "W", value: 103, time: 1_789_999_999_000 },
      ],
    });
  });

  it("reads booleans, texts, bytes, seqTo, the clock's mark and gaps", () => {
    const gap = new Map<string, unknown>([
      ["to", 3],
      ["run", "r0"],
      ["from", 2],
      ["lost", 9],
    ]);
    const bytes = pack(
      [
        ...account,
        ["seqTo", 6],
        ["clk", "estimated"],
        ["aud", "open"],
        ["gap", gap],
        [-2, "g:"],
        [-3, 1.79e9],
        [0, "gap"],
        [3, "expired"],
      ],
      [
        [0, "on"],
        [4, true],
      ],
      [
        [0, "key"],
        [8, Uint8Array.of(1, 2)],
      ],
    );
    const read = readPack(bytes);
    expect(read).toMatchObject({ seq: 4, seqTo: 6, estimated: true, audience: "open" });
    expect(read.gaps).toEqual([{ run: "r0", from: 2, to: 3, readings: 9, reason: "expired" }]);
    expect(read.readings.map(({ value }) => value)).toEqual([true, expect.any(Uint8Array)]);
  });

  it("refuses what breaks the RFC or the contract", () => {
    const time: Fields = [[-3, 1.79e9]];
    for (const [bytes, reason] of [
      [pack([...account, ...time, [0, "p"], [2, 1], ["boot_", "x"]]), "must be understood: boot_"],
      [pack([...account, [0, "p"], [2, 1]]), "a time that is relative to now"],
      [pack([...account, ...time, [-1, 26], [0, "p"], [2, 1]]), "SenML version 26"],
      [pack([...account, ...time, [0, "p"], [2, 1], [3, "x"]]), "two values"],
      [pack([...account, ...time, [0, "-p"], [2, 1]]), "not a SenML name"],
      [pack([...time, [0, "p"], [2, 1]]), "is not a"],
      [encode([]), "array of records"],
      [encode({ a: 1 }), "array of records"],
    ] as const)
      expect(() => readPack(bytes)).toThrow(reason);
  });

  it("unpacks by the last level of the topic", () => {
    const bytes = Buffer.from("pack");
    expect(unpack("112", bytes)).toEqual(bytes);
    expect(unpack("112-zstd", zstdCompressSync(bytes))).toEqual(bytes);
    expect(unpack("112-deflate", deflateSync(bytes))).toEqual(bytes);
    expect(() => unpack("110", bytes)).toThrow("unknown format 110");
    expect(() => unpack("112-zstd", zstdCompressSync(Buffer.alloc(17 * 1024 * 1024)))).toThrow();
  });
});
