import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePayload, type Payload, readSchemaText } from "./index.ts";

const compile = (fields: string, head = ""): Payload =>
  compilePayload(readSchemaText(`name: t\n${head}\nfields:\n${fields}`));
const encode = (fields: string, values: Record<string, unknown>, head = ""): string => {
  const { bytes, errors } = compile(fields, head).encode(values);
  expect(errors).toEqual([]);
  return Buffer.from(bytes).toString("hex");
};
const refusal = (fields: string, values: Record<string, unknown>): readonly string[] => {
  const { bytes, errors } = compile(fields).encode(values);
  expect(bytes).toHaveLength(0);
  return errors;
};

describe("encoding fields", () => {
  it.each([
    ["u16, div: 10", 25.5, "00ff"],
    ["s16, mult: 2, add: -40", -44, "fffe"],
    ["s24", -2, "fffffe"],
    ["u64", "18446744073709551615", "ffffffffffffffff"],
    ["u64", 2 ** 40, "0000010000000000"],
    ["u32le16", 65_538, "00020001"],
    ["f32", 1.5, "3fc00000"],
    ["udec", 3.7, "37"],
    ["sdec", -0.5, "f5"],
    ["u8, transform: [{add: -5}, {div: 2}]", 2.5, "0a"],
    ["u8, transform: [{mult: 3, div: 2, add: 1}]", 5.5, "03"],
    ["u8, div: 2", 1.25, "02"],
    ["u8, div: 2", 1.75, "04"],
    ["u8, lookup: [off, on]", "on", "01"],
    ["u8, lookup: {7: a, 9: a}", "a", "07"],
    ["u8, lookup: {7: a}", 33, "21"],
    ["enum, values: {3: x}", "x", "03"],
    ["enum, values: {3: x}", "unknown(200)", "c8"],
    ["u8, encoding: sign_magnitude", -5, "85"],
    ["u16, encoding: bcd", 1234, "1234"],
    ["u8, encoding: gray", 9, "0d"],
    ["ascii, length: 3", "A", "410000"],
    ["string, length: 3", "aåå", "61c3a5"],
    ["hex, length: 3", "AB 01", "ab0100"],
    ["'hex:upper', length: 1", "AB", "ab"],
    ["bytes, length: remaining", [1, 255], "01ff"],
    ["base64, length: 2", "qwE=", "ab01"],
    ["version_string, prefix: v", "v1.2.10", "01020a"],
    ["bitfield_string, parts: [[12, 4], [0, 8, hex]]", "3.fe", "30fe"],
    ["u8, time: epoch-2000", 946_684_803, "03"],
    ["bool, consume: 1", true, "01"],
  ])("%s writes %j as %s", (type, value, bytes) => {
    expect(encode(`- {name: v, type: ${type}}`, { v: value })).toBe(bytes);
  });

  it.each([
    ["u8", 256],
    ["u8", -1],
    ["s8", 128],
    ["u8", "five"],
    ["u8", Number.NaN],
    ["u8", { a: 1 }],
    ["'u8[0:3]', consume: 1", 16],
    ["u8, lookup: {1: a, default: b}", "b"],
    ["u8, mult: 0", 5],
    ["u8, transform: [{sqrt: true}]", 2],
    ["u8, encoding: bcd", 100],
    ["hex, length: 2", "xy"],
    ["ascii, length: 2", "å"],
    ["bitfield_string, parts: [[0, 4]]", "16"],
    ["bool, consume: 1", 2],
  ])("%s refuses %j", (type, value) => {
    expect(refusal(`- {name: v, type: ${type}}`, { v: value })).toHaveLength(1);
  });

  it("writes what nobody gives: zeros with a warning, defaults, padding, hidden fields", () => {
    const fields =
      "- {name: a, type: u8}\n- {name: b, type: u8, add: -3}\n- {name: c, type: u8, default: 7}\n- {type: skip, length: 2}\n- {name: _d, type: u8, default: 9}\n- {type: u8}\n- {name: e, type: number, ref: $a}\n- {name: f, type: s8, absent: [0x80]}";
    const { bytes, warnings, errors } = compile(fields).encode({});
    expect([Buffer.from(bytes).toString("hex"), warnings, errors]).toEqual([
      "00030700000900" + "80",
      ["Missing field: a", "Missing field: b"],
      [],
    ]);
    expect(refusal("- {name: b, type: u8, add: 3}", {})).toHaveLength(1);
  });

  it("packs bit ranges that share bytes, and keeps what is written over them apart", () => {
    const loose =
      "- {name: a, type: 'u8[0:3]'}\n- {name: b, type: 'u8[4:7]', consume: 1}\n- {name: c, type: bool, bit: 6}\n- {name: d, type: u8}";
    expect(encode(loose, { a: 1, b: 2, c: true, d: 0x41 })).toBe("2141");
    const group =
      "- byte_group: {size: 2, fields: [{name: a, type: 'u16[12:15]'}, {name: _r, type: u16}, {name: b, type: 'u16[0:11]'}]}\n- {name: c, type: u8}";
    expect(encode(group, { a: 10, b: 0xbcd, c: 1 }, "endian: little")).toBe("abcd01");
  });
});

describe("encoding constructs", () => {
  it("derives presence bits from the values that are given", () => {
    const fields =
      "- {name: f, type: u16}\n- flagged: {field: f, groups: [{bit: 9, fields: [{name: a, type: u8}, {name: b, type: u8}]}, {bit: 0, fields: [{name: c, type: u8}]}]}";
    expect(encode(fields, { f: 0xffff, b: 2 })).toBe("02000002");
    expect(encode(fields, { c: 0 })).toBe("000100");
    const list = `- {name: l, type: repeat, until: end, fields: [${fields.replace("\n- ", ", ").replace(/^- /, "")}]}`;
    expect(
      encode(list.replace(", flagged", ", {flagged").replace(/\]\}\]\}$/, "]}}]}"), {
        l: [{ c: 1 }, { a: 3 }],
      }),
    ).toBe("00010102000300");
  });

  it("writes lists back to back, and a hidden count by itself", () => {
    const fields =
      "- {name: _n, type: u8}\n- {name: l, type: repeat, count: $_n, fields: [{name: v, type: u16}]}";
    expect(encode(fields, { l: [{ v: 1 }, { v: 2 }] })).toBe("0200010002");
    expect(
      refusal("- {name: l, type: repeat, until: end, fields: [{name: v, type: u8}]}", { l: 5 }),
    ).toHaveLength(1);
  });

  it("writes the branch that the discriminator, or what is given, chooses", () => {
    const fields =
      "- {name: k, type: u8, lookup: {1: one, 2: two}}\n- match: {field: k, cases: {one: [{name: a, type: u8}], two: [{name: b, type: u16}]}}";
    expect(encode(fields, { k: "two", b: 5 })).toBe("020005");
    expect(encode(fields, { k: 1, a: 5 })).toBe("0105");
    const hidden =
      "- {name: _k, type: u8}\n- match: {field: _k, cases: {1: [{name: a, type: u8}], '4..9': [{name: b, type: u8}]}}";
    expect(encode(hidden, { b: 5 })).toBe("0405");
    const inline =
      "- match: {length: 2, cases: {0x0102: [{name: a, type: u8}], default: [{name: c, type: u8}]}}";
    expect(encode(inline, { a: 5 }, "endian: little")).toBe("020105");
    expect(encode(inline, {})).toBe("");
    expect(refusal(inline, { c: 1 })).toHaveLength(1);
  });

  it("writes nested objects", () => {
    const fields =
      "- {name: o, type: object, fields: [{name: a, type: u8}, {object: p, fields: [{name: b, type: u8}]}]}";
    expect(encode(fields, { o: { a: 1, p: { b: 2 } } })).toBe("0102");
  });

  it("finds names that are filled from variables", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the language's own way to name a variable
    expect(encode("- {name: n, type: u8}\n- {name: v, type: u8, name_from: 't${n}'}", { n: 3, t3: 7 })).toBe(
      "0307",
    );
  });

  it("writes commands, whose hidden fields take no bytes, and reads them", () => {
    const payload = compile(
      "- {name: x, type: u8}",
      "downlink_commands: {set: {command_id: '0x11', fields: [{name: _r, type: u8}, {name: minutes, type: u16}]}, odd: {command_id: 999}}",
    );
    expect(Buffer.from(payload.encodeCommand("set", { minutes: 10 }).bytes).toString("hex")).toBe("11000a");
    expect(payload.decodeCommand(Uint8Array.of(0x11, 0, 10)).data).toEqual({
      _command: "set",
      _command_id: 17,
      minutes: 10,
    });
    expect(payload.decodeCommand(Uint8Array.of(0x12)).errors).toHaveLength(1);
    expect(payload.encodeCommand("odd", {}).errors).toHaveLength(1);
    expect(payload.notes).toEqual([expect.stringContaining("odd")]);
  });
});

describe("encoding tagged records", () => {
  const tlv = (cases: string, more = "") =>
    `- tlv: {tag_fields: [{name: c, type: u8}, {name: k, type: u8}], tag_key: [c, k], ${more} cases: ${cases}}`;
  const cases =
    "{'[1, 2]': [{name: a, type: u8}, {name: b, type: u8}], '[1, 3]': [{name: c, type: s16, div: 10}], '[1, *]': [{name: d, type: u8}]}";

  it("follows the order of the input", () => {
    expect(encode(tlv(cases), { c: -1.5, a: 1, b: 2 })).toBe("0103fff101020102");
  });

  it("writes a record per element of a list", () => {
    expect(encode(tlv(cases), { a: [1, 2], b: [3, 4] })).toBe("0102010301020204");
  });

  it("prefers the case that loses nothing, then the one that holds more", () => {
    const two =
      "{1: [{name: t, type: u8}], 2: [{name: t, type: u16, div: 10}], 3: [{name: t, type: u8}, {name: u, type: u8}]}";
    expect(encode(`- tlv: {cases: ${two}}`, { t: 25.5 })).toBe("0200ff");
    expect(encode(`- tlv: {cases: ${two}}`, { t: 25 })).toBe("0119");
    expect(encode(`- tlv: {cases: ${two}}`, { t: 25, u: 1 })).toBe("031901");
    expect(encode(`- tlv: {cases: ${two}}`, { t: 300 })).toBe("020bb8");
  });

  it("writes lengths, groups and channels", () => {
    const grouped =
      "- tlv: {length_size: 2, cases: {7: [{byte_group: [{name: x, type: 'u8[0:3]'}, {name: y, type: 'u8[4:7]'}]}, {name: s, type: string, length: remaining}]}}";
    expect(encode(grouped, { x: 1, y: 2, s: "hi" })).toBe("07000321" + "6869");
    const channels = "- tlv: {length_size: 1, merge: false, unknown: raw, cases: {1: [{name: a, type: u8}]}}";
    expect(
      encode(channels, {
        channels: [
          { tag: [1], a: 5 },
          { tag: 9, raw: "abcd" },
        ],
      }),
    ).toBe("0101050902abcd");
  });

  it("tells objects of one name apart by their members, element by element", () => {
    const two =
      "{1: [{name: h, type: object, fields: [{name: at, type: u8}, {name: t, type: u8}]}], 2: [{name: h, type: object, fields: [{name: at, type: u8}, {name: u, type: u8}]}]}";
    const payload = compile(`- tlv: {cases: ${two}}`);
    for (const bytes of ["010507", "020507", "010507020608010609"]) {
      const { data } = payload.decode(Buffer.from(bytes, "hex"));
      expect(Buffer.from(payload.encode(data).bytes).toString("hex")).toBe(bytes);
    }
  });

  it("refuses a case that stands for several tags", () => {
    expect(refusal(tlv(cases), { d: 1 })).toHaveLength(1);
  });
});

const layout = `name: all
endian: little
definitions: {head: {fields: [{name: kind, type: enum, values: [report, setup]}, {name: _pad, type: u8}]}}
fields:
  - $ref: "#/definitions/head"
  - {name: t, type: s16, div: 10}
  - {name: wide, type: s64}
  - {name: w, type: u32le16}
  - {name: code, type: hex, length: 3}
  - byte_group: {size: 2, fields: [{name: hi, type: "u16[9:15]"}, {name: lo, type: "u16[0:8]"}]}
  - {name: on, type: bool, bit: 3}
  - {name: level, type: "u8[4:7]", consume: 1}
  - {name: fw, type: bitfield_string, parts: [[8, 8], [0, 8, hex]]}
  - {name: f, type: f32}
  - {name: flags, type: u8}
  - flagged: {field: flags, groups: [{bit: 2, fields: [{name: x, type: u24, add: 5}]}, {bit: 0, fields: [{name: y, type: u16, transform: [{mult: 2}, {add: -9}]}]}]}
  - {name: n, type: u8, encoding: gray}
  - match: {field: n, cases: {1: [{name: one, type: u8}], "2..200": [{name: many, type: s8}]}, default: skip}
  - {name: _count, type: u8}
  - {name: list, type: repeat, count: $_count, max: 5, fields: [{name: a, type: u8}, {name: o, type: object, fields: [{name: b, type: sdec}]}]}
  - tlv:
      length_size: 1
      cases: {1: [{name: p, type: u16}], 2: [{name: q, type: s8, div: 4}, {name: r, type: u8, lookup: {0: no, 1: yes}}]}
`;

describe("decode(encode(x)) = x", () => {
  const payload = compilePayload(readSchemaText(layout));
  const int = (min: number, max: number) => fc.integer({ min, max });
  const values = fc
    .record({
      kind: fc.constantFrom("report", "setup"),
      t: int(-32_768, 32_767).map((tenths) => tenths / 10 + 0),
      wide: fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((big) => (Number.isSafeInteger(Number(big)) ? Number(big) : String(big))),
      w: int(0, 2 ** 32 - 1),
      code: fc.uint8Array({ minLength: 3, maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString("hex")),
      hi: int(0, 127),
      lo: int(0, 511),
      on: fc.boolean(),
      level: int(0, 15),
      fw: fc.tuple(int(0, 255), int(0, 255)).map(([major, minor]) => `${major}.${minor.toString(16)}`),
      f: fc.float({ noNaN: true, noDefaultInfinity: true }).map((single) => single + 0),
      n: int(0, 255),
      list: fc.array(
        fc.record({ a: int(0, 255), o: int(-80, 79).map((tenths) => ({ b: tenths / 10 + 0 })) }),
        { maxLength: 5 },
      ),
    })
    .chain((base) =>
      fc
        .record(
          { x: int(5, 2 ** 24 + 4), y: int(0, 65_535).map((raw) => raw * 2 - 9), p: int(0, 65_535) },
          { requiredKeys: [] },
        )
        .map((some) => ({
          ...base,
          ...some,
          flags: (some.x === undefined ? 0 : 4) + (some.y === undefined ? 0 : 1),
          ...(base.n === 1 && { one: 7 }),
          ...(base.n >= 2 && base.n <= 200 && { many: -7 }),
          ...(base.level > 7 && { q: base.level / 4, r: "yes" }),
        })),
    );

  it("holds for a layout with every construct", () => {
    fc.assert(
      fc.property(values, (given) => {
        const { bytes, errors } = payload.encode(given);
        expect(errors).toEqual([]);
        const decoded = payload.decode(bytes);
        expect([decoded.data, decoded.errors]).toEqual([given, []]);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws, whatever the values", () => {
    const names = fc.constantFrom(
      "kind",
      "t",
      "wide",
      "code",
      "fw",
      "list",
      "x",
      "p",
      "q",
      "flags",
      "n",
      "on",
      "channels",
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          names,
          fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true, withMap: true }),
        ),
        (given) => {
          const { bytes, errors } = payload.encode(given);
          expect(errors.length > 0 ? bytes.length : 0).toBe(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
