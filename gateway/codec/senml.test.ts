import { decode as cborgDecode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../model/value.ts";
import { encodeCbor } from "./cbor.ts";
import {
  decodePack,
  encodePack,
  mergePacks,
  type Pack,
  type PackHeader,
  type Series,
  setBaseTime,
} from "./senml.ts";
import { relativeTime } from "./senml-encode.ts";

const header: PackHeader = { gateway: "gw1", audience: "open", run: "r1", seq: 1, seqTo: 1 };
const base = "urn:dev:ops:32473-stadsnod-m1:";
const now = 1_790_000_000_123;

/** Labels and string keys as a receiver that is not ours sees them. */
function foreign(bytes: Uint8Array): Map<number | string, unknown>[] {
  return cborgDecode(bytes, { useMaps: true, rejectDuplicateMapKeys: true, strict: true });
}

function flat(series: readonly Series[]): { name: string; unit?: string; value: Value; time: number }[] {
  return series
    .flatMap(({ base, name, unit, times, values }) =>
      values.map((value, index) => ({
        name: base + name,
        ...(unit === undefined ? {} : { unit }),
        value,
        time: times[index]!,
      })),
    )
    .sort(byNameAndTime);
}

function byNameAndTime(a: { name: string; time: number }, b: { name: string; time: number }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.time - b.time;
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return "nothing thrown";
}

describe("RFC 8428 examples", () => {
  // Section 6, the CBOR form of the multiple-records example (its bver is 5).
  const example = Buffer.from(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c74616765016156" +
      "02fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd" +
      "a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999a" +
      "a3006763757272656e74060002fb3ffb333333333333",
    "hex",
  );

  it("resolves the 195 bytes of the specification", () => {
    expect(example.length).toBe(195);
    const { records, header: account } = decodePack(example);
    expect(account).toBeUndefined();
    expect(records.map(({ name, unit, value, time }) => [name, unit, value, time])).toEqual([
      ["urn:dev:ow:10e2073a0108006:voltage", "V", 120.1, 1276020076001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.2, 1276020071001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.3, 1276020072001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.4, 1276020073001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.5, 1276020074001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.6, 1276020075001],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1.7, 1276020076001],
    ]);
  });

  it("comes out of our encoder with the same meaning", () => {
    const { records } = decodePack(example);
    const series: Series[] = records.map(({ name, unit, value, time }) => ({
      base: "urn:dev:ow:10e2073a0108006:",
      name: name.slice(27),
      unit,
      times: [time],
      values: [value!],
    }));
    expect(decodePack(encodePack({ header, series })).records.toSorted(byNameAndTime)).toEqual(
      records.toSorted(byNameAndTime),
    );
  });

  it("applies base value, base sum, base unit and relative time (section 4)", () => {
    const bytes = encodeCbor([
      new Map<number, string | number>([
        [-2, "a:"],
        [-4, "Cel"],
        [-5, 20],
        [0, "x"],
        [2, 0.5],
      ]),
      new Map<number, string | number>([
        [0, "y"],
        [1, "K"],
        [2, 1],
        [6, -5],
      ]),
      new Map<number, string | number | boolean>([
        [0, "z"],
        [4, true],
        [7, 60],
      ]),
      new Map<number, string | number>([
        [-6, 100],
        [0, "s"],
        [5, 1],
      ]),
    ]);
    expect(decodePack(bytes).records).toEqual([
      { name: "a:x", unit: "Cel", value: 20.5, time: 0, timeBase: "now" },
      { name: "a:y", unit: "K", value: 21, time: -5000, timeBase: "now" },
      { name: "a:z", value: true, time: 0, timeBase: "now", updateTime: 60000 },
      { name: "a:s", unit: "Cel", sum: 101, time: 0, timeBase: "now" },
    ]);
  });
});

describe("encodePack", () => {
  const live: Pack = {
    header: { ...header, seq: 7, seqTo: 7 },
    series: [
      { base, name: "u1", unit: "V", times: [now], values: [230.1] },
      { base, name: "i1", unit: "A", times: [now], values: [1.5] },
      { base, name: "u2", unit: "V", times: [now], values: [229] },
      { base, name: "energy", unit: "J", times: [now + 250], values: [2n ** 60n] },
      { base, name: "door", times: [now + 300], values: [true] },
      { base, name: "u3/quality", times: [now + 999], values: ["stale"] },
      { base, name: "raw", times: [now], values: [Uint8Array.of(1, 2)] },
    ],
  };

  it("is read by a foreign CBOR library, with the account in the first record and units resolvable", () => {
    const records = foreign(encodePack(live));
    expect(Object.fromEntries(records[0]!)).toMatchObject({
      gw: "gw1",
      aud: "open",
      run: "r1",
      seq: 7,
      [-2]: base,
    });
    let unit: unknown;
    for (const record of records) {
      unit = record.get(-4) ?? unit;
      const keys = Array.from(record.keys(), Number).filter((key) => !Number.isNaN(key));
      expect(keys).toEqual(keys.toSorted((a, b) => (a < 0 ? 100 - a : a) - (b < 0 ? 100 - b : b)));
      if (record.has(2)) expect(record.get(1) ?? unit).toBeTypeOf("string");
      else expect(unit).toBeUndefined();
    }
    expect(unit).toBeUndefined();
    expect(records.filter((record) => record.has(1))).toHaveLength(4);
  });

  it("keeps every reading", () => {
    const decoded = decodePack(encodePack(live));
    expect(decoded.header).toEqual(live.header);
    expect(decoded.records.map(({ timeBase: _, ...rest }) => rest).toSorted(byNameAndTime)).toEqual(
      flat(live.series),
    );
  });

  it("lets readings of one instant share the base time", () => {
    const series = ["a", "b", "c", "d"].map((name) => ({ base, name, unit: "V", times: [now], values: [1] }));
    const records = foreign(encodePack({ header, series }));
    expect(records.filter((record) => record.has(6))).toEqual([]);
    expect(records.filter((record) => record.has(-4))).toHaveLength(1);
  });

  it("names a long series once", () => {
    const times = Array.from({ length: 20 }, (_, index) => now + index * 1000);
    const records = foreign(
      encodePack({ header, series: [{ base, name: "u1", unit: "V", times, values: times.map(() => 1) }] }),
    );
    expect(records[0]!.get(-2)).toBe(`${base}u1`);
    expect(Array.from(records[19]!.keys())).toEqual([2, 6]);
  });

  it.each<[string, Partial<Pack>]>([
    ["no records", { series: [] }],
    ["NaN", { series: [{ base, name: "a", unit: "V", times: [now], values: [Number.NaN] }] }],
    ["a number without a unit", { series: [{ base, name: "a", times: [now], values: [1] }] }],
    ["a unit without a number", { series: [{ base, name: "a", unit: "V", times: [now], values: ["x"] }] }],
    [
      "a fraction of a millisecond",
      { series: [{ base, name: "a", unit: "V", times: [now + 0.5], values: [1] }] },
    ],
    ["more than 64 bits", { series: [{ base, name: "a", unit: "V", times: [now], values: [2n ** 64n] }] }],
  ])("refuses %s", (_, pack) => {
    expect(() => encodePack({ header, series: [], ...pack })).toThrow(RangeError);
  });
});

const anySeries = fc
  .record({
    device: fc.constantFrom(
      "urn:dev:mac:0024befffe804ff1:",
      base,
      "urn:dev:ops:32473-stadsnod-a-long-device-name:",
    ),
    unit: fc.option(fc.constantFrom("V", "A", "Cel", "%RH"), { nil: undefined }),
    name: fc.stringMatching(/^[a-z][a-z0-9_]{0,15}$/),
    samples: fc.array(fc.tuple(fc.integer({ min: -40_000_000, max: 40_000_000 }), fc.integer()), {
      minLength: 1,
      maxLength: 30,
    }),
    floats: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 30, maxLength: 30 }),
    plain: fc.array(fc.oneof(fc.boolean(), fc.string({ unit: "grapheme" }), fc.uint8Array()), {
      minLength: 30,
      maxLength: 30,
    }),
  })
  .map(
    ({ device, unit, name, samples, floats, plain }): Series => ({
      base: device,
      name: unit === undefined ? `${name}/s` : name,
      unit,
      times: samples.map(([offset]) => now + offset),
      values: samples.map(([, value], index) =>
        unit === undefined
          ? plain[index]!
          : value % 3 === 0
            ? BigInt(value) * 2n ** 30n
            : value % 2 === 0
              ? value
              : floats[index]!,
      ),
    }),
  );
const anySeriesList = fc.uniqueArray(anySeries, {
  minLength: 1,
  maxLength: 12,
  selector: ({ base, name }) => base + name,
});

/** Equal numbers are equal, whether bigint or not: the wire does not tell them apart. */
function comparable(records: readonly { name: string; value?: Value | undefined; time: number }[]): string[] {
  return records
    .map(
      ({ name, value, time }) =>
        `${name} ${time} ${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value}`,
    )
    .sort();
}

describe("properties", () => {
  it("decode(encode(x)) = x, to the millisecond, by our decoder", () => {
    fc.assert(
      fc.property(anySeriesList, (series) => {
        const decoded = decodePack(encodePack({ header, series }));
        expect(comparable(decoded.records)).toEqual(comparable(flat(series)));
        for (const record of decoded.records) {
          const given = series.find(({ base, name }) => base + name === record.name);
          expect(record.unit).toBe(given?.unit);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("a relative time added to any base time rounds to the right millisecond", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: -16_383_000, max: 16_383_000 }),
        (start, offset) => {
          // `+ 0` because -0 ms is 0 ms.
          expect(Math.round((start / 1000 + relativeTime(offset)) * 1000) + 0).toBe(start + offset);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("mergePacks keeps every reading and every gap", () => {
    fc.assert(
      fc.property(fc.array(anySeriesList, { minLength: 1, maxLength: 6 }), (lists) => {
        const gap = { run: "r0", from: 3, to: 9, readings: 700, reason: "disk-full", time: now };
        const packs = lists.map((series, index) =>
          encodePack({
            header: { ...header, seq: index + 1, seqTo: index + 1 },
            series,
            gaps: index === 0 ? [gap] : [],
          }),
        );
        const decoded = decodePack(mergePacks(packs));
        expect(decoded.header).toEqual({ ...header, seqTo: lists.length });
        expect(decoded.gaps).toEqual([gap]);
        expect(comparable(decoded.records)).toEqual(comparable(lists.flatMap(flat)));
      }),
      { numRuns: 100 },
    );
  });

  it("never takes damaged bytes for anything but FormatError or a pack", () => {
    const good = encodePack({
      header,
      series: [{ base, name: "a", unit: "V", times: [now, now + 1], values: [1, 2.5] }],
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (hits) => {
          const bytes = Uint8Array.from(good);
          for (const [at, value] of hits) bytes[at] = value;
          const outcome = code(() => decodePack(bytes));
          expect(outcome).toMatch(/^(nothing thrown|cbor-|senml-)/);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("decodePack refuses", () => {
  const record = (...fields: [number | string, string | number | boolean][]) => encodeCbor([new Map(fields)]);
  it.each<[string, Uint8Array]>([
    ["senml-form", encodeCbor({ a: 1 })],
    ["senml-form", encodeCbor([1])],
    ["senml-form", record([0, "a"])],
    ["senml-form", record([0, "a"], [2, 1], [3, "x"])],
    ["senml-field", record([0, "a"], [2, "1"])],
    ["senml-field", record([0, 1], [2, 1])],
    ["senml-field", record([0, "a"], [2, Number.POSITIVE_INFINITY])],
    ["senml-field", record([0, "a"], [4, 1])],
    ["senml-field", record([0, "a"], [8, "text"])],
    ["senml-field", record([0, "a"], [2, 1], [6, "now"])],
    ["senml-name", record([2, 1])],
    ["senml-name", record([0, "_a"], [2, 1])],
    ["senml-name", record([0, "a b"], [2, 1])],
    ["senml-version", record([-1, 11], [0, "a"], [2, 1])],
    ["senml-version", record([-1, 58], [0, "a"], [2, 1])],
    ["senml-must-understand", record([0, "a"], [2, 1], ["key_", 1])],
    ["senml-account", record([0, "a"], [2, 1], ["gw", "g"])],
    ["senml-account", record([0, "a"], [3, "why"], ["gap", 1])],
    ["senml-boot-relative", record([0, "a"], [2, 1], ["boot_", "b"])],
    ["cbor-truncated", Uint8Array.of(0x81)],
  ])("%s", (expected, bytes) => {
    expect(code(() => decodePack(bytes))).toBe(expected);
  });

  it("ignores fields that it does not know", () => {
    const { records } = decodePack(record([0, "a"], [2, 1], ["ct", "60"], [99, 1]));
    expect(records).toEqual([{ name: "a", value: 1, time: 0, timeBase: "now" }]);
  });
});

describe("numbers that add up to no number", () => {
  it.each<[string, [number, number][]]>([
    [
      "value",
      [
        [-5, 1e308],
        [2, 1e308],
      ],
    ],
    [
      "sum",
      [
        [-6, 1e308],
        [5, 1e308],
      ],
    ],
    [
      "time",
      [
        [-3, 1e308],
        [2, 1],
      ],
    ],
    [
      "update time",
      [
        [2, 1],
        [7, 1e308],
      ],
    ],
  ])("refuses them: %s", (_, fields) => {
    const record = new Map<number, number | string>([[0, "a"], [1, "V"], ...fields]);
    expect(code(() => decodePack(encodeCbor([record])))).toBe("senml-field");
  });
});

describe("setBaseTime", () => {
  const pack = encodePack({
    header: { ...header, boot: "b-1" },
    time: 61_234,
    series: [
      { base, name: "u1", unit: "V", times: [61_234, 71_239], values: [230.1, 230.2] },
      { base, name: "door", times: [60_000], values: [true] },
    ],
    gaps: [{ run: "r0", from: 1, to: 2, readings: 200, reason: "expired", time: 60_100 }],
  });

  it("keeps a boot-relative pack from every SenML decoder until it is resolved", () => {
    expect(foreign(pack)[0]!.get("boot_")).toBe("b-1");
    expect(code(() => decodePack(pack))).toBe("senml-boot-relative");
    expect(decodePack(pack, { bootRelative: true }).records.map((record) => record.timeBase)).toEqual([
      "boot",
      "boot",
      "boot",
    ]);
  });

  it("moves every time by the moment of boot, and nothing else", () => {
    const decoded = decodePack(setBaseTime(pack, now + 61_234));
    expect(decoded.header).toEqual(header);
    expect(decoded.gaps[0]).toMatchObject({ from: 1, to: 2, time: now + 60_100 });
    expect(
      decoded.records.map(({ name, value, time, timeBase }) => [
        name.slice(base.length),
        value,
        time - now,
        timeBase,
      ]),
    ).toEqual([
      ["door", true, 60_000, "unix"],
      ["u1", 230.1, 61_234, "unix"],
      ["u1", 230.2, 71_239, "unix"],
    ]);
  });

  it("marks the pack, not the values, when the clock was never confirmed", () => {
    expect(decodePack(setBaseTime(pack, now + 61_234, true)).header).toEqual({ ...header, estimated: true });
  });

  it("leaves other packs alone", () => {
    const done = setBaseTime(pack, now + 61_234);
    expect(setBaseTime(done, 0)).toBe(done);
  });
});

describe("mergePacks", () => {
  const one = (change: Partial<PackHeader>, count = 50) =>
    encodePack({
      header: { ...header, ...change },
      series: [
        {
          base,
          name: "u1",
          unit: "V",
          times: Array.from({ length: count }, (_, i) => now + i * 1003),
          values: Array.from({ length: count }, () => 230.1),
        },
      ],
    });

  it("names its range and is smaller than what went in", () => {
    const packs = Array.from({ length: 20 }, (_, index) => one({ seq: index + 3, seqTo: index + 3 }));
    const merged = mergePacks(packs);
    expect(decodePack(merged).header).toMatchObject({ seq: 3, seqTo: 22 });
    expect(decodePack(merged).records).toHaveLength(1000);
    expect(merged.length).toBeLessThan(packs.reduce((sum, pack) => sum + pack.length, 0));
    const again = mergePacks([merged, one({ seq: 23, seqTo: 23 })]);
    expect(decodePack(again).header).toMatchObject({ seq: 3, seqTo: 23 });
  });

  it.each<[string, Partial<PackHeader>]>([
    ["a hole", { seq: 3, seqTo: 3 }],
    ["another run", { seq: 2, seqTo: 2, run: "r2" }],
    ["another audience", { seq: 2, seqTo: 2, audience: "traffic" }],
    ["another clock mark", { seq: 2, seqTo: 2, estimated: true }],
    ["unresolved times", { seq: 2, seqTo: 2, boot: "b" }],
  ])("refuses %s", (_, change) => {
    expect(code(() => mergePacks([one({}), one(change)]))).toBe("senml-merge");
  });

  it.each<[string, [number, string | number][]]>([
    ["a number without a unit", [[2, 5]]],
    [
      "a time beyond all dates",
      [
        [2, 5],
        [1, "V"],
        [6, 1e300],
      ],
    ],
  ])("refuses %s, which nobody could write again", (_, fields) => {
    const account = new Map<string | number, string | number>([
      [0, "a"],
      ...fields,
      ["gw", "gw1"],
      ["aud", "open"],
      ["run", "r1"],
      ["seq", 2],
    ]);
    const strange = encodeCbor([account]);
    expect(code(() => mergePacks([one({}), strange]))).toMatch(/^senml-(merge|field)$/);
    account.set("boot_", "b");
    expect(code(() => setBaseTime(encodeCbor([account]), now))).toMatch(/^senml-(merge|field)$/);
  });
});
